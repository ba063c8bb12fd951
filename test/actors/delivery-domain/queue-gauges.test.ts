/** The numbers of all queues: what is read, when, and how much of it at a time. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { QueueSummary } from '../../../actors/delivery-domain/protocol.ts';
import { QueueGauges, queueGaugesLimits } from '../../../actors/delivery-domain/queue-gauges.ts';
import type { QueryRequest, Settle } from '../../../runtime/actor/request.ts';
import { tryLater } from '../../../runtime/base/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { loopTurns, passing, until } from '../../support/smtp-until.ts';

const limits = { ...queueGaugesLimits, readsMax: 4, readsAtOnce: 2, pageKeys: 3, pageWaitMs: 10, longestMax: 2 };

/** An engine that is a list of queues. */
class Queues {
  readonly summaries = new Map<string, QueueSummary>();
  /** Domains in the order in which they were read. */
  reads: string[] = [];
  readonly pages: (string | null)[] = [];
  /** How often a walk came to the end of the domains. */
  lastPages = 0;
  readonly failures: unknown[] = [];
  isBusy = false;
  isBroken = false;
  readonly #watchers = new Set<(key: string) => void>();

  watchKind(kind: string, changed: (key: string) => void): () => void {
    assert.equal(kind, 'delivery-domain');
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  query({ key, query }: QueryRequest, settle: Settle): void {
    assert.equal(query.kind, 'summary');
    this.reads.push(key);
    const answer = this.summaries.get(key);
    settle(this.isBusy ? { ok: false, error: tryLater('busy', 'x').data } : { ok: true, answer });
  }

  /** Without telling, as before a start. */
  put(domain: string, numbers: Partial<QueueSummary['byState']>, changes: Partial<QueueSummary> = {}): void {
    const byState = { queued: 0, attempting: 0, inDoubt: 0, held: 0, ...numbers };
    const items = Object.values(byState).reduce((sum, each) => sum + each, 0) + (changes.dropped ?? 0);
    const common = { isPaused: false, nextDueMs: null, oldestMs: null, dropped: 0, reports: 0 };
    this.summaries.set(domain, { ...common, items, byState, ...changes });
  }

  change(domain: string, numbers: Partial<QueueSummary['byState']>, changes: Partial<QueueSummary> = {}): void {
    this.put(domain, numbers, changes);
    for (const changed of this.#watchers) changed(domain);
  }

  async keys(after: string | null, limit: number): Promise<readonly string[]> {
    await loopTurns(1);
    this.pages.push(after);
    if (this.isBroken) throw new Error('the disk is gone');
    const keys = [...this.summaries.keys()].sort();
    const page = keys.filter((key) => after === null || key > after).slice(0, limit);
    if (page.length < limit) this.lastPages++;
    return page;
  }
}

function world(t: TestContext, queues = new Queues(), changes: Partial<typeof limits> = {}) {
  const clock = new FakeClock();
  const gauges = new QueueGauges({
    engine: queues,
    keys: (after, limit) => queues.keys(after, limit),
    clock,
    failed: (error) => void queues.failures.push(error),
    limits: { ...limits, ...changes },
  });
  t.after(() => gauges.close());
  /** One turn of the loop at a time, so that reading has its pauses. */
  const scrape = async () => {
    const read = gauges.read();
    let isRead = false;
    void read.finally(() => {
      isRead = true;
    });
    await until(() => {
      clock.runSoon();
      return isRead;
    });
    return await read;
  };
  /** The walk comes to its end. */
  const walked = async () => {
    const { lastPages } = queues;
    let turnsSince = 0;
    await until(() => {
      clock.advance(1);
      clock.runSoon();
      if (queues.lastPages > lastPages) turnsSince++;
      return turnsSince > limits.pageKeys;
    });
  };
  return { clock, queues, gauges, scrape, walked };
}

void test('sums by state, age, reports, and domains with any of it', async (t) => {
  const { clock, queues, scrape, walked } = world(t);
  await walked();
  const nowMs = clock.nowMs();
  queues.change('b.example', { inDoubt: 2, held: 4 }, { dropped: 7, oldestMs: nowMs - 60_000 });
  queues.change('a.example', { queued: 3, attempting: 1 }, { oldestMs: nowMs - 5_000 });
  queues.change('here.example', {}, { reports: 2 });
  assert.deepEqual(await scrape(), {
    ringpost_queue_mails: [
      ['queued', 3],
      ['attempting', 1],
      ['inDoubt', 2],
      ['held', 4],
      ['dropped', 7],
    ],
    ringpost_queue_oldest_seconds: 60,
    ringpost_queue_domains: 3,
    ringpost_queue_reports: 2,
    ringpost_queue_domain_mails: [
      ['b.example', 13],
      ['a.example', 4],
    ],
    ringpost_queue_complete: 1,
  });
});

void test('a domain is read when it changed, and only then; one that is emptied counts no more', async (t) => {
  const { queues, scrape, walked } = world(t);
  await walked();
  queues.change('a.example', { queued: 1 }, { oldestMs: 0 });
  queues.change('a.example', { queued: 2 }, { oldestMs: 0 });
  await scrape();
  await scrape();
  assert.deepEqual(queues.reads, ['a.example']);
  queues.change('a.example', {});
  const readings = await scrape();
  assert.deepEqual(
    [readings.ringpost_queue_domains, readings.ringpost_queue_oldest_seconds, readings.ringpost_queue_domain_mails],
    [0, 0, []],
  );
});

void test('of many domains the longest are shown, in order', async (t) => {
  const { queues, scrape, walked } = world(t, new Queues(), { readsMax: 100, longestMax: 3 });
  await walked();
  for (const queued of [5, 1, 9, 7, 3, 8, 2]) queues.change(`d${queued}.example`, { queued });
  const { ringpost_queue_domain_mails: longest, ringpost_queue_mails: mails } = await scrape();
  assert.deepEqual(longest, [
    ['d9.example', 9],
    ['d8.example', 8],
    ['d7.example', 7],
  ]);
  assert.deepEqual(mails?.[0], ['queued', 35]);
});

void test('a scrape reads so many and no more, and says that it is not all; the next goes on, in the order of the changes', async (t) => {
  const { queues, scrape, walked } = world(t);
  await walked();
  for (let i = 0; i < 10; i++) queues.change(`d${i}.example`, { queued: 1 });
  const first = await scrape();
  assert.deepEqual([first.ringpost_queue_domains, first.ringpost_queue_complete], [4, 0]);
  queues.change('d9.example', { queued: 2 });
  assert.equal((await scrape()).ringpost_queue_domains, 8);
  const last = await scrape();
  assert.deepEqual([last.ringpost_queue_domains, last.ringpost_queue_complete], [10, 1]);
  assert.deepEqual(
    queues.reads,
    Array.from({ length: 10 }, (_, i) => `d${i}.example`),
  );
});

void test('scrapes that come together read once', async (t) => {
  const { clock, queues, gauges, walked } = world(t);
  await walked();
  for (let i = 0; i < 4; i++) queues.change(`d${i}.example`, { queued: 1 });
  const reads = Promise.all([gauges.read(), gauges.read(), gauges.read()]);
  await loopTurns(2);
  assert.equal(queues.reads.length, 2, 'then others have their turn');
  clock.runSoon();
  assert.deepEqual(
    (await reads).map((each) => each.ringpost_queue_domains),
    [4, 4, 4],
  );
  assert.equal(queues.reads.length, 4);
});

void test('after a start all domains that there are come to be known, page by page, with a pause before each', async (t) => {
  const queues = new Queues();
  for (let i = 0; i < 8; i++) queues.put(`d${i}.example`, { queued: i % 2 });
  const { clock, scrape, walked } = world(t, queues);
  assert.deepEqual([(await scrape()).ringpost_queue_complete, queues.reads], [0, []]);
  clock.advance(limits.pageWaitMs);
  await loopTurns(5);
  clock.runSoon();
  await loopTurns(5);
  assert.deepEqual([queues.pages, queues.reads.length], [[null], 3], 'one page');
  await loopTurns(20);
  assert.equal(queues.pages.length, 1, 'no other one without time');
  await walked();
  const readings = await scrape();
  assert.deepEqual(queues.pages, [null, 'd2.example', 'd5.example']);
  assert.deepEqual([readings.ringpost_queue_domains, readings.ringpost_queue_complete], [4, 1]);
  assert.equal(queues.reads.length, 8, 'each once');
});

void test('more changes than are noted are found by another walk', async (t) => {
  const { queues, scrape, walked } = world(t, new Queues(), { unreadMax: 5 });
  await walked();
  for (let i = 0; i < 7; i++) queues.change(`d${i}.example`, { queued: 1 });
  assert.equal((await scrape()).ringpost_queue_complete, 0);
  await walked();
  const readings = await scrape();
  assert.deepEqual([readings.ringpost_queue_domains, readings.ringpost_queue_complete], [7, 1]);
});

void test('a queue that cannot be read now keeps its numbers, and is read by the next scrape', async (t) => {
  const { queues, scrape, walked } = world(t);
  await walked();
  queues.change('a.example', { queued: 1 });
  await scrape();
  queues.change('a.example', { queued: 2 });
  queues.isBusy = true;
  const busy = await scrape();
  assert.deepEqual([busy.ringpost_queue_mails?.[0], busy.ringpost_queue_complete], [['queued', 1], 0]);
  queues.isBusy = false;
  assert.deepEqual((await scrape()).ringpost_queue_mails?.[0], ['queued', 2]);
});

void test('a walk that breaks off is told, and begun again with the next scrape', async (t) => {
  const queues = new Queues();
  queues.put('a.example', { queued: 1 });
  queues.isBroken = true;
  const { clock, scrape, walked } = world(t, queues);
  clock.advance(limits.pageWaitMs);
  await until(() => queues.failures.length === 1);
  queues.isBroken = false;
  assert.equal((await scrape()).ringpost_queue_complete, 0);
  await walked();
  const readings = await scrape();
  assert.deepEqual([readings.ringpost_queue_domains, readings.ringpost_queue_complete], [1, 1]);
});

void test('nothing is read once it is closed, be it amid a page', async (t) => {
  const queues = new Queues();
  for (let i = 0; i < 8; i++) queues.put(`d${i}.example`, { queued: 1 });
  const { clock, gauges } = world(t, queues);
  clock.advance(limits.pageWaitMs);
  await until(() => queues.reads.length === limits.readsAtOnce);
  await passing(clock, Promise.all([gauges.close(), loopTurns(3).then(() => clock.runSoon())]));
  queues.change('late.example', { queued: 1 });
  await gauges.read();
  assert.equal(queues.reads.length, limits.readsAtOnce);
});
