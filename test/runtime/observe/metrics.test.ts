import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CounterFamily, Histogram } from '../../../runtime/observe/counters.ts';
import { watchLoopDelay } from '../../../runtime/observe/event-loop.ts';
import { NodeCounts, type Readings } from '../../../runtime/observe/metric-table.ts';
import { Metrics } from '../../../runtime/observe/metrics.ts';

const readings: Readings = {
  ...{ ringpost_backlog_commands: 3, ringpost_pending_bytes: 0, ringpost_store_free_bytes: null },
  ringpost_queue_mails: [
    ['queued', 5],
    ['held', 0],
  ],
};

void test('a scrape shows counters, histograms and readings as Prometheus wants them', async () => {
  const counts = new NodeCounts();
  const loopDelay = watchLoopDelay();
  const metrics = new Metrics({ counts, read: async () => readings, loopDelay, labels: { node: 'n1' } });
  counts.counter('ringpost_mails_refused_total', '550 5.1.1').add(2);
  counts.histogram('ringpost_commit_entries').observe(3);
  counts.histogram('ringpost_commit_entries').observe(5_000);
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    const text = await metrics.scrape();
    assert.match(text, /^ringpost_mails_refused_total\{reason="550 5\.1\.1",node="n1"\} 2$/m);
    assert.match(text, /^# TYPE ringpost_commit_entries histogram$/m);
    assert.match(text, /^ringpost_commit_entries_bucket\{le="2",node="n1"\} 0$/m);
    assert.match(text, /^ringpost_commit_entries_bucket\{le="4",node="n1"\} 1$/m);
    assert.match(text, /^ringpost_commit_entries_bucket\{le="\+Inf",node="n1"\} 2$/m);
    assert.match(text, /^ringpost_commit_entries_sum\{node="n1"\} 5003$/m);
    assert.match(text, /^ringpost_commit_entries_count\{node="n1"\} 2$/m);
    assert.match(text, /^ringpost_backlog_commands\{node="n1"\} 3$/m);
    assert.match(text, /^# TYPE ringpost_queue_mails gauge\nringpost_queue_mails\{state="queued",node="n1"\} 5$/m);
    assert.match(text, /^ringpost_queue_mails\{state="held",node="n1"\} 0$/m);
    assert.match(text, /^ringpost_pending_bytes\{node="n1"\} 0$/m);
    assert.doesNotMatch(text, /^ringpost_activations\{/m, 'what nobody reads is not shown');
    assert.match(text, /^ringpost_event_loop_delay_seconds\{quantile="0\.99",node="n1"\} /m);
    assert.match(text, /^process_cpu_seconds_total\{node="n1"\} /m);
    assert.doesNotMatch(text, /^ringpost_store_free_bytes\{/m, 'what is not known is not shown as 0');
  }
  loopDelay.stop();
});

void test('a label that was there at one scrape and is gone at the next is not shown any more', async () => {
  const loopDelay = watchLoopDelay();
  let domain = 'a.example';
  const read = (): Promise<Readings> => Promise.resolve({ ringpost_queue_domain_mails: [[domain, 1]] });
  const metrics = new Metrics({ counts: new NodeCounts(), read, loopDelay, labels: {} });
  assert.match(await metrics.scrape(), /^ringpost_queue_domain_mails\{domain="a\.example"\} 1$/m);
  domain = 'b.example';
  assert.doesNotMatch(await metrics.scrape(), /a\.example/);
  loopDelay.stop();
});

void test('a worker counts what is in the table, and nothing else', () => {
  const counts = new NodeCounts();
  assert.equal(counts.count('ringpost_mails_accepted_total', { edge: 'smtp' }, 4), true);
  assert.equal(counts.count('made_up_total', {}, 1), false);
  assert.equal(counts.counter('ringpost_mails_accepted_total', 'smtp').value, 4);
});

void test('labels that strangers choose are bounded', () => {
  const family = new CounterFamily(2);
  for (const label of ['a', 'b', 'c', 'd', 'a']) family.of(label).add();
  assert.deepEqual(
    [...family].map(([label, { value }]) => [label, value]),
    [
      ['a', 2],
      ['b', 1],
      ['other', 2],
    ],
  );
});

void test('quantiles of a histogram are the bounds that hold them', () => {
  const histogram = new Histogram([1, 2, 4]);
  assert.equal(histogram.quantile(0.5), 0);
  for (const value of [1, 1, 2, 3]) histogram.observe(value);
  assert.deepEqual([histogram.quantile(0.5), histogram.quantile(0.75), histogram.quantile(1)], [1, 2, 4]);
  histogram.observe(100);
  assert.equal(histogram.quantile(1), Number.POSITIVE_INFINITY);
});
