/** One row of the log's batches rots, and what is not in it stays as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAppliedBatch } from '../../../cluster/groups/applied-rows.ts';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { decodeRow, encodeRow } from '../../../runtime/codec/row.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyParts, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld, type GroupsWorldOptions } from '../../support/groups-world.ts';

const names = ['n1', 'n2', 'n3'];
const row = (shard: number, name: string) => ({ key: rowKey(['s', shard, name]), value: encodeRow(1, name) });
const mail = (shard: number, text: string) => {
  const bytes = Buffer.from(text);
  const hash = bodyHash(bytes);
  return { hash, holds: [{ hash, owner: [shard, 'mailbox', 'm', text], held: true }], bodies: [{ hash, bytes }] };
};

async function ledBy(name: string, changes: Partial<GroupsWorldOptions> = {}): Promise<GroupsWorld> {
  const world = new GroupsWorld({ nodes: names, shardCount: 2, ...changes });
  await world.settle();
  await world.elect(name);
  return world;
}

/** Numbers of the batches on the node's disk, oldest first. */
function batches(world: GroupsWorld, name: string): number[] {
  const rows = world.node(name).disk.range(...rangeOfLog, 10_000, false);
  return [...new Set(rows.map(({ key }) => keyParts(key)[1] as number))];
}

/** The last one whose second row has that in it. */
function batchWith(world: GroupsWorld, name: string, text: string): number {
  const { disk } = world.node(name);
  const found = batches(world, name).findLast((batch) => {
    return Buffer.from(disk.get(rowKey([keyspace.log, batch, 1]))!).includes(text);
  });
  assert.ok(found !== undefined, `there is a batch with ${text}`);
  return found;
}

function rot(world: GroupsWorld, name: string, batch: number, of: 'heads' | 'data'): void {
  const key = rowKey(of === 'heads' ? [keyspace.log, batch] : [keyspace.log, batch, 1]);
  const { disk } = world.node(name);
  const value = new Uint8Array(disk.get(key)!);
  value[value.length - 1]! ^= 1;
  disk.apply([{ key, value }]);
}

const all = below(rowKey([keyspace.log]));
const rangeOfLog = [all.start, all.end] as const;
const state = (world: GroupsWorld, name: string, shard: number) => world.host(name).status()[shard]!;

void test('rot: a term is known after the restart behind the next, though the row that it stood in was rotten', async () => {
  for (const which of ['data', 'heads'] as const) {
    const world = await ledBy('n1');
    await world.pass(2_000);
    // So that there is a checkpoint to come.
    world.append('n1', 1, { rows: [row(1, 'last')] });
    world.append('n1', 1, {});
    await world.settle();
    world.cut('n1', 'n3');
    world.suspect('n1');
    await world.elect('n2', [0]);
    const { term } = state(world, 'n3', 0);
    assert.ok(term > 1);
    // Nothing but a vote and a no-op; alone, it has nobody to learn the term from again.
    world.crash('n3');
    rot(world, 'n3', batchWith(world, 'n3', 'votedFor'), which);
    world.cut('n2', 'n3');
    world.start('n3');
    assert.equal(state(world, 'n3', 0).term, term, `${which}: now`);
    await world.pass(3_000);
    world.crash('n3');
    world.start('n3');
    assert.equal(state(world, 'n3', 0).term, term, `${which}: and with all of that in the tree`);
  }
});

void test('rot: a body whose place was in lost rows is asked for again, also by entries of other shards', async () => {
  const world = await ledBy('n1');
  await world.pass(2_000);
  const { hash, holds, bodies } = mail(0, 'to two');
  world.append('n1', 0, { rows: [row(0, 'first')], holds, bodies });
  await world.settle();
  world.append('n1', 1, { rows: [row(1, 'second')], holds: mail(1, 'to two').holds });
  await world.settle();
  world.append('n1', 1, { rows: [row(1, 'third')] });
  await world.settle();
  world.crash('n3');
  world.suspect('n3');
  rot(world, 'n3', batchWith(world, 'n3', 'first'), 'data');
  world.start('n3');
  world.lives('n3');
  await world.settle();
  for (const shard of [0, 1]) world.append('n1', shard, { rows: [row(shard, 'more')] });
  await world.settle();
  await world.pass(2_000);
  for (const shard of [0, 1]) {
    assert.equal(state(world, 'n3', shard).damagedFrom, null);
    assert.equal(state(world, 'n3', shard).hash, state(world, 'n1', shard).hash);
    assert.ok(world.node('n3').store.has(row(shard, 'more').key));
  }
  assert.equal(Buffer.from(readBody(world.node('n3').store, hash)!).toString(), 'to two');
  world.crash('n3');
  world.start('n3');
  assert.equal(Buffer.from(readBody(world.node('n3').store, hash)!).toString(), 'to two', 'and it stays');
});

void test('rot: a body whose place was lost is missing also when the lost batch is in the tree meanwhile', async () => {
  const world = await ledBy('n1');
  await world.pass(2_000);
  // So that there is a checkpoint to come.
  world.append('n1', 0, { rows: [row(0, 'before')] });
  await world.settle();
  const { hash, holds, bodies } = mail(0, 'to two');
  world.append('n1', 0, { rows: [row(0, 'first')], holds, bodies });
  await world.settle();
  world.append('n1', 1, { rows: [row(1, 'second')], holds: mail(1, 'to two').holds });
  await world.settle();
  world.append('n1', 1, { rows: [row(1, 'third')] });
  await world.settle();
  world.crash('n3');
  world.suspect('n3');
  const lost = batchWith(world, 'n3', 'first');
  rot(world, 'n3', lost, 'data');
  for (const other of ['n1', 'n2']) world.cut(other, 'n3');
  world.start('n3');
  await world.pass(2_000);
  world.crash('n3');
  for (const other of ['n1', 'n2']) world.heal(other, 'n3');
  world.start('n3');
  assert.ok(lost <= readAppliedBatch(world.node('n3').tree));
  assert.notEqual(state(world, 'n3', 1).damagedFrom, null);
  world.lives('n3');
  await world.settle();
  await world.pass(2_000);
  assert.deepEqual(world.node('n3').fatals, []);
  for (const shard of [0, 1]) assert.equal(state(world, 'n3', shard).hash, state(world, 'n1', shard).hash);
  assert.equal(Buffer.from(readBody(world.node('n3').store, hash)!).toString(), 'to two');
});

void test('rot: entries of a state that was given up come back at no restart, where their bodies are gone', async () => {
  const world = await ledBy('n1', { shardCount: 1 });
  await world.pass(2_000);
  const { hash, holds, bodies } = mail(0, 'expunged');
  world.append('n1', 0, { holds, bodies });
  await world.settle();
  world.append('n1', 0, { holds: holds.map((hold) => ({ ...hold, held: false })) });
  await world.settle();
  world.append('n1', 0, { rows: [row(0, 'rotten')] });
  await world.settle();
  world.crash('n3');
  world.suspect('n3');
  rot(world, 'n3', batchWith(world, 'n3', 'rotten'), 'heads');
  world.start('n3');
  world.lives('n3');
  await world.settle();
  assert.ok(!state(world, 'n3', 0).isInstalling);
  world.append('n1', 0, { rows: [row(0, 'more')] });
  await world.settle();
  assert.ok(!world.node('n3').bodies.has(hash), 'nobody needs it');
  world.crash('n3');
  world.start('n3');
  assert.ok(!world.node('n3').bodies.isExpected(hash));
  world.lives('n3');
  // The others have it: their logs name it.
  assert.ok(world.node('n1').bodies.has(hash));
  world.append('n1', 0, { rows: [row(0, 'undone')], holds });
  await world.settle();
  await world.pass(2_000);
  assert.deepEqual(world.node('n3').fatals, []);
  assert.equal(state(world, 'n3', 0).hash, state(world, 'n1', 0).hash);
  assert.equal(Buffer.from(readBody(world.node('n3').store, hash)!).toString(), 'expunged');
});

void test('rot: heads of a batch that is in the tree long since cost nothing', async () => {
  const world = await ledBy('n1');
  for (const shard of [0, 1]) world.append('n1', shard, { rows: [row(shard, 'old')] });
  await world.settle();
  await world.pass(2_000);
  const old = batches(world, 'n3').at(-2)!;
  world.append('n1', 0, { rows: [row(0, 'new')] });
  await world.settle();
  world.crash('n3');
  rot(world, 'n3', old, 'heads');
  world.start('n3');
  for (const shard of [0, 1]) assert.ok(!state(world, 'n3', shard).isInstalling, `shard ${shard}`);
  world.append('n1', 0, { rows: [row(0, 'newer')] });
  await world.settle();
  await world.pass(2_000);
  assert.equal(state(world, 'n3', 0).hash, state(world, 'n1', 0).hash);
});

void test('rot: heads that were about one shard cost that one a copy, and it is over with the copy', async () => {
  const world = await ledBy('n1');
  await world.pass(2_000);
  world.append('n1', 0, { rows: [row(0, 'alone')] });
  await world.settle();
  world.crash('n3');
  world.suspect('n3');
  rot(world, 'n3', batchWith(world, 'n3', 'alone'), 'heads');
  world.start('n3');
  assert.ok(state(world, 'n3', 0).isInstalling);
  assert.ok(!state(world, 'n3', 1).isInstalling);
  world.lives('n3');
  world.append('n1', 0, { rows: [row(0, 'b')] });
  await world.settle();
  await world.pass(3_000);
  assert.ok(!state(world, 'n3', 0).isInstalling);
  assert.ok(world.node('n3').store.has(row(0, 'b').key));
  world.crash('n3');
  world.start('n3');
  assert.ok(!state(world, 'n3', 0).isInstalling, 'the batch is there still, and says nothing that counts');
  assert.equal(state(world, 'n3', 0).applied, state(world, 'n1', 0).applied);
});

void test('rot: a life that went on without what it could not read does not find it again', async () => {
  const world = await ledBy('n1');
  await world.pass(2_000);
  world.append('n1', 0, { rows: [row(0, 'kept'), row(0, 'deleted later')] });
  await world.settle();
  world.append('n1', 0, { rows: [row(0, 'behind')] });
  await world.settle();
  world.crash('n3');
  world.suspect('n3');
  const batch = batchWith(world, 'n3', 'deleted later');
  const before = world.node('n3').disk.copy();
  const rows = (name: string) => world.node(name).store.range({ ...below(rowKey(['s', 0])), limit: 1_000 });
  rot(world, 'n3', batch, 'heads');
  rot(world, 'n3', batch + 1, 'data');
  world.append('n1', 0, { rows: [{ ...row(0, 'deleted later'), value: null }] });
  await world.settle();
  world.start('n3');
  world.lives('n3');
  await world.settle();
  const { disk } = world.node('n3');
  assert.equal(disk.get(rowKey([keyspace.log, batch + 1, 1])), undefined);
  const key = rowKey([keyspace.log, batch]);
  assert.notDeepEqual(disk.get(key), before.get(key));
  assert.doesNotThrow(() => decodeRow(disk.get(key)!), 'it says that it is lost');
  world.append('n1', 0, { rows: [row(0, 'more')] });
  await world.settle();
  world.crash('n3');
  world.start('n3');

  await world.settle();
  await world.pass(3_000);
  assert.ok(!state(world, 'n3', 0).isInstalling);
  assert.deepEqual(rows('n3'), rows('n1'));
});

/** In the middle of a copy to n3. @returns a batch with rows of it */
async function copying(): Promise<{ world: GroupsWorld; rotten: number }> {
  const world = await ledBy('n1', { shardCount: 1, batchesKept: 4 });
  world.crash('n3');
  world.suspect('n3');
  for (let i = 0; i < 60; i++) {
    const { holds, bodies } = mail(0, `mail ${i}`);
    world.append('n1', 0, {
      rows: [{ key: rowKey(['s', 0, i]), value: encodeRow(1, Buffer.alloc(30_000, i)) }],
      holds,
      bodies,
    });
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  for (let i = 0; i < 60; i++) {
    world.append('n1', 0, { rows: [row(0, `${i}`)] });
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  world.start('n3');
  world.lives('n3');
  let rotten: number | undefined;
  for (let i = 0; i < 200 && rotten === undefined; i++) {
    await world.turn();
    for (const name of names) if (world.node(name).isUp) await world.commit(name);
    rotten = batches(world, 'n3').find(
      (batch) => world.node('n3').disk.get(rowKey([keyspace.log, batch, 1]))!.length > 300_000,
    );
  }
  assert.ok(rotten !== undefined, 'a part of the copy came');
  assert.ok(state(world, 'n3', 0).isInstalling);
  return { world, rotten };
}

void test('rot: a copy of which rows are lost begins anew', async () => {
  const { world, rotten } = await copying();
  world.crash('n3');
  rot(world, 'n3', rotten, 'data');
  world.start('n3');
  await world.settle();
  await world.pass(1_000);
  assert.ok(!state(world, 'n3', 0).isInstalling);
  const rows = (name: string) => world.node(name).store.range({ ...below(rowKey(['s', 0])), limit: 1_000 });
  assert.deepEqual(rows('n3'), rows('n1'));
});

void test('rot: a copy of which nothing is known any more is asked for, though the leader takes it for under way', async () => {
  const world = await ledBy('n1', { shardCount: 1 });
  for (let i = 0; i < 10; i++) {
    world.append('n1', 0, { rows: [{ ...row(0, `${i}`), value: encodeRow(1, Buffer.alloc(100_000, i)) }] });
    await world.settle();
  }
  world.crash('n3');
  rot(world, 'n3', batches(world, 'n3').at(-1)!, 'heads');
  world.start('n3');
  const copied = () => state(world, 'n1', 0).followers.find(({ node }) => node === 'n3')!;
  for (let i = 0; i < 20 && !(copied().isInstalling && copied().state === 'replicate'); i++) {
    await world.turn();
    for (const name of names) await world.commit(name);
  }
  assert.equal(copied().state, 'replicate');
  assert.ok(state(world, 'n3', 0).isInstalling);
  world.crash('n3');
  for (const batch of batches(world, 'n3'))
    for (const which of ['heads', 'data'] as const) rot(world, 'n3', batch, which);
  world.start('n3');
  await world.settle();
  await world.pass(4_000);
  assert.ok(!state(world, 'n3', 0).isInstalling);
  assert.equal(state(world, 'n3', 0).hash, state(world, 'n1', 0).hash);
});

void test('rot: heads of the survivor of two with a witness cost it a copy, which comes to an end', async () => {
  const configuration = { voters: names.map(nodeId), learners: [], witness: nodeId('n3') };
  const world = await ledBy('n1', { shardCount: 1, configuration });
  await world.pass(2_000);
  for (const text of ['a', 'b']) {
    world.append('n1', 0, { rows: [row(0, text)] });
    await world.settle();
  }
  world.crash('n2');
  for (const batch of batches(world, 'n2').slice(-2)) rot(world, 'n2', batch, 'heads');
  world.start('n2');
  assert.ok(state(world, 'n2', 0).isInstalling);
  world.exchangeClaims();
  await world.settle();
  await world.pass(5_000);
  assert.ok(!state(world, 'n2', 0).isInstalling);
  assert.equal(state(world, 'n2', 0).hash, state(world, 'n1', 0).hash);
  assert.ok(world.host('n1').serves(shardId(0)));
});
