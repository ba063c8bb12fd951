/** What an adversary tried on the engine: each test is a promise that was broken once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ActorKind, Continue, type Protocol, type Turn } from '../../../runtime/actor/actor.ts';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { counterKind, counters, failingKeys } from '../../support/counter-actor.ts';
import { engineWorld, type EngineWorld as World, shardCount } from '../../support/engine-world.ts';

/** An actor that does whatever a test hands it, by name. */
function scripted(kind: string, scripts: Readonly<Record<string, (turn: Turn) => unknown>>): ActorKind {
  return {
    kind,
    rowVersion: 1,
    command: (turn, command) => scripts[command.kind]?.(turn),
    query: (view) => view.get(['n']) ?? 0,
  };
}

const addOne = (turn: Turn): number => {
  const n = (turn.get<number>(['n']) ?? 0) + 1;
  turn.put(['n'], n);
  return n;
};

async function advance(world: World, byMs: number, steps = 10): Promise<void> {
  for (let step = 0; step < steps; step++) {
    world.clock.advance(byMs / steps);
    await world.settle();
  }
}

const value = (world: World, key: string): unknown => world.query('counter', key, { kind: 'value' });

void test('one activation an actor, also when all others are busy and there is no room for one more', async () => {
  const world = await engineWorld([counterKind], { limits: { activationsMax: 1 } });
  world.ask('counter', 'busy', { kind: 'add', by: 1 } as never);
  await world.turn();
  const first = world.ask('counter', 'a', { kind: 'add', by: 1 } as never);
  await world.turn();
  const second = world.ask('counter', 'a', { kind: 'add', by: 1 } as never);
  await world.settle();
  assert.deepEqual(
    [first.outcome, second.outcome],
    [
      { ok: true, answer: 1 },
      { ok: true, answer: 2 },
    ],
  );
  assert.equal(value(world, 'a'), 2);
});

void test('dedup: a command that only sets a timer has its effect once, too', async () => {
  const world = await engineWorld([counterKind]);
  const id = { caller: 'edge', seq: 1 };
  const command = { kind: 'addLater', name: 'x', dueMs: world.clock.nowMs() + 1_000 } as never;
  world.ask('counter', 'a', command, { id });
  await world.settle();
  await advance(world, 2_000);
  assert.equal(value(world, 'a'), 1);
  const again = world.ask('counter', 'a', command, { id });
  await world.settle();
  await advance(world, 2_000);
  assert.equal(again.outcome?.ok, true);
  assert.equal(value(world, 'a'), 1);
});

void test('dedup: a retry that comes while the janitor takes old records away does not run again', async () => {
  const world = await engineWorld([counterKind]);
  const key = 'a';
  world.ask('counter', key, { kind: 'add', by: 1 } as never, { id: { caller: 'edge', seq: 1 }, settledBelow: 1 });
  await world.settle();
  // A day and more later the janitor comes to this shard while a new command of the same caller waits for the disk.
  world.clock.advance(86_400_000 + 60_000 - (86_400_000 % (5_000 * shardCount)));
  const id = { caller: 'edge', seq: 2 };
  const first = world.ask('counter', key, { kind: 'add', by: 1 } as never, { id, settledBelow: 2 });
  await world.turn();
  for (let stride = 0; stride <= shardCount; stride++) {
    world.clock.advance(5_000);
    await world.turn();
  }
  const again = world.ask('counter', key, { kind: 'add', by: 1 } as never, { id, settledBelow: 2 });
  await world.settle();
  assert.deepEqual(
    [first.outcome, again.outcome],
    [
      { ok: true, answer: 2 },
      { ok: true, answer: 2 },
    ],
  );
  assert.equal(value(world, key), 2);
});

void test('an answer that cannot be stored keeps nothing, and the next try is no dedup hit', async () => {
  const odd = scripted('odd', { run: (turn) => [addOne(turn), Symbol('cannot be packed')] });
  const world = await engineWorld([odd]);
  const id = { caller: 'edge', seq: 1 };
  const first = world.ask('odd', 'a', { kind: 'run' }, { id });
  await world.settle();
  const again = world.ask('odd', 'a', { kind: 'run' }, { id });
  await world.settle();
  assert.equal(first.outcome?.ok, false);
  assert.equal(again.outcome?.ok, false, 'what never happened is not acknowledged');
  assert.equal(world.query('odd', 'a', { kind: 'n' }), 0);
});

void test('a notice that cannot be stored leaves no gap in its channel', async () => {
  const bad = { kind: 'add', by: Symbol('cannot be packed') } as never;
  const odd = scripted('odd', {
    badNotice: (turn) => turn.tell(counters.ref('target'), bad),
    badAnswer: (turn) => {
      turn.tell(counters.ref('target'), { kind: 'add', by: 100 });
      return Symbol('cannot be packed');
    },
    good: (turn) => turn.tell(counters.ref('target'), { kind: 'add', by: 1 }),
  });
  const world = await engineWorld([odd, counterKind]);
  for (const kind of ['badNotice', 'badAnswer', 'good']) world.ask('odd', 'a', { kind });
  await world.settle();
  assert.deepEqual(world.fatals, []);
  assert.equal(value(world, 'target'), 1);
});

void test('a notice to a kind that takes none becomes a dead letter; a retry does not lose it', async () => {
  const deaf = scripted('deaf', {});
  const odd = scripted('odd', { tell: (turn) => turn.tell({ kind: 'deaf', key: 'a' }, { kind: 'hear' }) });
  const world = await engineWorld([odd, deaf]);
  world.ask('odd', 'a', { kind: 'tell' });
  await advance(world, 60_000);
  assert.deepEqual(world.fatals, []);
  const [letter] = listDeadLetters(world.store, 2);
  assert.equal(letter?.notice.kind, 'deaf');
  const retried = assert.rejects(world.engine.retryDeadLetter(letter.shard, letter.index));
  await world.settle();
  await retried;
  assert.equal(listDeadLetters(world.store, 2).length, 1);
});

void test('a dead letter that is retried twice at once is applied once', async () => {
  const world = await engineWorld([counterKind]);
  failingKeys.add('sick');
  try {
    world.ask('counter', 'source', { kind: 'tell', to: ['sick'], by: 1 } as never);
    await advance(world, 60_000);
  } finally {
    failingKeys.delete('sick');
  }
  const [letter] = listDeadLetters(world.store, 2);
  // The second is refused, since the first is on its way; what counts is what the retried one did.
  const tries = [1, 2].map(() => world.engine.retryDeadLetter(letter!.shard, letter!.index).catch(() => undefined));
  await world.settle();
  await Promise.all(tries);
  assert.equal(value(world, 'sick'), 1);
});

void test('a timer of a kind that this program does not have waits and does not stop the node', async () => {
  const disk = new MemoryDisk();
  const before = await engineWorld([counterKind], { disk });
  before.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs: before.clock.nowMs() + 1_000 } as never);
  await before.settle();
  before.tree.halt();
  const without = await engineWorld([scripted('odd', {})], { disk, clock: before.clock });
  await advance(without, 60_000);
  assert.deepEqual(without.fatals, []);
  without.tree.halt();
  const world = await engineWorld([counterKind], { disk, clock: before.clock });
  await advance(world, 86_400_000, 1);
  assert.equal(value(world, 'a'), 1);
});

void test('a timer comes in time although the wall clock jumped forward', async () => {
  const world = await engineWorld([counterKind]);
  world.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs: world.clock.nowMs() + 3_600_000 } as never);
  await world.settle();
  world.clock.jump(3_600_000);
  await advance(world, 120_000);
  assert.equal(value(world, 'a'), 1);
});

void test('a chain of turns that was begun is not given up at its deadline, since its caller is told that it was not begun', async () => {
  const world = await engineWorld([counterKind], { limits: { pendingBytesMax: 1 } });
  const asked = world.ask('counter', 'a', { kind: 'addSlowly', times: 4 } as never, { timeoutMs: 100 });
  await world.turn();
  world.clock.advance(200);
  await world.settle();
  assert.deepEqual(asked.outcome, { ok: true, answer: 4 });
});

void test('a chain whose command is sent again while it runs has its effect once', async () => {
  const world = await engineWorld([counterKind]);
  const id = { caller: 'edge', seq: 1 };
  const first = world.ask('counter', 'a', { kind: 'addSlowly', times: 3 } as never, { id });
  const again = world.ask('counter', 'a', { kind: 'addSlowly', times: 3 } as never, { id });
  await world.settle();
  assert.deepEqual(
    [first.outcome, again.outcome],
    [
      { ok: true, answer: 3 },
      { ok: true, answer: 3 },
    ],
  );
  assert.equal(value(world, 'a'), 3);
});

void test('a chain whose last turn changes nothing is remembered all the same', async () => {
  const odd: ActorKind = {
    ...scripted('odd', {}),
    command(turn, command) {
      if (command.kind === 'end') return 'done';
      addOne(turn);
      return new Continue({ kind: 'end' });
    },
  };
  const world = await engineWorld([odd]);
  const id = { caller: 'edge', seq: 1 };
  for (let i = 0; i < 2; i++) {
    const asked = world.ask('odd', 'a', { kind: 'begin' }, { id });
    await world.settle();
    assert.deepEqual(asked.outcome, { ok: true, answer: 'done' });
  }
  assert.equal(world.query('odd', 'a', { kind: 'n' }), 1);
});

void test('a chain whose caller gave up goes on although the caller settled it', async () => {
  const world = await engineWorld([counterKind], { limits: { pendingBytesMax: 1 } });
  world.ask('counter', 'a', { kind: 'addSlowly', times: 4 } as never, { id: { caller: 'edge', seq: 1 } });
  await world.turn();
  world.ask('counter', 'a', { kind: 'add', by: 10 } as never, { id: { caller: 'edge', seq: 2 }, settledBelow: 2 });
  await world.settle();
  assert.equal(value(world, 'a'), 14);
});

void test('a body that an entry on its way brings can be held by the next one', async () => {
  const world = await engineWorld([counterKind]);
  const bytes = Buffer.from('a mail');
  const hash = bodyHash(bytes);
  const first = world.ask('counter', 'a', { kind: 'keep', hash, tag: '1' } as never, { bodies: [{ hash, bytes }] });
  const copy = world.ask('counter', 'a', { kind: 'keep', hash, tag: '2' } as never);
  await world.settle();
  assert.deepEqual([first.outcome?.ok, copy.outcome?.ok], [true, true]);
  assert.deepEqual(world.fatals, []);
});

void test('stopping: a notice that waits for its next try does not touch the closed store', async () => {
  const world = await engineWorld([counterKind]);
  failingKeys.add('sick');
  try {
    world.ask('counter', 'source', { kind: 'tell', to: ['sick'], by: 1 } as never);
    await world.settle();
  } finally {
    failingKeys.delete('sick');
  }
  world.engine.stop();
  assert.equal(world.engine.isDrained, true);
  const drained = world.log.drained();
  await world.settle();
  await drained;
  await world.tree.close();
  world.clock.advance(10_000);
  await world.turn();
  assert.deepEqual(world.fatals, []);
});

void test('stopping: not drained while notices wait for the next turn of the loop', async () => {
  const world = await engineWorld([counterKind]);
  const [source, target] = ['source', 'target'];
  assert.notEqual(shardOf('counter', source, shardCount), shardOf('counter', target, shardCount));
  world.ask('counter', source, { kind: 'tell', to: [target], by: 1 } as never);
  await world.turn();
  world.engine.stop();
  world.release();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(world.engine.isDrained, false);
  await world.settle();
  assert.equal(world.engine.isDrained, true);
  assert.equal(value(world, target), 1);
});

void test('rows that turns only read do not pile up in an activation', async () => {
  const seen: number[] = [];
  const odd = scripted('odd', {
    write: (turn) => {
      for (let i = 0; i < 2_000; i++) turn.put(['row', i], 'x'.repeat(1_000));
    },
    read: (turn) => {
      const { rowsLeft } = turn;
      for (let i = 0; i < 2_000; i++) turn.get(['row', i]);
      seen.push(rowsLeft - turn.rowsLeft);
    },
  });
  const world = await engineWorld([odd]);
  world.ask('odd', 'a', { kind: 'write' });
  await world.settle();
  for (let i = 0; i < 2; i++) world.ask('odd', 'a', { kind: 'read' });
  await world.settle();
  assert.ok(seen[1]! > 1_900, `the second time ${2_000 - seen[1]!} rows came from memory`);
});

void test('what a turn that could not be sealed left in memory is not believed', async () => {
  const odd: ActorKind<Protocol, { seen: number }> = {
    kind: 'odd',
    rowVersion: 1,
    activate: () => ({ seen: 0 }),
    command(turn, command, activation) {
      activation.seen++;
      if (command.kind === 'hold') turn.holdBody({ hash: 'absent', sizeBytes: 1 }, 'x');
      return activation.seen;
    },
    query: () => null,
  };
  const world = await engineWorld([odd]);
  const refused = world.ask('odd', 'a', { kind: 'hold' });
  const next = world.ask('odd', 'a', { kind: 'look' });
  await world.settle();
  assert.equal(refused.outcome?.ok, false);
  assert.deepEqual(next.outcome, { ok: true, answer: 1 });
});
