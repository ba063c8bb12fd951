import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesKept, compactedEvery } from '../../../runtime/actor/local-log.ts';
import { shardId } from '../../../runtime/base/ids.ts';
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { localLogWorld } from '../../support/local-log-world.ts';

const zero = shardId(0);
const one = shardId(1);
const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(name) });
const entry = (timeMs: number, name: string) => ({ timeMs, rows: [row(name)], holds: [], bodies: [] });

function openLog(disk = new MemoryDisk()) {
  const world = localLogWorld({ disk });
  const { clock, log, releases } = world;
  const commits: string[] = [];
  log.onCommitted((of) => commits.push(of.map(({ shard, index }) => `${shard}:${index}`).join(' ')));
  const commit = async () => {
    await world.release();
    assert.deepEqual(world.fatals, []);
  };
  /** Entries of one commit each. */
  const commitMore = async (count: number, timeMs: number) => {
    for (let i = 0; i < count; i++) {
      log.append(zero, entry(timeMs + i, 'x'));
      log.flush();
      await commit();
    }
  };
  /** Lets the log fall idle and brings all of it into the tree. */
  const checkpoint = async () => {
    clock.advance(1_000);
    while (releases.length > 0) await commit();
  };
  return { ...world, commitMore, checkpoint, commits, commit };
}

void test('entries of all shards that gather during one transaction go into the next one together', async () => {
  const { log, commits, commit, releases } = openLog();
  log.append(zero, entry(1, 'a'));
  log.flush();
  log.append(zero, entry(2, 'b'));
  log.append(one, entry(1, 'c'));
  log.append(zero, entry(3, 'd'));
  log.flush();
  assert.equal(releases.length, 1, 'one transaction at a time');
  await commit();
  await commit();
  assert.deepEqual(commits, ['0:1', '0:3 1:1']);
});

void test('positions survive a restart, and nothing that was not durable is counted', async () => {
  const before = openLog();
  before.log.append(zero, entry(5, 'a'));
  before.log.flush();
  await before.commit();
  before.log.append(zero, entry(6, 'b'));
  before.log.flush();
  before.tree.halt();

  const { log } = openLog(before.disk);
  assert.equal(log.lastIndex(zero), 1);
  assert.equal(log.committedIndex(zero), 1);
  assert.equal(log.lastTimeMs(zero), 5);
});

void test('entry time that does not grow stops the node', () => {
  const { log } = openLog();
  log.append(zero, entry(5, 'a'));
  assert.throws(() => log.append(zero, entry(5, 'b')), InvariantError);
});

void test('a body lives as long as a kept entry names it, then goes when nobody else needs it', async () => {
  const world = openLog();
  const bytes = Buffer.from('a mail');
  const hash = bodyHash(bytes);
  const owner = [0, 'mailbox', 'm', '1:1'];
  world.log.append(zero, { timeMs: 1, rows: [], holds: [{ hash, owner, held: true }], bodies: [{ hash, bytes }] });
  world.log.append(zero, { timeMs: 2, rows: [], holds: [{ hash, owner, held: false }], bodies: [] });
  world.log.flush();
  await world.commit();
  await world.commitMore(batchesKept - 1, 3);
  await world.checkpoint();
  assert.ok(world.bodies.has(hash), 'the entry that brought it is still kept');
  const kept = world.store.range({ ...below(rowKey([keyspace.log])), limit: 1_000 }).length;
  assert.equal(kept, batchesKept);

  const reopened = openLog(world.disk);
  assert.equal(reopened.bodies.entryCount(hash), 1, 'known again after a restart');
  await reopened.commitMore(2 * compactedEvery, 10_000);
  assert.equal(reopened.bodies.has(hash), false);
});

void test('rows can be read as soon as they are committed, and are the same after a crash at any step of a checkpoint', async () => {
  const world = openLog();
  for (let i = 0; i < 3; i++) {
    world.log.append(zero, { timeMs: 10 + i, rows: manyRows(i), holds: [], bodies: [] });
    world.log.flush();
    await world.commit();
  }
  const expected = textsIn(world.store);
  assert.equal(expected.length, 2_000);
  assert.equal(textsIn(world.tree).length, 0, 'only in the log');

  world.clock.advance(1_000);
  for (let step = 0; ; step++) {
    const crashed = openLog(world.disk.copy());
    assert.deepEqual(textsIn(crashed.store), expected, `after step ${step}`);
    assert.equal(crashed.log.committedIndex(zero), 3);
    if (world.releases.length === 0) break;
    await world.commit();
  }
  assert.deepEqual(textsIn(world.tree), expected, 'all in the tree at last');
});

const textsIn = (store: Pick<ReadableStore, 'range'>): string[] =>
  store.range({ ...below(rowKey(['s', 0])), limit: 10_000 }).map(({ value }) => Buffer.from(value).toString());

/** 1,000 new rows each time, half of which the next time deletes. */
function manyRows(round: number) {
  const rows = Array.from({ length: 1_000 }, (_, i) => row(`${round}-${i}`));
  const gone = Array.from({ length: round === 0 ? 0 : 500 }, (_, i) => ({ ...row(`${round - 1}-${i}`), value: null }));
  return [...rows, ...gone];
}

void test('what a checkpoint lets go of goes a few batches at a time, faster than new ones come', async () => {
  const world = openLog();
  const kept = (): number => world.store.range({ ...below(rowKey([keyspace.log])), limit: 10_000 }).length;
  await world.commitMore(batchesKept + 200, 1);
  await world.checkpoint();
  const before = kept();
  assert.ok(before >= batchesKept + 200);
  let largest = 0;
  let last = before;
  for (let i = 0; i < 96; i++) {
    await world.commitMore(1, 10_000 + i);
    largest = Math.max(largest, last - kept());
    last = kept();
  }
  assert.ok(largest > 0 && largest < 16, `${largest} at once`);
  assert.ok(last <= before - 40, `${last} of ${before} are left`);
});
