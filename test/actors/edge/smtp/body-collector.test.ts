/** Gathering a body: its bytes, its hash, and what it costs in memory. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyCollector, type MemoryBudget } from '../../../../actors/edge/smtp/body-collector.ts';

const budgetOf = (bytesMax: number): MemoryBudget => ({ usedBytes: 0, bytesMax });

function collect(collector: BodyCollector, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) collector.take(chunk, 0, chunk.length);
}

void test('body: pieces of any size make one buffer of its own, with its hash', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 90_000 })), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(sizes, (all) => {
      const chunks = all.map((size, index) => Buffer.alloc(size, index + 1));
      const collector = new BodyCollector(10_000_000, budgetOf(10_000_000));
      collect(collector, chunks);
      const { bytes, hash } = collector.finish();
      const whole = Buffer.concat(chunks);
      assert.ok(whole.equals(bytes));
      assert.equal(bytes.buffer.byteLength, whole.length);
      assert.equal(hash, createHash('sha256').update(whole).digest('base64url'));
    }),
    { numRuns: 200 },
  );
});

void test('body: one byte at a time costs little more than the bytes', () => {
  const collector = new BodyCollector(4_000_000, budgetOf(4_000_000));
  const before = process.memoryUsage();
  for (let i = 0; i < 2_000_000; i++) collector.take(Buffer.from('x'), 0, 1);
  const after = process.memoryUsage();
  const grown = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed;
  assert.equal(collector.sizeBytes, 2_000_000);
  assert.ok(grown < 60_000_000, `${grown} bytes for 2 MB`);
});

void test('body: what is too large is counted and not kept', () => {
  const budget = budgetOf(10_000);
  const collector = new BodyCollector(1000, budget);
  collect(collector, [Buffer.alloc(900), Buffer.alloc(200), Buffer.alloc(300)]);
  assert.equal(collector.dropped, 'tooBig');
  assert.equal(collector.sizeBytes, 1400);
  assert.equal(budget.usedBytes, 0);
});

void test('body: the bytes of all sessions together are bounded, and come back', () => {
  const budget = budgetOf(1500);
  const first = new BodyCollector(1000, budget);
  const second = new BodyCollector(1000, budget);
  collect(first, [Buffer.alloc(1000)]);
  collect(second, [Buffer.alloc(600)]);
  assert.equal(second.dropped, 'memoryFull');
  assert.equal(budget.usedBytes, 1000);
  first.release();
  first.release();
  assert.equal(budget.usedBytes, 0);
});
