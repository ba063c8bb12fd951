import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RottenRowError } from '../../../runtime/codec/row.ts';
import {
  bodyDeletes,
  bodyHash,
  bodyInfo,
  bodyKey,
  bodyOps,
  bodyReadBytesMax,
  chunkBytesMax,
  readBody,
} from '../../../runtime/store/body-rows.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';

/** Bytes in which every position shows. */
function bodyOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) % 256);
}

/** Of the body in `storeWith`. */
const number = 7;

/** A store with one body in it. */
function storeWith(bytes: Uint8Array): { readonly store: MemoryStore; readonly hash: string } {
  const store = new MemoryStore();
  const hash = bodyHash(bytes);
  store.disk.apply(bodyOps(hash, number, bytes));
  return { store, hash };
}

/** Changes one byte of a stored row. */
function spoil(store: MemoryStore, chunk: number, at: number): void {
  const value = store.get(bodyKey(number, chunk))!;
  value[at] = (value[at] as number) ^ 1;
  store.disk.apply([{ key: bodyKey(number, chunk), value }]);
}

void test('body: its hash is the SHA-256 of its bytes in 43 characters', () => {
  assert.equal(bodyHash(new Uint8Array(0)), '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU');
});

void test('body: any piece of a body of any size is what it was', () => {
  const sizes = fc.constantFrom(0, 1, 100, chunkBytesMax - 1, chunkBytesMax, chunkBytesMax + 1, 3 * chunkBytesMax + 5);
  fc.assert(
    fc.property(sizes, fc.nat({ max: 200_000 }), fc.nat({ max: 200_000 }), (size, offset, length) => {
      const bytes = bodyOf(size);
      const { store, hash } = storeWith(bytes);
      const info = bodyInfo(store, hash)!;
      assert.equal(info.sizeBytes, size);
      assert.equal(info.sums.length, Math.ceil(size / chunkBytesMax));
      const wanted = Buffer.from(bytes.subarray(offset, offset + length));
      assert.ok(wanted.equals(readBody(store, hash, { offset, length })!));
      assert.ok(wanted.equals(readBody(store, hash, { offset, length }, info)!));
    }),
    { numRuns: 60 },
  );
});

void test('body: one read gives a bounded piece, and pieces make the whole', () => {
  const bytes = bodyOf(2 * bodyReadBytesMax + 17);
  const { store, hash } = storeWith(bytes);
  const info = bodyInfo(store, hash)!;
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < info.sizeBytes; offset += bodyReadBytesMax) {
    pieces.push(readBody(store, hash, { offset }, info)!);
  }
  assert.deepEqual(
    pieces.map((piece) => piece.byteLength),
    [bodyReadBytesMax, bodyReadBytesMax, 17],
  );
  assert.equal(bodyHash(Buffer.concat(pieces)), hash);
  assert.throws(() => readBody(store, hash, { length: bodyReadBytesMax + 1 }), /broken invariant/);
});

void test('body: there is none until there is one, and none after its deletes', () => {
  const bytes = bodyOf(150_000);
  const { store, hash } = storeWith(bytes);
  assert.equal(bodyInfo(store, bodyHash(bodyOf(5))), undefined);
  assert.equal(readBody(store, bodyHash(bodyOf(5))), undefined);
  assert.equal(bodyDeletes(store, hash).length, 1 + 3);
  store.disk.apply(bodyDeletes(store, hash));
  assert.equal(readBody(store, hash), undefined);
  assert.equal(store.disk.sizeBytes, 0);
});

void test('body: rotten, missing and short rows are found by whoever reads them', () => {
  const bytes = bodyOf(150_000);
  const second = { offset: chunkBytesMax + 10, length: 10 };
  const rotten = storeWith(bytes);
  spoil(rotten.store, 1, 2000);
  assert.throws(() => readBody(rotten.store, rotten.hash, second), RottenRowError);
  assert.equal(readBody(rotten.store, rotten.hash, { offset: 0, length: 10 })!.byteLength, 10);

  const missing = storeWith(bytes);
  missing.store.disk.apply([{ key: bodyKey(number, 1), value: null }]);
  assert.throws(() => readBody(missing.store, missing.hash, second), /row 1 of body .* is missing/);

  const short = storeWith(bytes);
  const last = bodyKey(number, 2);
  short.store.disk.apply([{ key: bodyKey(number, 1), value: short.store.get(last)! }]);
  assert.throws(() => readBody(short.store, short.hash, second), /row 1 of body .* wrong length/);
});

void test('body: a full row of it fits 16 pages', () => {
  const [, first, second] = bodyOps('h'.repeat(43), number, bodyOf(2 * chunkBytesMax));
  for (const op of [first, second]) assert.ok(op!.value!.byteLength + 24 <= 16 * 4096);
});
