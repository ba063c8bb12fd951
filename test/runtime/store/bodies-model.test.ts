/** Any order of holds, releases, sweeps, slow writes and crashes, against a model that only counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import type { StoreOp } from '../../../runtime/store/store.ts';

const contents = ['', 'one', 'x'.repeat(70_000)].map((text) => Buffer.from(text));
const hashes = contents.map(bodyHash);

type Step =
  | { readonly kind: 'hold' | 'release'; readonly body: number; readonly owner: number }
  | { readonly kind: 'append' | 'touch'; readonly body: number }
  | { readonly kind: 'compact' | 'write' | 'settle' }
  | { readonly kind: 'crash'; readonly kept: number };

const body = fc.nat({ max: hashes.length - 1 });
const owner = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('hold', 'release'), body, owner }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('append', 'touch'), body }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('compact', 'write', 'write', 'settle', 'settle') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), kept: fc.nat({ max: 2 }) }) },
) as fc.Arbitrary<Step>;

/** What is so once a batch is durable. */
interface Truth {
  /** `body owner`. */
  readonly references: Set<string>;
  /** Bodies of the entries that are not compacted, oldest first. */
  readonly entries: number[];
}

const copyOf = ({ references, entries }: Truth): Truth => ({ references: new Set(references), entries: [...entries] });

/** A writer as the log is one, beside the truth after each of its batches. */
class World {
  disk = new MemoryDisk();
  applies: (() => void)[] = [];
  store = this.#openStore();
  bodies = new BodyTracker(this.store);
  /** After everything that is gathered. */
  truth: Truth = { references: new Set(), entries: [] };
  durable: Truth = copyOf(this.truth);
  onTheirWay: Truth[] = [];
  batch: StoreOp[] = [];

  #openStore(): MemoryStore {
    this.applies = [];
    return new MemoryStore({ disk: this.disk, settle: (apply) => this.applies.push(apply) });
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case 'hold':
        this.batch.push(...this.bodies.attach(hashes[step.body]!, contents[step.body]!));
        this.batch.push(...this.bodies.hold(hashes[step.body]!, [step.owner, 'k', 'a', 't']));
        this.truth.references.add(`${step.body} ${step.owner}`);
        return;
      case 'release':
        this.batch.push(...this.bodies.release(hashes[step.body]!, [step.owner, 'k', 'a', 't']));
        this.truth.references.delete(`${step.body} ${step.owner}`);
        return;
      case 'append':
        this.bodies.entryHolds(hashes[step.body]!);
        this.batch.push(...this.bodies.attach(hashes[step.body]!, contents[step.body]!));
        this.truth.entries.push(step.body);
        return;
      case 'touch':
        this.batch.push(...this.bodies.attach(hashes[step.body]!, contents[step.body]!));
        return;
      case 'compact': {
        const oldest = this.truth.entries.shift();
        if (oldest !== undefined) this.batch.push(...this.bodies.entryReleases(hashes[oldest]!));
        return;
      }
      case 'write':
        return this.write();
      case 'settle':
        return this.settle();
      case 'crash':
        return this.crash(step.kept);
    }
  }

  write(): void {
    const { bodies } = this;
    // As in the log, no batch is empty.
    const ops = [...this.batch.splice(0), ...bodies.sweep(2), { key: rowKey(['z']), value: new Uint8Array(1) }];
    this.onTheirWay.push(copyOf(this.truth));
    void this.store.write(ops).then(() => bodies.written());
  }

  async settle(): Promise<void> {
    const truth = this.onTheirWay.shift();
    if (truth === undefined) return;
    this.applies.shift()!();
    await Promise.resolve();
    this.durable = truth;
  }

  /** The process ends; of what was on its way to the disk, a part has arrived. */
  crash(kept: number): void {
    for (const truth of this.onTheirWay.splice(0).slice(0, kept)) this.durable = truth;
    this.store.halt(kept);
    this.store = this.#openStore();
    this.bodies = new BodyTracker(this.store);
    this.batch = [];
    this.truth = copyOf(this.durable);
    for (const body of this.truth.entries) this.bodies.entryKept(hashes[body]!);
  }

  /** Nothing that is needed may ever be missing. */
  requireNeeded(): void {
    const needed = [...[...this.durable.references].map((name) => Number(name.split(' ')[0])), ...this.durable.entries];
    for (const body of needed) {
      assert.ok(readBody(this.store, hashes[body]!) !== undefined, `body ${body} is needed and there`);
    }
  }

  /** Everything that is not needed must be gone in the end. */
  async requireClean(): Promise<void> {
    for (let i = 0; i < 12; i++) {
      this.write();
      while (this.onTheirWay.length > 0) await this.settle();
    }
    this.requireNeeded();
    const needed = new Set([
      ...[...this.truth.references].map((name) => Number(name.split(' ')[0])),
      ...this.truth.entries,
    ]);
    hashes.forEach((hash, i) => assert.equal(this.bodies.has(hash), needed.has(i), `body ${i}`));
    const rowsIn = (space: string): number => this.store.range({ ...below(rowKey([space])), limit: 100 }).length;
    // Besides the references: a row for each body, which tells its number.
    assert.equal(rowsIn(keyspace.bodyReference), this.truth.references.size + needed.size);
    assert.equal(rowsIn(keyspace.bodyGarbage), 0);
  }
}

void test('bodies: no needed body is ever missing, and no other one stays', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), async (steps) => {
    const world = new World();
    for (const each of steps) {
      await world.run(each);
      world.requireNeeded();
    }
    await world.requireClean();
  });
  await fc.assert(property, { numRuns: 400 });
});
