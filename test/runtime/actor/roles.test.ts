/** Shards come and go: who asked is told, nothing is answered that may not be so, and the next leader goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ActorKind, defineActor } from '../../../runtime/actor/actor.ts';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import { timerKeys } from '../../../runtime/actor/turn.ts';
import type { Limits } from '../../../runtime/base/limits.ts';
import { encodeRow } from '../../../runtime/codec/row.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { counterKind, failingKeys } from '../../support/counter-actor.ts';
import { type ReplicaNode, Replicas } from './replicas-world.ts';

const value = { kind: 'value' };
const add = (by: number) => ({ kind: 'add', by });

function world(kinds: readonly ActorKind[] = [counterKind], limits: Partial<Limits> = {}): Replicas {
  return new Replicas({ nodes: 2, shardCount: 4, kinds, limits });
}

/** Two nodes; the first leads the shard of actor `a`. */
function pair(kinds?: readonly ActorKind[], limits?: Partial<Limits>) {
  const replicas = world(kinds, limits);
  const [first, second] = replicas.nodes as [ReplicaNode, ReplicaNode];
  const shard = replicas.shardOf(kinds?.[0]?.kind ?? 'counter', 'a');
  replicas.move(shard, first);
  return { replicas, first, second, shard };
}

const codeOf = (asked: { readonly outcome: unknown }): unknown =>
  (asked.outcome as { error?: { code: string } } | undefined)?.error?.code;
const answerOf = (asked: { readonly outcome: unknown }): unknown =>
  (asked.outcome as { answer?: unknown } | undefined)?.answer;

function requireSound(replicas: Replicas): void {
  for (const { fatals, bugs } of replicas.nodes) assert.deepEqual([fatals, bugs], [[], []]);
}

void test('a command for a shard that is led elsewhere is told so at once, and leaves nothing', () => {
  const { second } = pair();
  const asked = second.ask('counter', 'a', add(1));
  assert.equal(codeOf(asked), 'notLeader');
  assert.ok(asked.outcome?.ok === false && asked.outcome.error.transient, 'the same id may succeed elsewhere');
  assert.equal(second.engine.stats.activations, 0);
  assert.equal(second.engine.isDrained, true);
});

void test('what waits in a backlog when the shard is lost is told so, and never runs', async () => {
  const { replicas, first, shard } = pair();
  const asked = [first.ask('counter', 'a', add(1)), first.ask('counter', 'a', add(1))];
  first.log.hearsOfLoss(shard);
  assert.deepEqual(asked.map(codeOf), ['notLeader', 'notLeader']);
  await first.turn();
  assert.equal(first.log.lastIndex(shard), 0, 'no entry was made');
  requireSound(replicas);
});

void test('whose entry was appended is told so, and hears no answer when it is committed after all', async () => {
  const { replicas, first, second, shard } = pair();
  const id = { caller: 'edge', seq: 1 };
  const asked = first.ask('counter', 'a', add(5), id);
  await first.turn();
  assert.equal(asked.outcome, undefined);
  replicas.moveUnheard(shard, second, 1);
  await replicas.settle();
  assert.equal(asked.outcome, undefined, 'whoever does not know that he was deposed says nothing');
  first.log.hearsOfLoss(shard);
  assert.equal(codeOf(asked), 'notLeader');
  first.log.catchUp(shard);
  await replicas.settle();
  assert.equal(codeOf(asked), 'notLeader');

  const again = second.ask('counter', 'a', add(5), id);
  await replicas.settle();
  assert.equal(answerOf(again), 5, 'the same answer, from the record of the entry that survived');
  const other = second.ask('counter', 'a', add(1));
  await replicas.settle();
  assert.equal(answerOf(other), 6, 'its effect is there once');
  requireSound(replicas);
});

void test('an entry that did not survive is no effect: the same id has it at the next leader', async () => {
  const { replicas, first, second, shard } = pair();
  const id = { caller: 'edge', seq: 1 };
  const asked = first.ask('counter', 'a', add(5), id);
  await first.turn();
  replicas.move(shard, second);
  assert.equal(codeOf(asked), 'notLeader');
  const again = second.ask('counter', 'a', add(5), id);
  await replicas.settle();
  assert.equal(answerOf(again), 5);
  requireSound(replicas);
});

for (const entries of [2, 1_000]) {
  const where = entries === 2 ? 'between two of its turns' : 'before its last entry is committed';
  void test(`a chain of turns that is cut off ${where} is told so, to all who asked for it`, async () => {
    // Counted in entries here: nothing runs while so many wait.
    const { replicas, first, second, shard } = pair([counterKind], { pendingBytesMax: entries });
    const id = { caller: 'edge', seq: 1 };
    const slowly = { kind: 'addSlowly', times: 8 };
    const asked = [first.ask('counter', 'a', slowly, id)];
    await first.turn();
    asked.push(first.ask('counter', 'a', slowly, id));
    await first.turn();
    assert.equal(first.log.uncommitted(shard), Math.min(entries, 8));
    first.log.commit(shard, 1);
    await first.turn();
    asked.push(first.ask('counter', 'a', slowly, id));
    replicas.move(shard, second);
    assert.deepEqual(asked.map(codeOf), ['notLeader', 'notLeader', 'notLeader']);
    const again = second.ask('counter', 'a', slowly, id);
    await replicas.settle();
    assert.equal(answerOf(again), 9, 'it begins anew behind what is committed, and nobody waits for the old one');
    requireSound(replicas);
  });
}

void test('volatile parts and the rows of turns that did not survive are forgotten', async () => {
  const kind: ActorKind = {
    kind: 'memory',
    rowVersion: 1,
    activate: () => ({ turns: 0 }),
    command(turn, _command, activation) {
      const memory = activation as { turns: number };
      const rows = (turn.get<number>(['n']) ?? 0) + 1;
      turn.put(['n'], rows);
      return [++memory.turns, rows];
    },
    query: () => null,
  };
  const { replicas, first, shard } = pair([kind]);
  first.ask('memory', 'a', { kind: 'go' });
  await replicas.settle();
  first.ask('memory', 'a', { kind: 'go' });
  await first.turn();
  // Lost and served again before the loop turns.
  first.log.hearsOfLoss(shard);
  replicas.truth.elect(shard, first.log);
  const asked = first.ask('memory', 'a', { kind: 'go' });
  await replicas.settle();
  assert.deepEqual(answerOf(asked), [1, 2], 'from the store, not from memory');
  requireSound(replicas);
});

void test('served again without having been lost: what was under way is told so, and memory is not believed', async () => {
  const { replicas, first, shard } = pair();
  const asked = first.ask('counter', 'a', add(1));
  await first.turn();
  const waiting = first.ask('counter', 'a', add(1));
  const events = { ...first.engine.stats };
  assert.equal(events.shardsServed, 1);
  // In a new term, of which the engine hears nothing but the second `served`.
  first.log.becomeLeaderAgain(shard);
  assert.deepEqual([codeOf(asked), codeOf(waiting)], ['notLeader', 'notLeader']);
  const again = first.ask('counter', 'a', add(1));
  await replicas.settle();
  assert.equal(answerOf(again), 1);
  assert.equal(first.engine.stats.shardsServed, 1);
  requireSound(replicas);
});

void test('no output of an entry leaves here once the shard is lost: notices and timers are the next leader’s', async () => {
  const { replicas, first, second, shard } = pair();
  const changed: string[] = [];
  first.engine.watchKind('counter', (key) => changed.push(key));
  const target = ['b', 'c', 'd', 'e', 'f'].find((key) => replicas.shardOf('counter', key) !== shard)!;
  first.ask('counter', 'a', { kind: 'tell', to: [target], by: 1 });
  first.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs: first.clock.nowMs() + 100 });
  await first.turn();
  replicas.moveUnheard(shard, second, 2);
  first.log.hearsOfLoss(shard);
  first.log.catchUp(shard);
  await first.turn();
  assert.equal(replicas.frames.filter(({ from }) => from === first).length, 0);
  assert.deepEqual(changed, []);
  first.clock.advance(60_000);
  await first.turn();
  assert.equal(first.engine.stats.activations, 0, 'no timer fired');
  requireSound(replicas);
});

void test('timers fire where the shard is led, and once over a takeover', async () => {
  const { replicas, first, second, shard } = pair();
  const dueMs = first.clock.nowMs() + 1_000;
  first.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs });
  await replicas.settle();
  // It fires here, but the entry that says so does not survive.
  first.clock.advance(2_000);
  await first.turn();
  assert.equal(first.log.uncommitted(shard), 1);
  replicas.move(shard, second);
  second.clock.advance(2_000);
  await replicas.settle();
  assert.equal(answerOf(second.query('counter', 'a', value)), undefined, 'not without confirmation');
  for (let i = 0; i < 4; i++) {
    replicas.advance(20_000);
    await replicas.settle();
  }
  const asked = second.query('counter', 'a', value);
  await replicas.settle();
  assert.equal(answerOf(asked), 1);
  replicas.move(shard, first);
  replicas.advance(20_000);
  await replicas.settle();
  const again = first.query('counter', 'a', value);
  await replicas.settle();
  assert.equal(answerOf(again), 1);
  requireSound(replicas);
});

void test('a timer of a kind that this program does not have is put off again when that entry did not survive', async () => {
  const { replicas, first, second, shard } = pair();
  const dueMs = first.clock.nowMs() + 1_000;
  const { byName, byTime } = timerKeys({ shard, kind: { kind: 'newer' }, key: 'a' }, 'x', dueMs);
  const rows = [byName, byTime].map((key) => ({ key, value: encodeRow(1, dueMs) }));
  replicas.move(shard, null);
  replicas.truth.commit(shard, [{ timeMs: dueMs - 1_000, rows, holds: [], bodies: [] }]);
  for (let round = 1; round <= 2; round++) {
    replicas.move(shard, first);
    first.clock.advance(2_000);
    await first.turn();
    assert.equal(first.log.uncommitted(shard), 1);
    assert.equal(first.bugs.length, round);
    replicas.move(shard, second);
  }
  assert.deepEqual(first.fatals, []);
});

void test('records that nobody needs any more are taken away where the shard is led, and nowhere else', async () => {
  const { replicas, first, second, shard } = pair();
  first.ask('counter', 'a', add(1));
  await replicas.settle();
  replicas.move(shard, second);
  const records = (): number => second.store.range({ ...below(rowKey([keyspace.dedup])), limit: 9 }).length;
  assert.equal(records(), 1);
  for (const { clock } of replicas.nodes) clock.jump(2 * 86_400_000);
  for (let stride = 0; stride < 6; stride++) {
    replicas.advance(5_000);
    await replicas.settle();
  }
  assert.equal(records(), 0);
  requireSound(replicas);
});

void test('a query is answered once a majority confirms, and refused when another leads', async () => {
  const { replicas, first, second, shard } = pair();
  first.ask('counter', 'a', add(1));
  await replicas.settle();
  const asked = first.query('counter', 'a', value);
  await first.turn();
  assert.equal(asked.outcome, undefined);
  assert.equal(first.engine.isDrained, false);
  first.log.answerConfirms();
  assert.equal(answerOf(asked), 1);
  assert.equal(first.engine.isDrained, true);

  replicas.moveUnheard(shard, second);
  second.ask('counter', 'a', add(1));
  await second.turn();
  second.log.commit(shard);
  const stale = first.query('counter', 'a', value);
  first.log.answerConfirms();
  assert.equal(codeOf(stale), 'notLeader');
  assert.equal(answerOf(first.query('counter', 'a', value, true)), 1, 'a local one may be old');
  first.log.hearsOfLoss(shard);
  assert.equal(codeOf(first.query('counter', 'a', value)), 'notLeader');
  assert.equal(answerOf(second.query('counter', 'a', value, true)), 2);
  requireSound(replicas);
});

void test('what a command answers without an entry of its own needs confirmation, too', async () => {
  const { replicas, first, second, shard } = pair();
  await replicas.settle();
  replicas.moveUnheard(shard, second);
  second.ask('counter', 'a', add(7));
  await second.turn();
  second.log.commit(shard);
  const stale = [
    first.ask('counter', 'a', { kind: 'refuse' }),
    first.ask('counter', 'a', { kind: 'readRows', count: 1 }),
  ];
  await first.turn();
  assert.deepEqual(
    stale.map((one) => one.outcome),
    [undefined, undefined],
  );
  assert.equal(first.engine.isDrained, false);
  first.log.answerConfirms();
  assert.deepEqual(stale.map(codeOf), ['notLeader', 'notLeader']);
  const fresh = second.ask('counter', 'a', { kind: 'refuse' });
  await replicas.settle();
  assert.equal(codeOf(fresh), 'no');
  requireSound(replicas);
});

void test('whoever watches an actor is told when its shard comes: it may have changed elsewhere', async () => {
  const { replicas, second, shard } = pair();
  let told = 0;
  const end = second.engine.watch(defineActor('counter').ref('a'), () => void told++);
  replicas.move(shard, second);
  assert.equal(told, 1);
  end();
  replicas.move(shard, null);
  replicas.move(shard, second);
  assert.equal(told, 1);
  requireSound(replicas);
});

void test('the end of a dead letter is not told before it is committed, and told as unknown when the shard is lost', async () => {
  const { replicas, first, second, shard } = pair();
  failingKeys.add('a');
  try {
    first.ask('counter', 'a', { kind: 'tell', to: ['a'], by: 1 });
    for (let i = 0; i < 12; i++) {
      await replicas.settle();
      replicas.advance(10_000);
    }
  } finally {
    failingKeys.delete('a');
  }
  const [letter] = listDeadLetters(first.store, 10);
  assert.ok(letter);
  const dropped = assert.rejects(first.engine.dropDeadLetter(letter.shard, letter.index), { code: 'notLeader' });
  await first.turn();
  assert.equal(first.log.uncommitted(shard), 1);
  replicas.move(shard, second);
  await dropped;
  const elsewhere = assert.rejects(first.engine.retryDeadLetter(letter.shard, letter.index), { code: 'notLeader' });
  await first.turn();
  await elsewhere;
  replicas.move(shard, first);
  const retried = first.engine.retryDeadLetter(letter.shard, letter.index);
  await replicas.settle();
  await retried;
  assert.deepEqual(listDeadLetters(first.store, 10), []);
  const asked = first.query('counter', 'a', value);
  await replicas.settle();
  assert.equal(answerOf(asked), 2, 'its own turn and the notice');
  requireSound(replicas);
});

void test('to take over a shard costs two looks at the store, however much is in it', async () => {
  const { replicas, first, second, shard } = pair();
  for (let i = 0; i < 50; i++) {
    first.ask('counter', 'a', { kind: 'addLater', name: `x${i}`, dueMs: first.clock.nowMs() + 1_000_000 + i });
    first.ask('counter', 'a', { kind: 'write', rows: 100 });
  }
  await replicas.settle();
  second.log.catchUp(shard);
  let looks = 0;
  const { range, get } = second.store;
  second.store.range = (options) => (looks++, range.call(second.store, options));
  second.store.get = (key) => (looks++, get.call(second.store, key));
  replicas.move(shard, second);
  assert.equal(looks, 2, 'its first notice and its first timer');
  requireSound(replicas);
});

void test('when all shards are lost nothing of them is left, in memory or in wait', async () => {
  const replicas = world();
  const [first] = replicas.nodes as [ReplicaNode];
  for (const shard of replicas.shards) replicas.move(shard, first);
  const idle = first.clock.alarms;
  for (let i = 0; i < 40; i++) {
    const to = Array.from({ length: 5 }, (_, j) => `k${(i + j * 7) % 40}`);
    first.ask('counter', `k${i}`, { kind: 'tell', to, by: 1 });
    first.ask('counter', `k${i}`, { kind: 'addLater', name: 'x', dueMs: first.clock.nowMs() + 1_000 + i });
    first.ask('counter', `k${i}`, add(1));
    if (i % 5 === 0) {
      await first.turn();
      for (const shard of replicas.shards) first.log.commit(shard, 3);
    }
  }
  assert.ok(first.engine.stats.outputsWaiting > 0 && first.engine.stats.noticesUnderWay > 0);
  for (const shard of replicas.shards) replicas.move(shard, null);
  await first.turn();
  assert.deepEqual(first.engine.stats, {
    shardsServed: 0,
    activations: 0,
    backlogCommands: 0,
    outputsWaiting: 0,
    noticesUnderWay: 0,
  });
  assert.equal(first.engine.isDrained, true);
  assert.equal(first.clock.alarms, idle);
  requireSound(replicas);
});
