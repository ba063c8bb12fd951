/** A lone node's log: what groups of one voter promise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesKept, compactedEvery } from '../../../cluster/groups/compaction.ts';
import { shardId } from '../../../runtime/base/ids.ts';
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import type { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const zero = shardId(0);
const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(name) });
const mail = (text: string) => {
  const bytes = Buffer.from(text);
  const hash = bodyHash(bytes);
  const hold = (held: boolean) => [{ hash, owner: [0, 'mailbox', 'm', text], held }];
  return { bytes, hash, hold };
};

async function openHost(disk?: MemoryDisk) {
  const world = new GroupsWorld({ nodes: ['n1'], ...(disk === undefined ? {} : { disk }) });
  const node = world.node('n1');
  await world.settle();
  node.commits = [];
  const commitMore = async (count: number) => {
    for (let i = 0; i < count; i++) {
      world.append('n1', 0, { rows: [row('x')] });
      await world.settle();
    }
  };
  const checkpoint = () => world.pass(1_000);
  return { world, node, commitMore, checkpoint, host: node.host };
}

void test('one voter: all shards are elected in one transaction and served once their no-op is applied', async () => {
  const world = new GroupsWorld({ nodes: ['n1'], shardCount: 256 });
  const node = world.node('n1');
  await world.turn();
  assert.equal(node.releases.length, 1);
  assert.deepEqual(node.roles, [], 'not before it is durable');
  await world.commit('n1');
  assert.equal(node.roles.length, 256);
  assert.equal(node.roles[7], 'served 7 in 1');
  assert.equal(node.transactions, 1);
  assert.equal(node.host.committedIndex(shardId(7)), 1);
});

void test('one voter: entries that gather during one transaction go into the next one together', async () => {
  const { world, node } = await openHost();
  world.append('n1', 0, { rows: [row('a')] });
  world.append('n1', 0, { rows: [row('b')] });
  world.append('n1', 1, {});
  world.append('n1', 0, { rows: [row('d')] });
  await world.turn();
  assert.equal(node.releases.length, 1, 'one transaction at a time');
  await world.commit('n1');
  assert.deepEqual(node.commits, ['0:2']);
  await world.commit('n1');
  assert.deepEqual(node.commits, ['0:2', '0:4', '1:2']);
});

void test('one voter: positions and rows survive a restart, and nothing that was not durable is counted', async () => {
  const before = await openHost();
  before.world.append('n1', 0, { rows: [row('a')], timeMs: 9_000_000_000_000 });
  await before.world.settle();
  before.world.append('n1', 0, { rows: [row('b')] });
  await before.world.turn();
  before.world.crash('n1');

  const { host, node } = await openHost(before.node.disk);
  assert.equal(host.lastIndex(zero), 3, 'the entry, and the no-op of each term');
  assert.equal(host.committedIndex(zero), 3);
  assert.equal(host.lastTimeMs(zero), 9_000_000_000_000);
  assert.deepEqual(node.roles[0], 'served 0 in 2');
  assert.ok(node.store.has(row('a').key));
  assert.ok(!node.store.has(row('b').key));
});

void test('one voter: entry time that does not grow stops the node', async () => {
  const { world } = await openHost();
  const timeMs = 9_000_000_000_000;
  world.append('n1', 0, { timeMs });
  assert.throws(() => world.append('n1', 0, { timeMs }), InvariantError);
});

void test('one voter: a body lives as long as a kept entry names it, then goes when nobody else needs it', async () => {
  const { world, node, commitMore, checkpoint } = await openHost();
  const { bytes, hash, hold } = mail('a mail');
  world.append('n1', 0, { holds: hold(true), bodies: [{ hash, bytes }] });
  await world.settle();
  world.append('n1', 0, { holds: hold(false) });
  await world.settle();
  assert.deepEqual(Buffer.from(readBody(node.store, hash)!), bytes);
  await commitMore(batchesKept - 3);
  await checkpoint();
  assert.ok(node.bodies.has(hash), 'the entry that brought it is still kept');

  const again = await openHost(node.disk);
  assert.equal(again.node.bodies.entryCount(hash), 1, 'known again after a restart');
  await again.commitMore(3 * compactedEvery);
  assert.equal(again.node.bodies.has(hash), false);
  const left = again.node.store.range({ ...below(rowKey([keyspace.bodyReference])), limit: 10 });
  assert.deepEqual(left, [], 'nothing of it is left');
});

void test('one voter: rows are the same after a crash at any step of a checkpoint', async () => {
  const { world, node, host } = await openHost();
  for (let i = 0; i < 3; i++) {
    world.append('n1', 0, { rows: manyRows(i) });
    await world.settle();
  }
  const expected = textsIn(node.store);
  assert.equal(expected.length, 2_000);
  assert.equal(textsIn(node.tree).length, 0, 'only in the log');
  assert.equal(host.committedIndex(zero), 4);
  world.clock.advance(1_000);
  await world.turn();
  for (let step = 0; ; step++) {
    const crashed = await openHost(node.disk.copy());
    assert.deepEqual(textsIn(crashed.node.store), expected, `after step ${step}`);
    assert.equal(crashed.host.committedIndex(zero), 5);
    if (node.releases.length === 0) break;
    await world.commit('n1');
  }
  assert.deepEqual(textsIn(node.tree), expected, 'all in the tree at last');
});

void test('one voter: drained means that the tree has all', async () => {
  const { world, node, host } = await openHost();
  world.append('n1', 0, { rows: manyRows(0) });
  let isDrained = false;
  void host.drained().then(() => {
    isDrained = true;
  });
  await world.settle();
  assert.ok(isDrained);
  assert.equal(node.store.activeRows, 0);
  assert.equal(textsIn(node.tree).length, 1_000);
});

void test('one voter: a failed write ends the node, and nobody hears of the entry', async () => {
  const { world, node } = await openHost();
  world.append('n1', 0, { rows: [row('a')] });
  await world.turn();
  node.tree.fail(new Error('EIO'));
  await world.turn();
  assert.equal(node.fatals.length, 1);
  assert.deepEqual(node.commits, []);
});

void test('one voter: a bug in what follows a commit stops the node', async () => {
  const { world, node, host } = await openHost();
  const bug = new Error('a bug');
  host.onCommitted(() => {
    throw bug;
  });
  world.append('n1', 0, { rows: [row('a')] });
  await world.turn();
  await world.commit('n1');
  assert.deepEqual(node.fatals, [bug]);
});

void test('one voter: a new body is safe although a checkpoint that took the last one away was cut off by a crash', async () => {
  const { world, node, commitMore, checkpoint } = await openHost();
  const old = mail('the last mail that came before the crash');
  world.append('n1', 0, { holds: old.hold(true), bodies: [old] });
  await world.settle();
  world.append('n1', 0, { holds: old.hold(false) });
  await world.settle();
  // Until nobody needs it: not even the entry that brought it.
  await commitMore(batchesKept);
  await checkpoint();
  await commitMore(compactedEvery);
  assert.equal(node.bodies.has(old.hash), false);
  world.append('n1', 0, { rows: [...manyRows(0), ...manyRows(1)] });
  await world.settle();
  world.clock.advance(1_000);
  await world.turn();
  await world.commit('n1');
  assert.ok(node.store.isCheckpointing, 'one slice is in the tree, and more are to come');
  world.crash('n1');

  const again = await openHost(node.disk);
  const fresh = mail('a mail that came after the crash');
  again.world.append('n1', 0, { holds: fresh.hold(true), bodies: [fresh] });
  await again.world.settle();
  assert.deepEqual(Buffer.from(readBody(again.node.store, fresh.hash)!), fresh.bytes);
  await again.checkpoint();
  assert.equal(again.node.store.activeRows, 0);
  assert.deepEqual(Buffer.from(readBody(again.node.store, fresh.hash)!), fresh.bytes);
});

void test('one voter: what a checkpoint lets go of goes a few batches at a time, faster than new ones come', async () => {
  const { node, commitMore, checkpoint } = await openHost();
  const kept = (): number => node.tree.range({ ...below(rowKey([keyspace.log])), limit: 10_000 }).length / 2;
  await commitMore(batchesKept + 200);
  await checkpoint();
  const before = kept();
  assert.ok(before >= batchesKept + 200);
  let last = before;
  let largest = 0;
  for (let i = 0; i < 96; i++) {
    await commitMore(1);
    largest = Math.max(largest, last - kept());
    last = kept();
  }
  assert.ok(largest > 0 && largest < 16, `${largest} at once`);
  assert.ok(last <= before - 40, `${last} of ${before} are left`);
});

const textsIn = (store: Pick<ReadableStore, 'range'>): string[] =>
  store.range({ ...below(rowKey(['s', 0])), limit: 10_000 }).map(({ value }) => Buffer.from(value).toString());

/** 1,000 new rows each time, half of which the next time deletes. */
function manyRows(round: number) {
  const rows = Array.from({ length: 1_000 }, (_, i) => row(`${round}-${i}`));
  const gone = Array.from({ length: round === 0 ? 0 : 500 }, (_, i) => ({ ...row(`${round - 1}-${i}`), value: null }));
  return [...rows, ...gone];
}
