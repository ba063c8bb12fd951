import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findTool, skipUnless, type Tool } from './tools.ts';

const nothing = (): null => null;
const everything = (tool: Tool): string => `/usr/bin/${tool}`;

void test('tools: a test whose tool is missing is skipped by name, with the cure', () => {
  deepEqual(skipUnless(['swaks'], nothing, false), { skip: 'needs swaks: apt-get install swaks' });
  deepEqual(skipUnless(['smtp-source', 'postfix', 'ip'], nothing, false), {
    skip: 'needs smtp-source, postfix, ip: apt-get install postfix iproute2',
  });
});

void test('tools: CI fails where others skip', () => {
  throws(() => skipUnless(['strace'], nothing, true), /skips nothing.*needs strace: apt-get install strace/);
});

void test('tools: a test whose tools are all there runs, in CI too', () => {
  deepEqual(skipUnless(['swaks', 'strace'], everything, false), {});
  deepEqual(skipUnless(['swaks', 'strace'], everything, true), {});
});

void test('tools: a tool is found on the path, and null says that it is not there', () => {
  match(findTool('ps') ?? '', /\/ps$/);
  equal(findTool('no-such-tool' as Tool), null);
});

void test('tools: CI installs every tool that a test can ask for', () => {
  const source = readFileSync(new URL('./tools.ts', import.meta.url), 'utf8');
  const table = source.slice(source.indexOf('const packageOf'), source.indexOf('} as const'));
  const run = readFileSync(new URL('../../.ci/run', import.meta.url), 'utf8');
  for (const [, tool, name] of table.matchAll(/^ {2}'?([\w-]+)'?: '([\w-]+)',$/gm)) {
    match(run, new RegExp(`^ *\\[${tool}\\]=${name}$`, 'm'), `.ci/run installs ${name} for ${tool}`);
  }
});
