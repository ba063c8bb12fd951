import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorKind } from '../../../runtime/actor/actor.ts';
import { engineWorld } from '../../support/engine-world.ts';

const herald: ActorKind = {
  kind: 'herald',
  rowVersion: 1,
  command(turn, command) {
    turn.put(['n'], command.kind);
    turn.announce();
    if (command.kind === 'fail') throw new Error('no');
    return null;
  },
  query: () => null,
};

void test('an announcement is told to watchers of the kind once its turn is committed, and not before', async () => {
  const world = await engineWorld([herald]);
  const told: string[] = [];
  const end = world.engine.watchAnnounced('herald', (key) => told.push(key));
  world.ask('herald', 'a', { kind: 'say' });
  await world.turn();
  assert.deepEqual(told, []);
  await world.commit();
  assert.deepEqual(told, ['a']);
  world.ask('herald', 'b', { kind: 'fail' });
  await world.settle();
  end();
  world.ask('herald', 'c', { kind: 'say' });
  await world.settle();
  assert.deepEqual(told, ['a']);
});
