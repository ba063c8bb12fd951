import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goneText, instructions } from '../../../cluster/try/instructions.ts';
import { layoutOf, setsOf } from '../../../cluster/try/layout.ts';
import { parseOptions, UsageError } from '../../../cluster/try/options.ts';
import { formatEnd } from '../../../cluster/try/programs.ts';
import { isWhole, progressOf, type TrialStatus } from '../../../cluster/try/trial.ts';
import { loadConfig } from '../../../runtime/config/load.ts';

const layout = layoutOf({ directory: './data', offset: 0 });
const running = layout.map((node, i) => ({ ...node, pid: 100 + i }));
const status = (changes: Partial<TrialStatus> = {}): TrialStatus => ({
  shards: { total: 256, served: 256, atGoal: 256 },
  goal: 3,
  nodes: ['n1', 'n2', 'n3'].map((id) => ({ id, alive: true, leads: 85 })),
  problems: [],
  ...changes,
});

void test('three nodes share no port, and their keys are allowed', () => {
  const ports = layout.flatMap(({ smtpPort, submissionPort, httpPort, meshPort }) => [
    smtpPort,
    submissionPort,
    httpPort,
    meshPort,
  ]);
  assert.equal(new Set(ports).size, 12);
  assert.deepEqual(ports.slice(0, 4), [2525, 2587, 8025, 2580]);
  for (const node of layout) {
    const sets = setsOf(node).filter((word) => word !== '--set');
    assert.equal(loadConfig({ sets }).config.mesh.listen[0]?.port, node.meshPort);
  }
});

void test('options: a directory and an offset, or a word that says what is wrong', () => {
  assert.deepEqual(parseOptions([]), { directory: './data', offset: 0 });
  assert.deepEqual(parseOptions(['--data', 'x', '--offset', '10000']), { directory: 'x', offset: 10_000 });
  assert.equal(parseOptions(['-h']), null);
  for (const words of [['--offset', 'x'], ['--offset', '65000'], ['--ofset', '1'], ['more']]) {
    assert.throws(() => parseOptions(words), UsageError, words.join(' '));
  }
});

void test('it waits for all nodes, all leaders and all copies', () => {
  assert.ok(isWhole(status(), 3));
  const shards = { total: 256, served: 256, atGoal: 256 };
  const dead = [
    { id: 'n1', alive: true, leads: 256 },
    { id: 'n2', alive: false, leads: 0 },
  ];
  for (const not of [
    { goal: 1 },
    { nodes: dead },
    { shards: { ...shards, atGoal: 255 } },
    { shards: { ...shards, served: 255 } },
  ]) {
    assert.ok(!isWhole(status(not), 3), JSON.stringify(not));
  }
  assert.match(progressOf(status({ goal: 1 }), 3), /· 0 of 256 with 3 copies$/);
  assert.equal(
    progressOf(status({ shards: { ...shards, atGoal: 180 } }), 3),
    '3 of 3 nodes alive · 256 of 256 shards led · 180 of 256 with 3 copies',
  );
});

void test('it says how to send, where the leaders are, and which process to kill: one that the commands do not ask', () => {
  const text = instructions(running, { status: status(), password: 'aaaaa-bbbbb', leader: 'n3' });
  assert.match(text, /^The mailbox of you@localhost\.localdomain is led by n3\.$/m);
  assert.match(text, /shown only now: aaaaa-bbbbb/);
  assert.match(text, /swaks --server 127\.0\.0\.1:2525 --to you@localhost\.localdomain/);
  assert.match(text, /kill n3, which leads that mailbox[^]*kill -9 102\n[^]*start --data data\/n3$/m);
  assert.match(text, /mailbox list you@localhost\.localdomain --data data\/n2/);
  assert.match(text, /n2 {2}process 101 {2}SMTP 2526 .* leads 85/);
  const again = instructions(running, { status: status(), password: null, leader: 'n1' });
  assert.match(again, /account passwd/);
  assert.match(again, /kill n2, send again[^]*kill -9 101/);
});

void test('a node that is gone is named with how it ended and how to start it again', () => {
  const [, second] = running;
  assert.ok(second);
  assert.equal(
    goneText(second, formatEnd({ code: null, signal: 'SIGKILL' }), 2),
    'n2 (process 101) was ended by SIGKILL. The others go on. Start it again: npx ringpost start --data data/n2',
  );
  assert.match(goneText(second, formatEnd({ code: 1, signal: null }), 0), /ended with status 1\. No other is left\./);
});
