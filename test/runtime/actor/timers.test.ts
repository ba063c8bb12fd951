import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { counterKind } from '../../support/counter-actor.ts';
import { engineWorld, type EngineWorld } from '../../support/engine-world.ts';

async function advance(world: EngineWorld, byMs: number): Promise<void> {
  for (let step = 0; step < 10; step++) {
    world.clock.advance(byMs / 10);
    await world.settle();
  }
}

void test('a timer fires once, not before it is due', async () => {
  const world = await engineWorld([counterKind]);
  const dueMs = world.clock.nowMs() + 10_000;
  world.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs } as never);
  await world.settle();
  await advance(world, 9_000);
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 0);
  await advance(world, 2_000);
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 1);
  await advance(world, 60_000);
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 1);
});

void test('a timer that was moved or cleared does not fire at its old time', async () => {
  const world = await engineWorld([counterKind]);
  const nowMs = world.clock.nowMs();
  world.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs: nowMs + 1_000 } as never);
  world.ask('counter', 'a', { kind: 'addLater', name: 'x', dueMs: nowMs + 5_000 } as never);
  world.ask('counter', 'a', { kind: 'addLater', name: 'y', dueMs: nowMs + 1_000 } as never);
  world.ask('counter', 'a', { kind: 'forgetLater', name: 'y' } as never);
  await world.settle();
  await advance(world, 3_000);
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 0);
  await advance(world, 3_000);
  assert.equal(world.query('counter', 'a', { kind: 'value' }), 1);
});

void test('timers survive a restart, also those that became due meanwhile', async () => {
  const disk = new MemoryDisk();
  const before = await engineWorld([counterKind], { disk });
  for (let i = 0; i < 200; i++) {
    const dueMs = before.clock.nowMs() + 1_000 + i;
    before.ask('counter', `a${i}`, { kind: 'addLater', name: 'x', dueMs } as never);
  }
  await before.settle();
  before.tree.halt();
  before.clock.advance(60_000);
  const world = await engineWorld([counterKind], { disk, clock: before.clock });
  await advance(world, 1_000);
  for (let i = 0; i < 200; i++) assert.equal(world.query('counter', `a${i}`, { kind: 'value' }), 1);
});
