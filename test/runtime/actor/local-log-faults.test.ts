/** What an adversary tried on the log of a lone node: each test is a promise that was broken once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesKept, compactedEvery } from '../../../runtime/actor/local-log.ts';
import type { WriteSet } from '../../../runtime/actor/log.ts';
import { shardId } from '../../../runtime/base/ids.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { localLogWorld, type LocalLogWorldOptions } from '../../support/local-log-world.ts';

const zero = shardId(0);

function openLog(options: LocalLogWorldOptions = {}) {
  const world = localLogWorld(options);
  const { log, releases, release } = world;
  /** One entry, one transaction. */
  const commit = async (changes: Partial<WriteSet>): Promise<void> => {
    log.append(zero, { timeMs: log.lastTimeMs(zero) + 1, rows: [], holds: [], bodies: [], ...changes });
    log.flush();
    while (releases.length > 0) await release();
  };
  return { ...world, commit };
}

const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(name) });
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(`${i}`));
const mail = (text: string) => {
  const bytes = Buffer.from(text);
  const hash = bodyHash(bytes);
  const hold = (held: boolean) => [{ hash, owner: [0, 'mailbox', 'm', text], held }];
  return { bytes, hash, hold };
};

void test('a new body is safe although a checkpoint that took the last one away was cut off by a crash', async () => {
  const disk = new MemoryDisk();
  const before = openLog({ disk });
  const old = mail('the last mail that came before the crash');
  await before.commit({ holds: old.hold(true), bodies: [old] });
  await before.commit({ holds: old.hold(false) });
  // Until nobody needs it: not even the entry that brought it.
  for (let i = 0; i < batchesKept; i++) await before.commit({ rows: [row('x')] });
  before.clock.advance(1_000);
  while (before.releases.length > 0) await before.release();
  for (let i = 0; i < compactedEvery; i++) await before.commit({ rows: [row('x')] });
  await before.commit({ rows: rows(2_000) });
  await before.commit({ rows: [row('x')] });
  assert.equal(before.bodies.has(old.hash), false);
  before.clock.advance(1_000);
  await before.release();
  assert.ok(before.store.isCheckpointing, 'one slice is in the tree, and more are to come');
  before.tree.halt();

  const world = openLog({ disk });
  const fresh = mail('a mail that came after the crash');
  await world.commit({ holds: fresh.hold(true), bodies: [fresh] });
  assert.deepEqual(Buffer.from(readBody(world.store, fresh.hash)!), fresh.bytes);
  world.clock.advance(1_000);
  while (world.releases.length > 0) await world.release();
  assert.equal(world.store.activeRows, 0);
  assert.deepEqual(Buffer.from(readBody(world.store, fresh.hash)!), fresh.bytes);
});

void test('a bug in what follows a commit stops the node', async () => {
  const bug = new Error('a bug');
  const world = openLog({
    observe() {
      throw bug;
    },
  });
  await world.commit({ rows: [row('x')] });
  assert.deepEqual(world.fatals, [bug]);
});
