/** What the store with a journal promises when its process, its disk or the power fails. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { decodeRow } from '../../../runtime/codec/row.ts';
import { journalPaths } from '../../../runtime/store/journal-file.ts';
import { alignBytes, decodeRecord, firstRecordAt } from '../../../runtime/store/journal-record.ts';
import { type JournaledStore, openJournaledStore } from '../../../runtime/store/journaled-store.ts';
import { type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import { Child } from './child.ts';
import { wholeBatches } from './numbered-batches.ts';
import { directoryOf, temporaryDirectory } from './temporary-directory.ts';

const faultTool = 'strace';
const skip = spawnSync(faultTool, ['-V']).status === 0 ? false : `${faultTool} is not installed`;
const fatal = (error: unknown): void => assert.fail(String(error));
const common = { clock: systemClock, random: systemRandom, fatal };

async function batchesIn(path: string): Promise<number> {
  const tree = await openLmdbStore({ path, clock: systemClock, fatal });
  const store = await openJournaledStore({ tree, path: `${path}-journal`, ...common });
  const batches = wholeBatches(store);
  await store.close();
  return batches;
}

void test('journaled store: kill -9 leaves whole batches only, and all that had settled', async (context) => {
  const path = join(directoryOf(context), 'store.lmdb');
  for (let round = 0; round < 10; round++) {
    // Some never come to a checkpoint, others are always at one.
    const writer = new Child('writer.child.ts', [path, `${[100_000_000, 300_000, 1][round % 3]}`]);
    context.after(() => writer.kill());
    const settledWanted = 1 + Math.floor(Math.random() * 40);
    let settled = '';
    for (let i = 0; i < settledWanted; i++) settled = (await writer.line()) ?? 'ended';
    await writer.kill();
    assert.match(settled, /^settled \d+$/);
    const reported = Number(settled.split(' ')[1]);
    const kept = await batchesIn(path);
    assert.ok(kept >= reported, `batch ${reported} had settled, and ${kept} are there`);
  }
});

async function sayingWith(path: string, checkpointBytes: number, fault: string): Promise<string[]> {
  const call = fault.split(':')[0] as string;
  const writer = new Child(
    'writer.child.ts',
    [path, `${checkpointBytes}`],
    [faultTool, '-f', '-qq', '-o', '/dev/null', `-etrace=${call}`, `-einject=${fault}`],
  );
  const lines: string[] = [];
  for (let line = await writer.line(); line !== undefined; line = await writer.line()) lines.push(line);
  await writer.exited();
  return lines;
}

for (const [name, checkpointBytes] of [
  ['of a record', 1e9],
  ['of a record or a checkpoint', 200_000],
] as const) {
  void test(`journaled store: a failed fsync ${name} is told, and ends all writing; what had settled is kept`, {
    skip,
  }, async (context) => {
    const path = join(directoryOf(context), 'store.lmdb');
    // The first ones are those of the start.
    assert.equal(await batchesIn(path), 0);
    const lines = await sayingWith(path, checkpointBytes, 'fdatasync:error=EIO:when=8+');
    const settled = lines.filter((line) => line.startsWith('settled'));
    const [failed, refused, ...others] = lines.slice(settled.length);
    assert.match(failed ?? '', /^failed storeFailed Error: (EIO: i\/o error, fdatasync|Input\/output error)$/);
    assert.equal(refused, 'refused storeFailed');
    assert.ok(!others.some((line) => /settled|unhandled/.test(line)), others.join());
    assert.ok(settled.length > 0);
    assert.ok((await batchesIn(path)) >= settled.length);
  });
}

type Step =
  | { readonly kind: 'write'; readonly keys: readonly number[]; readonly deletes: boolean; readonly bytes: number }
  | { readonly kind: 'settle' }
  /** `kept` of the tree's transactions that were under way are durable; `torn` bytes of the last record are not. */
  | { readonly kind: 'crash'; readonly kept: number; readonly torn: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      keys: fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 5 }),
      deletes: fc.boolean(),
      bytes: fc.constantFrom(0, 10, 900, 5_000),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      kept: fc.nat({ max: 2 }),
      torn: fc.nat({ max: 2_000 }),
    }),
  },
);

/** A store whose tree becomes durable when the test says so, beside the rows that it must hold. */
class World {
  readonly directory = temporaryDirectory();
  disk = new MemoryDisk();
  releases: (() => void)[] = [];
  tree!: MemoryStore;
  store!: JournaledStore;
  truth = new Map<RowKey, string>();
  #value = 0;

  async open(): Promise<void> {
    this.releases = [];
    this.tree = new MemoryStore({ disk: this.disk, settle: (apply) => this.releases.push(apply) });
    const opening = openJournaledStore({
      ...{ tree: this.tree, path: join(this.directory.path, 'journal'), checkpointBytes: 4_000, preparedBytes: 0 },
      ...common,
    });
    const progress = { isOpen: false };
    void opening.then(() => (progress.isOpen = true));
    while (!progress.isOpen) {
      this.releases.shift()?.();
      await turn();
    }
    this.store = await opening;
  }

  async run(step: Step): Promise<void> {
    if (step.kind === 'settle') {
      this.releases.shift()?.();
      return turn();
    }
    if (step.kind === 'write') return this.#write(step);
    const before = new Map(this.truth);
    if (step.torn > 0) await this.#write({ kind: 'write', keys: [1, 2], deletes: false, bytes: 1_500 });
    this.tree.halt(step.kept);
    if (step.torn > 0 && this.#tears(step.torn)) this.truth = before;
    await this.open();
  }

  /** As if the power had gone while the last record was written. False: it is in the tree already. */
  #tears(bytesKept: number): boolean {
    const { id, applied } = decodeRow(this.disk.get(rowKey(['m', 'journal']))!).value as {
      id: Buffer;
      applied: number;
    };
    for (const path of journalPaths(join(this.directory.path, 'journal'))) {
      const bytes = readFileSync(path);
      const at = placeOfLast(bytes, id);
      const record = at < 0 ? null : decodeRecord(bytes, at, id);
      if (record?.sequence !== this.store.lastSequence) continue;
      if (record.sequence <= applied) return false;
      bytes.fill(0, at + Math.min(bytesKept, 1_500), at + record.bytes);
      bytes.fill(0, 0, firstRecordAt);
      writeFileSync(path, bytes);
      return true;
    }
    assert.fail('the last record is in one of the files');
  }

  async #write({ keys, deletes, bytes }: Step & { readonly kind: 'write' }): Promise<void> {
    const progress = { isSettled: false };
    void this.#put(keys, deletes, bytes).then(() => (progress.isSettled = true));
    // One that waits for a checkpoint gets it.
    for (let turns = 0; !progress.isSettled; turns++) {
      if (turns > 20) this.releases.shift()?.();
      await turn();
    }
  }

  #put(keys: readonly number[], deletes: boolean, bytes: number): Promise<void> {
    const value = `${++this.#value} `.padEnd(bytes, 'x');
    const ops = [...new Set(keys)].map((n) => ({
      key: rowKey([n % 3 === 0 ? 'k' : 's', n]),
      value: deletes && n % 2 === 0 ? null : Buffer.from(value),
    }));
    for (const { key, value: put } of ops) {
      if (put === null) this.truth.delete(key);
      else this.truth.set(key, value);
    }
    return this.store.write(ops);
  }

  check(): void {
    const rows = ['k', 's'].flatMap((space) => {
      const [start, end] = [`${space}\0` as RowKey, `${space}\x01` as RowKey];
      return this.store.range({ start, end, limit: 1_000 });
    });
    const sorted = [...this.truth].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(
      rows.map(({ key, value }) => [key, Buffer.from(value).toString()]),
      sorted,
    );
    for (const [key, value] of sorted) assert.equal(Buffer.from(this.store.get(key) ?? []).toString(), value);
  }
}

function placeOfLast(bytes: Buffer, id: Uint8Array): number {
  let [last, place] = [0, -1];
  for (let at = 0; at < bytes.length; at += alignBytes) {
    const record = decodeRecord(bytes, at, id);
    if (record !== null && record.sequence > last) [last, place] = [record.sequence, at];
  }
  return place;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

void test('journaled store: whatever the order of writes, checkpoints and crashes, it holds what was acknowledged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const world = new World();
      try {
        await world.open();
        for (const each of steps) {
          await world.run(each);
          world.check();
        }
      } finally {
        world.directory.remove();
      }
    }),
    { numRuns: 40 },
  );
});
