/** Messages of a peer that may be broken: taken apart within bounds, or refused by name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameBatch, FramePacker } from '../../../cluster/mesh/frame-batch.ts';
import { decodeMessage, type MessageBounds } from '../../../cluster/mesh/message-decoding.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { pack } from '../../../runtime/codec/codec.ts';

const bounds: MessageBounds = { bytesMax: 1_000_000, framesMax: 1_000, depthMax: 10, valuesMax: 100_000 };
const decode = (bytes: Uint8Array): readonly unknown[] => decodeMessage(bytes, bounds);

function refusedWith(bytes: Uint8Array, pattern: RegExp): void {
  assert.throws(
    () => decode(bytes),
    (error) => error instanceof OperationError && error.code === 'messageRefused' && pattern.test(error.message),
  );
}

const bytesOf = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

void describe('messages', () => {
  for (const count of [1, 2, 15, 16, 255, 256, 1_000]) {
    void test(`a batch of ${count} frames comes out as it went in`, () => {
      const batch = new FrameBatch();
      const packer = new FramePacker();
      // Some are large, so that both ways of packing are taken, each behind the other.
      const frames = Array.from({ length: count }, (_, i) => [i, `frame ${i}`.repeat(i % 5 < 2 ? 1 : 1_000)]);
      for (const frame of frames) batch.add(packer.pack(frame));
      assert.equal(batch.count, count);
      assert.deepEqual(decodeMessage(batch.take(), { ...bounds, bytesMax: 10_000_000 }), frames);
      assert.deepEqual([batch.count, batch.bytes], [0, 0]);
    });
  }

  void test('100,000 lists in lists are refused without a deep stack', () => {
    refusedWith(new Uint8Array(100_000).fill(0x91), /deep/);
    refusedWith(new Uint8Array(100_000).fill(0x81), /deep/);
  });

  void test('a list that claims four billion values is refused before memory is taken for it', () => {
    const before = process.memoryUsage().heapUsed;
    refusedWith(bytesOf(0x91, 0xdd, 0xff, 0xff, 0xff, 0xff, 0), /a list of 4294967295 values in 7 bytes/);
    refusedWith(bytesOf(0x91, 0xdf, 0xff, 0xff, 0xff, 0xff, 0), /a list of 8589934590 values in 7 bytes/);
    refusedWith(bytesOf(0xdd, 0x00, 0xff, 0xff, 0xff), /a list of/);
    assert.equal(process.memoryUsage().heapUsed - before < 10_000_000, true);
  });

  void test('bytes and texts that claim more than is there are refused', () => {
    for (const head of [0xc6, 0xdb]) refusedWith(bytesOf(0x91, head, 0x40, 0, 0, 0, 1), /too early/);
    for (const head of [0xc5, 0xda]) refusedWith(bytesOf(0x91, head, 0x40, 0, 1), /too early/);
    for (const head of [0xc4, 0xd9, 0xbf]) refusedWith(bytesOf(0x91, head, 9, 1), /too early/);
    refusedWith(bytesOf(0x91, 0xcb, 1), /too early/);
  });

  void test('many small values are refused beyond a bound: an empty list is one byte here and thirty in memory', () => {
    const many = pack([Array.from({ length: bounds.valuesMax }, () => [])]);
    refusedWith(many, /more than 100000 values/);
  });

  void test('values that would define code or a class of their own are refused', () => {
    // A record definition of msgpackr; a date; an ext of any size.
    refusedWith(bytesOf(0x91, 0xd4, 0x72, 0x40), /kind 0xd4/);
    refusedWith(bytesOf(0x91, 0xd6, 0xff, 0, 0, 0, 0), /kind 0xd6/);
    refusedWith(bytesOf(0x91, 0xc7, 0x01, 0x65, 0x90), /kind 0xc7/);
    refusedWith(bytesOf(0x91, 0xc1), /kind 0xc1/);
    assert.deepEqual(decode(pack([undefined, 1])), [undefined, 1]);
  });

  void test('a message is a list of frames, of so many, and nothing follows it', () => {
    refusedWith(pack({ a: 1 }), /no list/);
    refusedWith(pack(7), /no list/);
    refusedWith(new Uint8Array(0), /too early/);
    refusedWith(Buffer.concat([pack([1]), pack(2)]), /follows/);
    refusedWith(pack(Array.from({ length: 1_001 }, () => 1)), /1001 frames of at most 1000/);
    refusedWith(new Uint8Array(1_000_001), /bytes of at most/);
  });

  void test('a key that is no text is refused', () => {
    refusedWith(bytesOf(0x91, 0x81, 0x91, 1, 1), /./);
  });

  void test('a name that every object has is a plain field', () => {
    const [frame] = decode(bytesOf(0x91, 0x81, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 0x61, 1)) as [object];
    assert.equal(Object.getPrototypeOf(frame), Object.prototype);
    assert.equal('a' in frame, false);
  });

  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), tie('value'), { maxKeys: 20 }),
    ),
  })).value;

  void test('whatever is plain data passes', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), (frames) => {
        assert.equal(JSON.stringify(decode(pack(frames))), JSON.stringify(frames));
      }),
      { numRuns: 300 },
    );
  });

  void test('whatever bytes come: frames, or a refusal by name', () => {
    const flipped = fc
      .tuple(fc.array(value, { maxLength: 5 }), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([frames, at, byte]) => {
        const bytes = Uint8Array.from(pack(frames));
        bytes[at % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), flipped), (bytes) => {
        try {
          assert.equal(Array.isArray(decode(bytes)), true);
        } catch (error) {
          // Anything else than a refusal by name fails the test.
          assert.equal(error instanceof OperationError, true, String(error));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
