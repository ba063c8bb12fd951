import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alignBytes, decodeRecord, encodeRecord, recordBytes } from '../../../runtime/store/journal-record.ts';
import type { RowKey } from '../../../runtime/store/keys.ts';
import type { StoreOp } from '../../../runtime/store/store.ts';

const id = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const op: fc.Arbitrary<StoreOp> = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1') as RowKey),
  value: fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 3_000 })),
});
const ops = fc.array(op, { minLength: 1, maxLength: 20 });
const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

const plain = (all: readonly StoreOp[]) =>
  all.map(({ key, value }) => [key, value && Buffer.from(value).toString('hex')]);

function recordOf(all: readonly StoreOp[], number: number): Buffer {
  const record = Buffer.alloc(recordBytes(all), 0xaa);
  assert.deepEqual(plain(encodeRecord(record, id, number, all)), plain(all));
  return record;
}

void test('a record gives back what was put into it, wherever it stands', () => {
  fc.assert(
    fc.property(ops, sequence, fc.nat({ max: 3 }), (all, number, blocks) => {
      const record = recordOf(all, number);
      assert.equal(record.length % alignBytes, 0);
      const file = Buffer.concat([Buffer.alloc(blocks * alignBytes, 0x55), record, Buffer.alloc(100, 0x55)]);
      const found = decodeRecord(file, blocks * alignBytes, id);
      assert.deepEqual([found?.sequence, found?.bytes], [number, record.length]);
      assert.deepEqual(plain(found!.ops), plain(all));
    }),
  );
});

void test('a record with any bit changed, any byte cut off, or of another journal is none', () => {
  fc.assert(
    fc.property(
      ops,
      sequence,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat({ max: 7 }),
      (all, number, where, bit) => {
        const record = recordOf(all, number);
        const used = 32 + record.readUInt32LE(24);
        const at = Math.floor(where * used);
        assert.equal(decodeRecord(record.subarray(0, at), 0, id), null, `cut at ${at}`);
        assert.equal(decodeRecord(record, 0, id.with(bit, 99)), null);
        record[at]! ^= 1 << bit;
        assert.equal(decodeRecord(record, 0, id), null, `bit ${bit} of byte ${at}`);
      },
    ),
  );
});
