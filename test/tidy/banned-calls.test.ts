import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { bannedCalls, neededAllowances } from './banned-calls.ts';
import { plant } from './plant.ts';

const names = (findings: readonly string[]): (string | undefined)[] =>
  findings.map((finding) => /:(\d+ uses .*);/.exec(finding)?.[1]);

void test('rule: time, chance and I/O beside the door are found, however they are written', () => {
  const source = [
    "import { readFile } from 'node:fs/promises';",
    "import { createHash, randomBytes } from 'node:crypto';",
    "import net from 'net';",
    'const at = [Date.now(), new Date(), Date(), performance.now()];',
    'const timers = { setTimeout, later: setInterval };',
    'globalThis.setImmediate(() => Math.random());',
    'const signal = AbortSignal.timeout(5);',
    "const child = await import('node:child_process');",
    "const answer = await fetch('http://example.org');",
  ];
  deepEqual(names(plant(bannedCalls, { 'actors/mail/a.ts': source.join('\n') })), [
    '1 uses node:fs/promises',
    '2 uses randomBytes of node:crypto',
    '3 uses net',
    '8 uses node:child_process',
    ...['5 uses setTimeout', '5 uses setInterval', '9 uses fetch'],
    ...['4 uses Date.now', '4 uses new Date', '4 uses new Date', '4 uses performance.now'],
    ...['6 uses setImmediate', '6 uses Math.random', '7 uses AbortSignal.timeout'],
  ]);
});

void test('rule: comments, strings, types, members and own names are no calls', () => {
  const source = [
    '// Date.now() and setTimeout()',
    "const text = 'Math.random()';",
    "import type { Socket } from 'node:net';",
    "import { isIP } from 'node:net';",
    "import { createHash } from 'node:crypto';",
    'socket.setTimeout(5); const verbs = { fetch: run };',
    'interface Clock { setTimeout(): void; }',
    'const date = new Date(turn.nowMs);',
  ];
  const own = "import { fetch } from './fetch.ts';\nfetch('1:*');";
  deepEqual(plant(bannedCalls, { 'actors/mail/a.ts': source.join('\n'), 'actors/mail/b.ts': own }), []);
});

void test('rule: the wrappers, tests and benchmarks may', () => {
  const found = plant(bannedCalls, {
    'runtime/base/clock.ts': 'Date.now();',
    'test/a.test.ts': 'Date.now();',
    'bench/a.ts': 'Math.random();',
  });
  deepEqual(found, []);
});

void test('rule: an allowance for one door opens no other, and one that nobody uses is found', () => {
  deepEqual(names(plant(bannedCalls, { 'runtime/base/clock.ts': 'Math.random();' })), ['1 uses Math.random']);
  const found = plant(neededAllowances, { 'runtime/base/clock.ts': 'Math.random();' });
  deepEqual(found[0], "runtime/base/clock.ts:1 has the door 'time' open and does not use it");
});
