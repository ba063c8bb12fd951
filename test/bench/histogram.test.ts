import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../../bench/measure/histogram.ts';

void test('histogram: small values are exact', () => {
  const histogram = new Histogram();
  for (let us = 1; us <= 50; us++) histogram.record(us);
  assert.equal(histogram.count, 50);
  assert.equal(histogram.percentileUs(0.5), 25);
  assert.equal(histogram.percentileUs(1), 50);
});

void test('histogram: a percentile is never below the true value and at most 3.2 % above it', () => {
  const histogram = new Histogram();
  const values = Array.from({ length: 5000 }, (_, i) => Math.floor(1.004 ** i) + i);
  for (const value of values) histogram.record(value);
  const sorted = values.sort((a, b) => a - b);
  for (const share of [0.01, 0.25, 0.5, 0.9, 0.99, 0.999]) {
    const truth = sorted[Math.ceil(sorted.length * share) - 1] as number;
    const told = histogram.percentileUs(share);
    assert.ok(told >= truth && told <= truth * 1.032, `${share}: ${told} for ${truth}`);
  }
});

void test('histogram: the maximum is exact, and no percentile exceeds it', () => {
  const histogram = new Histogram();
  for (const us of [70, 1000, 123_457]) histogram.record(us);
  assert.equal(histogram.maxUs, 123_457);
  assert.equal(histogram.percentileUs(0.99), 123_457);
  assert.deepEqual(histogram.summary(), {
    count: 3,
    p50Ms: histogram.percentileUs(0.5) / 1000,
    p99Ms: 123.457,
    maxMs: 123.457,
  });
});

void test('histogram: fractions, negatives and what is longer than half an hour are kept within its range', () => {
  const histogram = new Histogram();
  for (const us of [-5, 0.9, 1e12]) histogram.record(us);
  assert.equal(histogram.count, 3);
  assert.equal(histogram.percentileUs(0.5), 0);
  assert.equal(histogram.maxUs, 2_147_483_647);
});

void test('histogram: nothing recorded is zero everywhere', () => {
  assert.deepEqual(new Histogram().summary(), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
});
