/** Lists that are read of some shards only, where other nodes tell of the others: actors, events, dead letters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actorKeys } from '../../../runtime/actor/actor-keys.ts';
import { deadLetterEntry, listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import { eventsOf, findSubjects } from '../../../runtime/actor/history.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import { shardId } from '../../../runtime/base/ids.ts';
import { encodeRow } from '../../../runtime/codec/row.ts';
import { keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';

const shardCount = 8;
const shards = new Set([1, 4, 6]);
const noPause = () => Promise.resolve();

void test('actors of other shards are not listed, and pages go on where they ended', async () => {
  const store = new MemoryStore();
  const keys = Array.from({ length: 60 }, (_, i) => `d${String(i).padStart(2, '0')}.example`);
  const rowOf = (key: string) => rowKey([keyspace.state, shardOf('queue', key, shardCount), 'queue', key, 'q']);
  await store.write(keys.map((key) => ({ key: rowOf(key), value: new Uint8Array(1) })));
  const expected = keys.filter((key) => shards.has(shardOf('queue', key, shardCount)));
  const listed: string[] = [];
  for (let after: string | null = null; ; after = listed.at(-1) as string) {
    const page = await actorKeys(store, shardCount, { kind: 'queue', after, limit: 5, shards }, noPause);
    listed.push(...page);
    if (page.length < 5) break;
  }
  assert.deepEqual(listed, expected);
  const none = { kind: 'queue', after: null, limit: 5, shards: new Set<number>() };
  assert.deepEqual(await actorKeys(store, shardCount, none, noPause), []);
});

void test('events of other shards are neither told nor found', async () => {
  const store = new MemoryStore();
  await store.write(
    Array.from({ length: shardCount }, (_, shard) => {
      const events = [{ kind: 'accepted', detail: { messageId: 'id' } }];
      const value = { atMs: 100 - shard, actor: 'mailbox', key: 'm', events };
      return { key: rowKey([keyspace.event, shard, `s${shard % 4}`, 7]), value: encodeRow(1, value) };
    }),
  );
  const lines = ['s0', 's1', 's2'].flatMap((subject) => eventsOf(store, shardCount, subject, shards));
  assert.deepEqual(
    lines.map(({ shard }) => shard),
    [4, 1, 6],
  );
  assert.equal(eventsOf(store, shardCount, 's0').length, 2);
  const search = { field: 'messageId', value: 'id', limit: 10 };
  assert.deepEqual(await findSubjects(store, { ...search, shards: new Set([1, 5]) }, noPause), ['s1']);
  assert.equal((await findSubjects(store, search, noPause)).length, 4);
});

void test('dead letters of other shards are not listed, and do not count against the limit', async () => {
  const store = new MemoryStore();
  const notice = { kind: 'mailbox', key: 'm', notice: { kind: 'deliver' }, bodies: [], trace: 't' };
  const error = { code: 'no', transient: false, text: 'no' };
  for (let shard = 0; shard < shardCount; shard++) {
    for (const index of [3, 5]) await store.write(deadLetterEntry(shardId(shard), index, 1, notice, error).rows);
  }
  const placesOf = (limit: number, of?: ReadonlySet<number>) =>
    listDeadLetters(store, limit, of).map(({ shard, index }) => `${shard}.${index}`);
  assert.deepEqual(placesOf(100, shards), ['1.3', '1.5', '4.3', '4.5', '6.3', '6.5']);
  assert.deepEqual(placesOf(3, new Set([6, 1])), ['1.3', '1.5', '6.3']);
  assert.deepEqual(placesOf(3), ['0.3', '0.5', '1.3']);
});
