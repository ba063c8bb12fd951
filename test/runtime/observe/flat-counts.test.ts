/** What workers count for themselves, on its way into the metrics of the node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CounterFamily, Histogram } from '../../../runtime/observe/counters.ts';
import { flatCounts, takeFlat } from '../../../runtime/observe/flat-counts.ts';
import { histogramRows, NodeCounts } from '../../../runtime/observe/metric-table.ts';

function worker(accepted: number, seconds: readonly number[]) {
  const attempts = new Histogram(histogramRows.ringpost_attempt_seconds.bounds);
  for (const each of seconds) attempts.observe(each);
  return flatCounts({
    counters: {
      ringpost_mails_accepted_total: [['smtp', accepted]],
      ringpost_deferrals_total: [['451 4.7.1', 2]],
    },
    histograms: { ringpost_attempt_seconds: attempts },
    gauges: {
      ringpost_sessions: 3,
      ringpost_store_free_bytes: null,
      ringpost_courier_domains: [
        ['served', 1],
        ['waiting', 0],
      ],
    },
  });
}

/** As `Edges.stats` does. */
function summed(...flats: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const flat of flats) {
    for (const [name, value] of Object.entries(flat)) sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}

void test('two workers are one: counters, histograms and gauges are sums', () => {
  const counts = new NodeCounts();
  const flat = summed(worker(4, [0.02, 1_000]), worker(5, [0.02]), { callsInFlight: 1 });
  for (const _ of ['once', 'again']) {
    assert.deepEqual(takeFlat(counts, flat), {
      ringpost_sessions: 6,
      ringpost_courier_domains: [
        ['served', 2],
        ['waiting', 0],
      ],
    });
    assert.equal(counts.counter('ringpost_mails_accepted_total', 'smtp').value, 9);
    assert.equal(counts.counter('ringpost_deferrals_total', '451 4.7.1').value, 4);
    const { count, sum, counts: buckets } = counts.histogram('ringpost_attempt_seconds');
    assert.deepEqual([count, sum, buckets[1], buckets.at(-1)], [3, 1_000.04, 2, 1]);
  }
});

void test('a worker that does not answer takes nothing back', () => {
  const counts = new NodeCounts();
  takeFlat(counts, worker(4, [0.02]));
  assert.deepEqual(takeFlat(counts, {}), {});
  assert.equal(counts.counter('ringpost_mails_accepted_total', 'smtp').value, 4);
  assert.equal(counts.histogram('ringpost_attempt_seconds').count, 1);
});

void test('labels beyond the bound are counted together, also when a worker began anew with others', () => {
  const counts = new NodeCounts();
  const reasons = (from: number) => {
    const family = new CounterFamily();
    for (let i = from; i < from + 300; i++) family.of(`4${i} 4.0.0`).add();
    return flatCounts({
      counters: { ringpost_deferrals_total: [...family].map(([label, { value }]) => [label, value] as const) },
      histograms: {},
      gauges: {},
    });
  };
  takeFlat(counts, reasons(0));
  assert.equal(counts.counter('ringpost_deferrals_total', 'other').value, 100);
  takeFlat(counts, reasons(1_000));
  assert.equal(counts.counter('ringpost_deferrals_total', 'other').value, 300);
  assert.equal([...counts.family('ringpost_deferrals_total')].length, 201);
});
