import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tableLines } from '../../../runtime/cli/table.ts';
import { formatDuration, safeText } from '../../../runtime/cli/units.ts';
import { say } from '../../actors/admin/admin-world.ts';

void describe('wrong words', () => {
  for (const [words, hint] of [
    [['acount', 'list'], /Did you mean account\?/],
    [['account', 'lst'], /Did you mean list\?/],
    [['add', 'account', 'x@y.example'], /Did you mean ringpost account add\?/],
    [['status', '--jsn'], /Did you mean --json\?/],
    [['frobnicate'], /--help/],
    [['account'], /Commands:/],
    [['account', 'add'], /missing required argument 'address'/],
    [['status', 'superfluous'], /too many arguments/],
  ] as const) {
    void test(`ringpost ${words.join(' ')}: exit status 2, and a hint`, async () => {
      const said = await say([...words]);
      assert.equal(said.status, 2);
      assert.match(said.err, hint);
      assert.equal(said.text, '');
    });
  }
});

void test('--version and --help are no errors, and go to standard output', async () => {
  assert.deepEqual(await say(['--version']).then(({ status, text }) => [status, text]), [0, '1.2.3\n']);
  assert.equal((await say(['--help'])).status, 0);
});

void test('config: a right one is confirmed, a wrong key is refused with the nearest one', async () => {
  const right = await say(['config', 'check', '--set', 'smtp.listen=127.0.0.1:2525']);
  assert.match(right.text, /The configuration is right\. Not default:\n {2}smtp\.listen from --set/);
  const wrong = await say(['config', 'check', '--set', 'smtp.lisen=:25']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /smtp\.listen/);
  assert.match((await say(['config', 'describe'])).text, /^data\n/);
});

void test('a socket path that is too long for the system is refused with the cure', async () => {
  const said = await say(['status', '--data', `/${'x'.repeat(200)}`]);
  assert.equal(said.status, 1);
  assert.match(said.err, /\[socketPathTooLong\]/);
});

void test('account remove asks a person first, and does nothing without the word', async () => {
  const said = await say(['account', 'remove', 'ann@x.example', '--data', 'nowhere'], 'no\n', true);
  assert.equal(said.status, 1);
  assert.match(said.err, /type the address: .*\[notConfirmed\]/s);
});

void test('tables: aligned by the widest of the first rows, and safe for a terminal', async () => {
  const columns = [
    { title: 'NAME', cell: (row: { name: string; n: number }) => row.name },
    { title: 'N', align: 'right' as const, cell: (row: { name: string; n: number }) => row.n },
  ];
  const lines: string[] = [];
  for await (const line of tableLines(columns, [
    { name: 'a\x1b[2J', n: 5 },
    { name: 'b', n: 12_345 },
  ]))
    lines.push(line);
  assert.deepEqual(lines, ['NAME            N', 'a\\u001b[2J      5', 'b           12345']);
});

void test('units: durations, text of strangers', () => {
  assert.equal(formatDuration(93_784_000), '1 d 2 h');
  assert.equal(formatDuration(0), '0 s');
  assert.equal(safeText('a\u202eb\n', '\n'), 'a\\u202eb\n');
});
