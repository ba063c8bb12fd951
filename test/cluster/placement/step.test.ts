import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupView } from '../../../cluster/placement/next-move.ts';
import { moverSettings } from '../../../cluster/placement/settings.ts';
import { type Act, type MoverMemory, type MoverView, step } from '../../../cluster/placement/step.ts';
import { shardId, term } from '../../../runtime/base/ids.ts';
import { n, shardOfWords } from './shard-words.ts';

interface Scene {
  readonly nowMs?: number;
  /** Of shards 0, 1, 2 …; all led by n1. */
  readonly shards: readonly string[];
  readonly want: string;
  readonly when?: string;
  readonly metadataShard?: number;
  readonly others?: readonly Partial<GroupView>[];
}

function viewOf({ nowMs = 0, shards, want, when, metadataShard = 999, others = [] }: Scene): MoverView {
  const said = shards.map((is) => shardOfWords(is, want, when));
  const { goals, nodes } = shardOfWords(shards[0]!, want, when);
  const led = said.map(({ group }, shard) => ({ ...group, shard: shardId(shard) }));
  const foreign = others.map((other, i) => ({
    ...led[0]!,
    shard: shardId(100 + i),
    role: 'follower' as const,
    ...other,
  }));
  return {
    nowMs,
    groups: [...led, ...foreign],
    desired: { ...goals, metadataShard: shardId(metadataShard) },
    nodes,
    settings: moverSettings,
  };
}

const none: MoverMemory = new Map();
const wordsOf = (act: Act): string =>
  act.kind === 'transfer' ? `${act.shard} transfer ${act.to}` : `${act.shard} ${act.change.kind} ${act.change.node}`;
const actsOf = (view: MoverView, memory = none): string[] => step(memory, view).acts.map(wordsOf);
/** Led for long. */
const settled = (scene: Scene): MoverMemory => step(none, viewOf({ ...scene, nowMs: -60_000 })).memory;

void test('two copies to a node at once, and to another node two as well', () => {
  const { acts, isWaiting } = step(none, viewOf({ shards: ['1', '1', '1', '1', '1'], want: '1 2 3' }));
  assert.deepEqual(acts.map(wordsOf), ['0 addLearner n2', '1 addLearner n2', '2 addLearner n3', '3 addLearner n3']);
  assert.equal(isWaiting, true);
});

void test('copies on their way count, those that are there do not', () => {
  assert.deepEqual(actsOf(viewOf({ shards: ['1 | 2~', '1 | 2~', '1'], want: '1 2' })), []);
  assert.deepEqual(actsOf(viewOf({ shards: ['1 | 2~', '1 2', '1'], want: '1 2' })), ['2 addLearner n2']);
  assert.deepEqual(actsOf(viewOf({ shards: ['1 | 2 3~', '1 | 2 3~', '1'], want: '1 2 3' })), ['2 addLearner n2']);
  assert.deepEqual(actsOf(viewOf({ shards: ['1 | 2~', '1 | 2~', '1'], want: '1 2 3', when: 'dead2' })), [
    ...['0 addLearner n3', '1 addLearner n3'],
  ]);
});

void test('copies that others are seen to give halve the share of this leader, and never take all of it', () => {
  const learning = (node: number, leader: number): Partial<GroupView> => ({
    leader: n(leader),
    configuration: { voters: [n(1), n(leader)], learners: [n(node)], witness: null },
  });
  const shards = ['1', '1', '1'];
  const others = [learning(2, 3), learning(2, 3), learning(2, 3)];
  assert.deepEqual(actsOf(viewOf({ shards, want: '1 2', others })), ['0 addLearner n2']);
  const two = ['0 addLearner n2', '1 addLearner n2'];
  assert.deepEqual(actsOf(viewOf({ shards, want: '1 2', others, when: 'dead3' })), two, 'nobody gives them any more');
  const ofMetadata = others.slice(0, 1);
  assert.deepEqual(actsOf(viewOf({ shards, want: '1 2', others: ofMetadata, metadataShard: 100 })), two);
});

void test('the shard of the metadata comes first', () => {
  const shards = ['1', '1', '1', '1'];
  assert.deepEqual(actsOf(viewOf({ shards, want: '1 2', metadataShard: 3 })), ['3 addLearner n2', '0 addLearner n2']);
});

void test('only shards that are led here are moved', () => {
  const others = [{ configuration: { voters: [n(1)], learners: [n(9)], witness: null } }];
  const { acts, memory, isWaiting } = step(none, viewOf({ shards: ['1 2'], want: '1 2', others }));
  assert.deepEqual(acts, []);
  assert.deepEqual([...memory.keys()], [0]);
  assert.equal(isWaiting, false);
});

void test('eight leaders change at once; those under way count', () => {
  const scene = { shards: Array.from({ length: 12 }, () => '1 2 3'), want: '1 2 3', when: 'assigned2' };
  const memory = settled(scene);
  const { acts, isWaiting } = step(memory, viewOf(scene));
  assert.equal(acts.length, 8);
  assert.equal(isWaiting, true);
  const view = viewOf(scene);
  const groups = view.groups.map((group, i) => (i < 5 ? { ...group, transferTo: n(2) } : group));
  assert.equal(step(memory, { ...view, groups }).acts.length, 3);
});

void test('a node that should lead nothing hands all over at once', () => {
  const scene = { shards: Array.from({ length: 12 }, () => '1 2 3'), want: '1 2 3', when: 'weak' };
  assert.equal(step(none, viewOf(scene)).acts.length, 12);
});

void test('who has just begun to lead keeps the shard for a second, in each term anew', () => {
  const scene = { shards: ['1 2 3'], want: '1 2 3', when: 'assigned2' };
  let { memory, acts } = step(none, viewOf(scene));
  assert.deepEqual(acts, []);
  ({ memory, acts } = step(memory, viewOf({ ...scene, nowMs: 999 })));
  assert.deepEqual(acts, []);
  const later = viewOf({ ...scene, nowMs: 1_000 });
  assert.equal(step(memory, later).acts.length, 1);
  const groups = later.groups.map((group) => ({ ...group, term: term(2) }));
  assert.deepEqual(step(memory, { ...later, groups }).acts, []);
});

void test('a transfer that came to nothing is tried again after ten seconds', () => {
  const scene = { shards: ['1 2 3'], want: '1 2 3', when: 'assigned2' };
  let { memory, acts } = step(settled(scene), viewOf(scene));
  assert.equal(acts.length, 1);
  ({ memory, acts } = step(memory, viewOf({ ...scene, nowMs: 9_999 })));
  assert.deepEqual(acts, []);
  assert.equal(step(memory, viewOf({ ...scene, nowMs: 10_000 })).acts.length, 1);
});

void test('a ready learner waits half a minute for a second one, counted from when it was ready', () => {
  const scene = { shards: ['1 | 2 3~'], want: '1 2 3' };
  let { memory, acts } = step(none, viewOf({ shards: ['1 | 2~ 3~'], want: '1 2 3', nowMs: -60_000 }));
  ({ memory, acts } = step(memory, viewOf(scene)));
  ({ memory, acts } = step(memory, viewOf({ ...scene, nowMs: 29_999 })));
  assert.deepEqual(acts, []);
  assert.deepEqual(actsOf(viewOf({ ...scene, nowMs: 30_000 }), memory), ['0 promote n2']);
});
