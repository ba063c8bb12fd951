import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminRows } from '../../../actors/admin/admin-rows.ts';
import { mailCliRows, mailNouns } from '../../../actors/admin/cli-rows.ts';
import { nodeNouns, nodeRows } from '../../../runtime/cli/node-rows.ts';
import { say } from './admin-world.ts';

const node = nodeRows({ start: () => Promise.resolve(), quickstart: () => Promise.resolve() });
const rows = [...node, ...mailCliRows];
const permission = /^[a-z]+(?:[A-Z][a-z]+)*\.(?:read|write|run)$/;

void test('every subcommand has a permission, a summary, examples and a noun that help explains', () => {
  for (const row of rows) {
    assert.match(row.permission, permission, row.name);
    assert.match(row.summary, /^[A-Z].*[^.]$/, row.name);
    assert.ok(row.examples.length > 0, row.name);
    for (const example of row.examples) assert.ok(example.startsWith(`ringpost ${row.name}`), example);
    const [noun = '', verb] = row.name.split(' ');
    if (verb !== undefined) assert.ok(mailNouns.has(noun) || nodeNouns.has(noun), noun);
    for (const { name, summary } of row.args ?? []) assert.ok(/^[<[]/.test(name) && summary.length > 0, row.name);
  }
});

void test('names are given once, on the command line and in the admin API', () => {
  for (const table of [rows, adminRows]) {
    const names = table.map((row) => row.name);
    assert.deepEqual(names, [...new Set(names)]);
  }
});

void test('every row of the admin API has a permission and a summary, and refuses arguments that it does not know', async () => {
  for (const row of adminRows) {
    assert.match(row.permission, permission, row.name);
    assert.match(row.summary, /^[A-Z].*[^.]$/, row.name);
    await assert.rejects(
      row.handle({} as never, { nonsense: 1 }, new Uint8Array(0)),
      { code: 'badArguments' },
      row.name,
    );
  }
});

void test('the help of every subcommand shows its summary, its options and its examples', async () => {
  for (const row of rows) {
    const { status, text } = await say([...row.name.split(' '), '--help']);
    assert.equal(status, 0, row.name);
    assert.ok(text.includes(row.summary), row.name);
    for (const example of row.examples) assert.ok(text.includes(example), example);
    if (row.needs === 'node') assert.match(text, /--data <dir>[^]*--json/, row.name);
  }
});

void test('the help of everything names every noun', async () => {
  const { text } = await say(['--help']);
  for (const row of rows) assert.match(text, new RegExp(`^ {2}${row.name.split(' ')[0]}\\b`, 'm'));
});
