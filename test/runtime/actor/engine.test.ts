import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { counterKind } from '../../support/counter-actor.ts';
import { engineWorld } from '../../support/engine-world.ts';

void test('output gate: an answer leaves only when its entry is committed', async () => {
  const world = await engineWorld([counterKind]);
  const asked = world.ask('counter', 'a', { kind: 'add', by: 2 } as never);
  await world.turn();
  assert.equal(asked.outcome, undefined);
  await world.commit();
  assert.deepEqual(asked.outcome, { ok: true, answer: 2 });
  assert.deepEqual(asked.copies, [1, 1], 'on one disk, and there is no other');
});

void test('overlay: a command sees what an earlier turn wrote, a query only what is committed', async () => {
  const world = await engineWorld([counterKind]);
  world.ask('counter', 'a', { kind: 'add', by: 2 } as never);
  await world.turn();
  const second = world.ask('counter', 'a', { kind: 'add', by: 3 } as never);
  await world.turn();
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 0);
  await world.commit();
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 2);
  assert.equal(second.outcome, undefined);
  await world.commit();
  assert.deepEqual(second.outcome, { ok: true, answer: 5 });
});

void test('output gate: a refusal that could have seen uncommitted state waits for it', async () => {
  const world = await engineWorld([counterKind]);
  world.ask('counter', 'a', { kind: 'add', by: 2 } as never);
  const refusal = world.ask('counter', 'a', { kind: 'refuse' });
  await world.turn();
  assert.equal(refusal.outcome, undefined);
  await world.settle();
  assert.deepEqual(refusal.outcome, { ok: false, error: { code: 'no', transient: false, text: 'the value is 2' } });
});

void test('a handler that throws changes nothing, and a bug is answered as internal', async () => {
  const world = await engineWorld([counterKind]);
  const failed = world.ask('counter', 'a', { kind: 'fail' });
  const after = world.ask('counter', 'a', { kind: 'add', by: 1 } as never);
  await world.settle();
  assert.equal(failed.outcome?.ok === false && failed.outcome.error.code, 'internal');
  assert.deepEqual(after.outcome, { ok: true, answer: 1 });
  assert.equal(world.bugs.length, 1);
});

void test('dedup: a command sent twice has one effect and one answer', async () => {
  const world = await engineWorld([counterKind]);
  const id = { caller: 'edge', seq: 7 };
  const first = world.ask('counter', 'a', { kind: 'add', by: 1 } as never, { id });
  const second = world.ask('counter', 'a', { kind: 'add', by: 1 } as never, { id });
  await world.turn();
  assert.equal(second.outcome, undefined, 'the second answer waits for the effect of the first');
  await world.settle();
  assert.deepEqual(first.outcome, { ok: true, answer: 1 });
  assert.deepEqual(second.outcome, first.outcome);
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 1);
});

void test('dedup: the record survives a restart, and an id below the watermark is refused', async () => {
  const disk = new MemoryDisk();
  const before = await engineWorld([counterKind], { disk });
  before.ask('counter', 'a', { kind: 'add', by: 1 } as never, { id: { caller: 'edge', seq: 7 }, settledBelow: 5 });
  await before.settle();

  const world = await engineWorld([counterKind], { disk, clock: before.clock });
  const again = world.ask('counter', 'a', { kind: 'add', by: 1 } as never, {
    id: { caller: 'edge', seq: 7 },
    settledBelow: 5,
  });
  const old = world.ask('counter', 'a', { kind: 'add', by: 1 } as never, {
    id: { caller: 'edge', seq: 3 },
    settledBelow: 3,
  });
  await world.settle();
  assert.deepEqual(again.outcome, { ok: true, answer: 1 });
  assert.equal(old.outcome?.ok === false && old.outcome.error.code, 'commandSettled');
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 1);
});

void test('busy: a full backlog refuses what comes next and keeps what it has', async () => {
  const world = await engineWorld([counterKind], { limits: { backlogCommandsMax: 2 } });
  const asked = [1, 2, 3].map(() => world.ask('counter', 'a', { kind: 'add', by: 1 } as never));
  assert.equal(asked[2]?.outcome?.ok === false && asked[2].outcome.error.code, 'busy');
  await world.settle();
  assert.deepEqual(asked[1]?.outcome, { ok: true, answer: 2 });
});

void test('deadline: a command that waited too long is not begun', async () => {
  const world = await engineWorld([counterKind]);
  const asked = world.ask('counter', 'a', { kind: 'add', by: 1 } as never, { timeoutMs: 100 });
  world.clock.advance(101);
  await world.settle();
  assert.equal(asked.outcome?.ok === false && asked.outcome.error.code, 'deadlinePassed');
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 0);
});

void test('continuation: a long command lets others of the same actor in between', async () => {
  const world = await engineWorld([counterKind]);
  const long = world.ask('counter', 'a', { kind: 'addSlowly', times: 3 } as never);
  const short = world.ask('counter', 'a', { kind: 'add', by: 10 } as never);
  await world.settle();
  assert.deepEqual(short.outcome, { ok: true, answer: 11 });
  assert.deepEqual(long.outcome, { ok: true, answer: 13 });
});

void test('budget: a turn that reads too many rows is refused and keeps nothing', async () => {
  const world = await engineWorld([counterKind], { limits: { turnRowsReadMax: 100 } });
  const asked = world.ask('counter', 'a', { kind: 'readRows', count: 101 } as never);
  await world.settle();
  assert.equal(asked.outcome?.ok === false && asked.outcome.error.code, 'turnTooLarge');
});

void test('range: a command sees committed and uncommitted rows in one order, both ways', async () => {
  const world = await engineWorld([counterKind]);
  world.ask('counter', 'a', { kind: 'write', rows: 3 } as never);
  await world.settle();
  world.ask('counter', 'a', { kind: 'write', rows: 5 } as never);
  const up = world.ask('counter', 'a', { kind: 'list', limit: 4, reverse: false } as never);
  const down = world.ask('counter', 'a', { kind: 'list', limit: 4, reverse: true } as never);
  await world.settle();
  assert.deepEqual(up.outcome, { ok: true, answer: [0, 1, 2, 3] });
  assert.deepEqual(down.outcome, { ok: true, answer: [4, 3, 2, 1] });
});

void test('watching a kind: told of each committed change, before the answer to it leaves', async () => {
  const world = await engineWorld([counterKind]);
  const told: string[] = [];
  const first = world.ask('counter', 'a', { kind: 'add', by: 2 } as never);
  const end = world.engine.watchKind('counter', (key) => {
    told.push(`${key}, ${first.outcome === undefined ? 'unanswered' : 'answered'}`);
  });
  await world.turn();
  assert.deepEqual(told, []);
  await world.settle();
  assert.deepEqual(told, ['a, unanswered']);
  assert.equal(first.outcome?.ok, true);
  end();
  world.ask('counter', 'b', { kind: 'add', by: 2 } as never);
  await world.settle();
  assert.equal(told.length, 1);
});

void test('unknown kinds and impossible keys are refused by name', async () => {
  const world = await engineWorld([counterKind]);
  const unknown = world.ask('nobody', 'a', { kind: 'add' });
  assert.equal(unknown.outcome?.ok === false && unknown.outcome.error.code, 'unknownActorKind');
  for (const key of ['', 'a\0b', '\x01', 'a\x04', '\ud83d', 'a'.repeat(321), 'é'.repeat(161)]) {
    const badKey = world.ask('counter', key, { kind: 'add' });
    assert.equal(badKey.outcome?.ok === false && badKey.outcome.error.code, 'badActorKey');
    assert.equal(world.query('counter', key, { kind: 'value' }), 'badActorKey');
  }
  assert.deepEqual(world.fatals, []);
});

void test('a notice to an impossible key becomes a dead letter, and the node goes on', async () => {
  const world = await engineWorld([counterKind]);
  world.ask('counter', 'source', { kind: 'tell', to: ['a\x01', 'a\ud800'], by: 1 } as never);
  for (let i = 0; i < 12; i++) {
    await world.settle();
    world.clock.advance(10_000);
  }
  await world.settle();
  const codes = listDeadLetters(world.store, 10).map(({ error }) => error.code);
  assert.deepEqual(codes, ['badActorKey', 'badActorKey']);
  await assert.rejects(async () => {
    const [letter] = listDeadLetters(world.store, 1);
    const retried = world.engine.retryDeadLetter(letter!.shard, letter!.index);
    await Promise.all([retried, world.settle()]);
  }, /an actor key is/);
  assert.deepEqual(world.fatals, []);
});

void test('a body that nobody sent and the store does not have is refused', async () => {
  const world = await engineWorld([counterKind]);
  const asked = world.ask('counter', 'a', { kind: 'keep', hash: 'absent', tag: '1' } as never);
  await world.settle();
  assert.equal(asked.outcome?.ok === false && asked.outcome.error.code, 'bodyNotHere');
});

void test('stopping: no command is taken any more, what was taken is answered', async () => {
  const world = await engineWorld([counterKind]);
  const taken = world.ask('counter', 'a', { kind: 'add', by: 1 } as never);
  world.engine.stop();
  const late = world.ask('counter', 'a', { kind: 'add', by: 1 } as never);
  assert.equal(late.outcome?.ok === false && late.outcome.error.code, 'stopping');
  assert.equal(world.engine.isDrained, false);
  await world.settle();
  assert.deepEqual(taken.outcome, { ok: true, answer: 1 });
  assert.equal(world.engine.isDrained, true);
});
