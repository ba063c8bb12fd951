/** Two nodes with mail and a witness that has none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindNumber } from '../../../cluster/groups/batch.ts';
import { decodeEntries } from '../../../cluster/groups/entry-packing.ts';
import type { WireEntry } from '../../../cluster/groups/wire.ts';
import { logIndex, nodeId, shardId, term } from '../../../runtime/base/ids.ts';
import { pack } from '../../../runtime/codec/codec.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const zero = shardId(0);
const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(name) });

async function withWitness(): Promise<GroupsWorld> {
  const configuration = { voters: ['n1', 'n2', 'w'].map(nodeId), learners: [], witness: nodeId('w') };
  const world = new GroupsWorld({ nodes: ['n1', 'n2', 'w'], shardCount: 1, configuration });
  await world.settle();
  await world.elect('n1');
  return world;
}

const append = (world: GroupsWorld, name: string, text: string) => {
  const bytes = Buffer.from(text);
  const hash = bodyHash(bytes);
  const holds = [{ hash, owner: [0, 'mailbox', 'm', text], held: true }];
  return world.append(name, 0, { rows: [row(text)], holds, bodies: [{ hash, bytes }] });
};

void test('witness: it keeps positions and no mail, also on its disk', async () => {
  const world = await withWitness();
  append(world, 'n1', 'a secret mail');
  await world.settle();
  await world.pass(1_000);
  const [state] = world.host('w').status();
  assert.equal(state!.last, 2);
  const { disk, store } = world.node('w');
  assert.ok(!store.has(row('a secret mail').key));
  for (const space of Object.values(keyspace)) {
    const { start, end } = below(rowKey([space]));
    for (const { value } of disk.range(start, end, 1_000, false)) {
      assert.ok(!Buffer.from(value).includes('a secret mail'), `nothing of it below ${space}`);
    }
  }
  const frames = world.framesSent.filter(({ to }) => to === 'w').map(({ frame }) => Buffer.from(pack(frame)));
  assert.ok(frames.length > 0);
  assert.ok(!frames.some((bytes) => bytes.includes('a secret mail')), 'nor on the wire');
});

void test('witness: with it the survivor of two serves, alone and after a restart of both', async () => {
  const world = await withWitness();
  append(world, 'n1', 'before');
  await world.settle();
  world.crash('n1');
  world.suspect('n1');
  await world.elect('n2');
  assert.ok(world.host('n2').serves(zero));
  append(world, 'n2', 'alone');
  await world.settle();
  assert.ok(world.node('n2').store.has(row('alone').key), 'committed with the witness');
  for (const name of ['n2', 'w']) {
    world.crash(name);
    world.start(name);
  }
  world.suspect('n1');
  await world.elect('n2');
  assert.ok(world.host('n2').serves(zero));
  world.start('n1');
  world.lives('n1');
  await world.settle();
  await world.pass(1_000);
  assert.ok(world.node('n1').store.has(row('alone').key));
  world.host('w').campaign([zero]);
  await world.settle();
  assert.equal(world.host('w').status()[0]!.role, 'follower', 'it never campaigns');
});

void test('witness: while both live, it hears of an entry only when the other has it', async () => {
  const world = await withWitness();
  world.framesSent = [];
  append(world, 'n1', 'a');
  await world.commit('n1');
  for (let i = 0; i < 3; i++) await world.turn();
  assert.equal(world.framesSent.filter(({ to }) => to === 'w').length, 0);
  await world.settle();
  assert.equal(world.host('w').lastIndex(zero), 2);
});

void test('witness: it takes entries without what they hold from the one on that makes it one, and not before', () => {
  const start = { index: logIndex(0), term: term(0) };
  const configuration = { voters: ['n1', 'n2', 'w'].map(nodeId), learners: [], witness: nodeId('w') };
  const data: WireEntry = [1, kindNumber('data'), 10, 1, 0, [], null, null, []];
  const change: WireEntry = [1, kindNumber('configuration'), 0, 1, 0, [], null, configuration, []];
  const kinds = decodeEntries(start, [change, data], nodeId('w'), false).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['configuration', 'data']);
  // A learner that lost that entry in a crash needs what those before it hold.
  assert.throws(() => decodeEntries(start, [data, change], nodeId('w'), false), { code: 'frameRefused' });
  assert.throws(() => decodeEntries(start, [change, data], nodeId('n2'), false), { code: 'frameRefused' });
});
