/**
 * Anything may happen to a queue in any order, with time passing and couriers dying in between. Whatever does: every mail
 * is accounted for, and nothing that was delivered is tried again except by way of the ledger.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Job, RecipientResult, Work } from '../../../actors/delivery-domain/protocol.ts';
import { minuteMs, QueueBench, resultOf, sampleOutgoing } from '../../support/queue-bench.ts';

type Outcome = RecipientResult['outcome'];
const outcomes: readonly Outcome[] = ['delivered', 'deferred', 'failed', 'inDoubt'];
const inDoubtPolicies = ['retry', 'hold', 'drop'] as const;

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('begin' as const), mails: fc.integer({ min: 0, max: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      which: fc.nat(5),
      outcomes: fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 4 }),
      mails: fc.integer({ min: 0, max: 3 }),
      reached: fc.nat(4).map((n) => n > 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('control' as const),
      action: fc.constantFrom('retry', 'hold', 'release', 'drop', 'undrop'),
      preview: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), on: fc.nat(3).map((n) => n === 0) }) },
);

/** What the world outside knows. */
class Ledger {
  readonly sent = new Map<string, string[]>();
  readonly deliveredBy = new Map<string, string>();
  readonly failed = new Set<string>();
}

class Run {
  readonly queue: QueueBench;
  readonly ledger = new Ledger();
  open: Work[] = [];
  starts = 1;

  constructor(inDoubt: (typeof inDoubtPolicies)[number]) {
    this.queue = new QueueBench({ inDoubt, concurrency: 3, expireMs: 40 * minuteMs });
  }

  took(work: Work): void {
    for (const job of work.jobs) {
      for (const { address } of job.recipients) {
        const name = `${job.mailId} ${address}`;
        assert.ok(!this.ledger.failed.has(name), 'a recipient that was given up is not tried again');
        const before = this.ledger.deliveredBy.get(name);
        if (before !== undefined) assert.ok(this.isInLedger(before), 'delivered before, and not in the ledger');
      }
    }
    if (work.dialogue !== null) this.open.push(work);
    const ids = work.reports.map(({ reportId }) => reportId);
    if (ids.length > 0) this.queue.ask({ kind: 'reported', reportIds: ids });
  }

  isInLedger(attemptId: string): boolean {
    const { entries } = this.queue.query({ kind: 'inDoubt', after: null, limit: 500 });
    return entries.some((entry) => entry.attemptId === attemptId);
  }

  /** The remote server has it in these cases, whatever we learn of it. */
  happened(job: Job, results: readonly RecipientResult[], isLost: boolean): void {
    for (const { address, outcome } of results) {
      const name = `${job.mailId} ${address}`;
      if (outcome === 'delivered' || outcome === 'inDoubt') this.ledger.deliveredBy.set(name, job.attemptId);
      if (outcome === 'failed' && !isLost) this.ledger.failed.add(name);
    }
  }

  check(): void {
    const { queue } = this;
    const items = queue.items();
    const { byState, dropped } = queue.summary();
    const count = (state: string) =>
      items.filter((item) => item.state === state && item.droppedUntilMs === null).length;
    assert.deepEqual(byState, {
      queued: count('queued'),
      attempting: count('attempting'),
      inDoubt: count('inDoubt'),
      held: count('held'),
    });
    assert.equal(dropped, items.filter((item) => item.droppedUntilMs !== null).length);
    const indexed = queue.rows().filter(({ key }) => ['d', 'a', 'x'].includes(String(key[0])));
    const waiting = items.filter((item) => item.state !== 'held' || item.droppedUntilMs !== null);
    assert.equal(indexed.length, waiting.length, 'one index row for each that waits for a time');
    assert.equal(queue.holds.size, items.length + queue.summary().reports, 'bodies are held by what is there');
    const open = queue.rows().filter(({ key }) => key[0] === 'g').length;
    assert.ok(open <= 3, 'never more dialogues than allowed');
  }
}

void test('whatever happens, every mail is accounted for and none is delivered twice outside the ledger', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
      fc.constantFrom(...inDoubtPolicies),
      (steps, inDoubt) => {
        const run = new Run(inDoubt);
        const { queue, ledger } = run;
        for (const each of steps) {
          if (each.do === 'send') {
            const addresses = Array.from({ length: each.count }, (_, i) => `u${i}@example.net`);
            ledger.sent.set(queue.send(addresses, sampleOutgoing()), addresses);
          } else if (each.do === 'begin') run.took(queue.begin(each.mails));
          else if (each.do === 'finish') {
            const work = run.open.splice(each.which % Math.max(1, run.open.length), 1)[0];
            if (work === undefined) continue;
            const results = work.jobs.map((job, i) =>
              resultOf(job, each.outcomes[i % each.outcomes.length]!, each.reached),
            );
            // A result that comes when the attempt was given up may be about one that another attempt has settled since.
            for (const [i, job] of work.jobs.entries()) {
              const isCurrent = queue.rows().some(({ key, value }) => {
                return key[0] === 's' && (value as { attempt: { id: string } | null }).attempt?.id === job.attemptId;
              });
              run.happened(job, results[i]!.recipients, !isCurrent);
            }
            run.took(queue.finish(work, results, each.mails));
          } else if (each.do === 'wait') queue.advance(each.minutes * minuteMs);
          else if (each.do === 'control') {
            queue.ask({ kind: 'control', action: each.action as 'retry', filter: {}, preview: each.preview });
          } else if (each.do === 'pause') queue.ask({ kind: each.on ? 'pause' : 'resume' });
          else {
            // The remote servers took all that was begun; nobody tells us.
            for (const work of run.open) {
              for (const job of work.jobs) run.happened(job, resultOf(job, 'delivered').recipients, true);
            }
            run.open = [];
            queue.courier = { node: 'n1', start: `start${++run.starts}` };
          }
          run.check();
        }
        // In the end, with a courier and a remote server that work, nothing is left but what an operator holds.
        queue.ask({ kind: 'resume' });
        for (let i = 0; i < 200 && queue.items().some(({ state }) => state !== 'held'); i++) {
          for (let work = queue.begin(100); work.jobs.length > 0; work = queue.begin(100)) {
            run.took(
              queue.finish(
                work,
                work.jobs.map((job) => resultOf(job, 'delivered')),
              ),
            );
          }
          queue.advance(minuteMs);
        }
        run.check();
        assert.ok(queue.items().every(({ state }) => state === 'held'));
      },
    ),
    { numRuns: 300 },
  );
});
