import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorKind } from '../../../runtime/actor/actor.ts';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import { batchesKept, compactedEvery } from '../../../cluster/groups/compaction.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { counterKind, counters, failingKeys } from '../../support/counter-actor.ts';
import { engineWorld, type EngineWorld } from '../../support/engine-world.ts';

const rowsIn = (store: ReadableStore, space: string): number =>
  store.range({ ...below(rowKey([space])), limit: 10_000 }).length;

void test('notices reach their actors once, and leave no row behind', async () => {
  const world = await engineWorld([counterKind]);
  const to = Array.from({ length: 40 }, (_, i) => `target${i}`);
  world.ask('counter', 'source', { kind: 'tell', to, by: 3 } as never);
  await world.settle();
  for (const key of to) assert.equal(world.query('counter', key, { kind: 'value' }), 3);
  assert.equal(rowsIn(world.store, keyspace.outbox), 0);
});

void test('a notice does not leave before the turn that sends it is committed', async () => {
  const world = await engineWorld([counterKind]);
  world.ask('counter', 'source', { kind: 'tell', to: ['target'], by: 3 } as never);
  await world.turn();
  world.ask('counter', 'target', { kind: 'add', by: 0 } as never);
  await world.turn();
  await world.turn();
  assert.equal(world.query('counter', 'target', { kind: 'value' }), 0);
  await world.settle();
  assert.equal(world.query('counter', 'target', { kind: 'value' }), 3);
});

// The crash happens after each possible number of commits: before the notice, between effect and acknowledgement …
for (const commits of [1, 2, 3, 4]) {
  void test(`a crash after ${commits} commits neither loses nor doubles a notice`, async () => {
    const disk = new MemoryDisk();
    const before = await engineWorld([counterKind], { disk });
    const asked = before.ask('counter', 'source', { kind: 'tell', to: ['t1', 't2', 't1'], by: 1 } as never);
    await before.turn();
    for (let i = 0; i < commits; i++) await before.commit();
    before.tree.halt();
    assert.ok(asked.outcome?.ok, 'acknowledged with the first commit');

    const world = await engineWorld([counterKind], { disk, clock: before.clock });
    await world.settle();
    assert.equal(world.query('counter', 't1', { kind: 'value' }), 2);
    assert.equal(world.query('counter', 't2', { kind: 'value' }), 1);
    assert.equal(rowsIn(world.store, keyspace.outbox), 0);
    assert.deepEqual(world.fatals, []);
  });
}

void test('a channel that fell far behind is read on from the store, in order', async () => {
  const world = await engineWorld([counterKind]);
  const to = Array.from({ length: 900 }, () => 'target');
  world.ask('counter', 'source', { kind: 'tell', to, by: 1 } as never);
  world.ask('counter', 'source', { kind: 'tell', to, by: 1 } as never);
  await world.settle();
  assert.equal(world.query('counter', 'target', { kind: 'value' }), 1800);
  assert.equal(rowsIn(world.store, keyspace.outbox), 0);
});

void test('a notice that fails for good becomes a dead letter and lets those behind it pass', async () => {
  const world = await engineWorld([counterKind]);
  failingKeys.add('sick');
  try {
    world.ask('counter', 'source', { kind: 'tell', to: ['sick', 'well'], by: 1 } as never);
    for (let i = 0; i < 12; i++) {
      await world.settle();
      world.clock.advance(10_000);
    }
    await world.settle();
    assert.equal(world.query('counter', 'well', { kind: 'value' }), 1);
    const [letter, ...others] = listDeadLetters(world.store, 10);
    assert.ok(letter);
    assert.equal(letter.notice.key, 'sick');
    assert.equal(others.length, 0);

    await assertRejects(world, world.engine.retryDeadLetter(letter.shard, letter.index));
    failingKeys.delete('sick');
    const retried = world.engine.retryDeadLetter(letter.shard, letter.index);
    await world.settle();
    await retried;
    assert.equal(world.query('counter', 'sick', { kind: 'value' }), 1);
    assert.deepEqual(listDeadLetters(world.store, 10), []);
  } finally {
    failingKeys.delete('sick');
  }
});

void test('the body of a notice stays while the notice is on its way or a dead letter, and goes with it', async () => {
  const bytes = Buffer.from('a mail');
  const hash = bodyHash(bytes);
  const sender: ActorKind = {
    kind: 'sender',
    rowVersion: 1,
    command: (turn) => turn.tell(counters.ref('sick'), { kind: 'add', by: 1 }, [{ hash, sizeBytes: bytes.length }]),
    query: () => null,
  };
  const world = await engineWorld([counterKind, sender]);
  // So many commits that no entry of the log keeps the body any more.
  const commitMuch = async (): Promise<void> => {
    for (let i = 0; i < batchesKept + 2 * compactedEvery; i++) {
      world.ask('counter', 'other', { kind: 'add', by: 1 } as never);
      await world.settle();
      if (i % 100 === 0) world.clock.advance(250);
    }
  };
  failingKeys.add('sick');
  try {
    world.ask('sender', 'a', { kind: 'send' }, { bodies: [{ hash, bytes }] });
    await world.settle();
    await commitMuch();
    assert.ok(readBody(world.store, hash), 'on its way');
    for (let i = 0; i < 12; i++) {
      world.clock.advance(10_000);
      await world.settle();
    }
  } finally {
    failingKeys.delete('sick');
  }
  await commitMuch();
  const [letter] = listDeadLetters(world.store, 10);
  assert.ok(letter && readBody(world.store, hash), 'with the dead letter');
  const dropped = world.engine.dropDeadLetter(letter.shard, letter.index);
  await world.settle();
  await dropped;
  await commitMuch();
  assert.equal(readBody(world.store, hash), undefined);
});

async function assertRejects(world: EngineWorld, promise: Promise<void>): Promise<void> {
  const rejected = assert.rejects(promise);
  await world.settle();
  await rejected;
}
