import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyTracker, hasReferences } from '../../../runtime/store/bodies.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';
import type { StoreOp } from '../../../runtime/store/store.ts';

const bytes = new TextEncoder().encode('Subject: kept\r\n\r\n');
const hash = bodyHash(bytes);
const ann = [1, 'mailbox', 'ann', 'uid 1'];
const ben = [2, 'mailbox', 'ben', 'uid 7'];

/** A tracker, its store, and the writer between them; the test decides when a batch becomes durable. */
class Writer {
  readonly #settles: (() => void)[] = [];
  readonly store = new MemoryStore({ settle: (apply) => this.#settles.push(apply) });
  bodies = new BodyTracker(this.store);

  /** Gathers a batch, sweeps and hands it to the store. */
  write(...ops: readonly (readonly StoreOp[])[]): void {
    const bodies = this.bodies;
    void this.store.write([...ops.flat(), ...bodies.sweep(10)]).then(() => bodies.written());
    if (this.store.unsettledWrites < this.#settles.length) this.#settles.length = this.store.unsettledWrites;
  }

  /** The oldest batch becomes durable. */
  async settle(): Promise<void> {
    this.#settles.shift()?.();
    await Promise.resolve();
  }

  /** Batches in which nothing happens but the sweep. */
  async sweep(batches = 3): Promise<void> {
    for (let i = 0; i < batches; i++) {
      this.write();
      await this.settle();
    }
  }

  get isStored(): boolean {
    return readBody(this.store, hash) !== undefined;
  }

  get rows(): number {
    return [keyspace.body, keyspace.bodyGarbage, keyspace.bodyReference].reduce(
      (sum, space) => sum + this.store.range({ ...below(rowKey([space])), limit: 1000 }).length,
      0,
    );
  }
}

void test('bodies: a body is stored once however many need it', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  writer.write(bodies.attach(hash, bytes), bodies.hold(hash, ann));
  assert.deepEqual(bodies.attach(hash, bytes), [], 'it is on its way');
  writer.write(bodies.hold(hash, ben));
  await writer.settle();
  assert.deepEqual(bodies.attach(hash, bytes), [], 'it is there');
  await writer.settle();
  assert.equal(writer.rows, 4, 'its bytes, its number, two references');
});

void test('bodies: the last release lets it go, and leaves nothing behind', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  writer.write(bodies.attach(hash, bytes), bodies.hold(hash, ann), bodies.hold(hash, ben));
  await writer.settle();
  writer.write(bodies.release(hash, ann));
  await writer.settle();
  await writer.sweep();
  assert.ok(writer.isStored);
  assert.ok(hasReferences(writer.store, hash));
  writer.write(bodies.release(hash, ben));
  await writer.settle();
  await writer.sweep();
  assert.equal(writer.rows, 0);
});

void test('bodies: an entry that names it keeps it until it is compacted', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  bodies.entryHolds(hash);
  writer.write(bodies.attach(hash, bytes), bodies.hold(hash, ann));
  await writer.settle();
  writer.write(bodies.release(hash, ann));
  await writer.settle();
  await writer.sweep();
  assert.ok(writer.isStored);
  writer.write(bodies.entryReleases(hash));
  await writer.settle();
  await writer.sweep();
  assert.equal(writer.rows, 0);
});

void test('bodies: one that comes back while its deletion is on its way is stored again', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  writer.write(bodies.attach(hash, bytes), bodies.hold(hash, ann));
  await writer.settle();
  writer.write(bodies.release(hash, ann));
  await writer.settle();
  writer.write();
  assert.equal(bodies.has(hash), false, 'its deletion is on its way');
  assert.ok(writer.isStored, 'and not yet done');
  const again = bodies.attach(hash, bytes);
  assert.notEqual(again.length, 0);
  writer.write(again, bodies.hold(hash, ben));
  await writer.settle();
  assert.equal(writer.isStored, false);
  await writer.settle();
  await writer.sweep();
  assert.ok(writer.isStored);
});

void test('bodies: a hold that is on its way counts, also while a release is', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  writer.write(bodies.attach(hash, bytes), bodies.hold(hash, ann));
  await writer.settle();
  writer.write(bodies.release(hash, ann));
  writer.write(bodies.hold(hash, ben));
  await writer.settle();
  writer.write();
  await writer.settle();
  await writer.settle();
  await writer.sweep();
  assert.ok(writer.isStored);
});

void test('bodies: an entry made in this turn keeps a body whose hold is gathered later', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  writer.write(bodies.attach(hash, bytes), bodies.hold(hash, ann));
  await writer.settle();
  writer.write(bodies.release(hash, ann));
  await writer.settle();
  assert.ok(bodies.has(hash));
  bodies.entryHolds(hash);
  await writer.sweep();
  writer.write(bodies.hold(hash, ben));
  await writer.settle();
  assert.ok(writer.isStored);
});

void test('bodies: one that nobody held in its batch goes again', async () => {
  const writer = new Writer();
  writer.write(writer.bodies.attach(hash, bytes));
  await writer.settle();
  assert.ok(writer.isStored);
  await writer.sweep();
  assert.equal(writer.rows, 0);
});

void test('bodies: candidates that an earlier life left are found', async () => {
  const writer = new Writer();
  writer.write(writer.bodies.attach(hash, bytes), writer.bodies.hold(hash, ann));
  writer.write(writer.bodies.release(hash, ann));
  await writer.settle();
  await writer.settle();
  writer.bodies = new BodyTracker(writer.store);
  await writer.sweep();
  assert.equal(writer.rows, 0);
});

void test('bodies: more candidates than fit into memory all go', async () => {
  const writer = new Writer();
  const { bodies } = writer;
  const hashes = Array.from({ length: 10_300 }, (_, i) => bodyHash(Buffer.from(`${i}`)));
  writer.write(...hashes.flatMap((each) => [bodies.attach(each, bytes), bodies.hold(each, ann)]));
  await writer.settle();
  writer.write(...hashes.map((each) => bodies.release(each, ann)));
  await writer.settle();
  while (writer.store.has(rowKey([keyspace.body, hashes[0] as string, 0]))) await writer.sweep(100);
  await writer.sweep(1100);
  assert.equal(writer.rows, 0);
});

void test('bodies: holding what is not there is a bug', () => {
  const { bodies } = new Writer();
  assert.throws(() => bodies.hold(hash, ann), /every referenced body is present/);
  assert.throws(() => bodies.entryReleases(hash), /lets go of a body that it holds/);
});
