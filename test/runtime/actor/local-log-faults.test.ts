/** What an adversary tried on the log of a lone node: each test is a promise that was broken once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesKept, compactedAtOnce, LocalLog } from '../../../runtime/actor/local-log.ts';
import type { WriteSet } from '../../../runtime/actor/log.ts';
import { shardId } from '../../../runtime/base/ids.ts';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const zero = shardId(0);

function openLog(options: { readonly disk?: MemoryDisk; readonly observe?: () => void } = {}) {
  const clock = new FakeClock();
  const releases: (() => void)[] = [];
  const tree = new MemoryStore({ disk: options.disk ?? new MemoryDisk(), settle: (apply) => releases.push(apply) });
  const store = new LayeredStore(tree);
  const bodies = new BodyTracker(store);
  const fatals: unknown[] = [];
  const log = new LocalLog({
    tree,
    store,
    bodies,
    shardCount: 2,
    clock,
    groupCommitBytesMax: 1_000_000,
    observe: options.observe ?? (() => undefined),
    fatal: (error) => fatals.push(error),
  });
  /** Lets the oldest transaction become durable. */
  const release = async (): Promise<void> => {
    releases.shift()?.();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  /** One entry, one transaction. */
  const commit = async (changes: Partial<WriteSet>): Promise<void> => {
    log.append(zero, { timeMs: log.lastTimeMs(zero) + 1, rows: [], holds: [], bodies: [], ...changes });
    log.flush();
    while (releases.length > 0) await release();
  };
  return { clock, tree, store, bodies, log, fatals, releases, release, commit };
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
  for (let i = 0; i < batchesKept + compactedAtOnce; i++) await before.commit({ rows: [row('x')] });
  before.clock.advance(1_000);
  while (before.releases.length > 0) await before.release();
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
