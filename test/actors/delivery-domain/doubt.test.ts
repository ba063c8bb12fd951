import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minuteMs, QueueBench, resultOf } from '../../support/queue-bench.ts';

const ledger = (queue: QueueBench) => queue.query({ kind: 'inDoubt', after: null, limit: 100 }).entries;

void test('an attempt without result is in the ledger when its time is up, and is then tried again', () => {
  const queue = new QueueBench();
  const mailId = queue.send();
  const { jobs } = queue.begin();
  queue.advance(10 * minuteMs - 1);
  assert.deepEqual(ledger(queue), []);
  queue.advance(1);
  const [entry] = ledger(queue);
  assert.deepEqual([entry?.mailId, entry?.cause, entry?.decided], [mailId, 'timeout', 'retry']);
  assert.deepEqual(entry?.recipients, ['bob@example.net']);
  assert.equal(queue.begin().jobs.length, 0, 'by the schedule');
  queue.advance(minuteMs);
  const again = queue.begin();
  assert.equal(again.jobs.length, 1);
  assert.notEqual(again.jobs[0]?.attemptId, jobs[0]?.attemptId);
});

void test('what a courier left behind is in doubt as soon as the next one comes, its slot only when its time is up', () => {
  const queue = new QueueBench({ concurrency: 1 });
  queue.send();
  queue.send();
  queue.begin(1);
  queue.courier = { node: 'n1', start: 'second' };
  assert.equal(queue.begin(1).dialogue, null, 'the slot is held');
  assert.deepEqual(
    ledger(queue).map(({ cause }) => cause),
    ['courierLost'],
  );
  assert.deepEqual([...queue.states()].sort(), ['inDoubt', 'queued']);
  queue.advance(10 * minuteMs);
  assert.equal(queue.begin(10).jobs.length, 2);
});

void test('what a courier left behind is found by the next one that asks, also where there is room for more', () => {
  for (const how of ['begin', 'finish'] as const) {
    const queue = new QueueBench({ concurrency: 5 });
    queue.send();
    const left = queue.begin(1);
    queue.courier = { node: 'n1', start: 'second' };
    if (how === 'begin') queue.begin(1);
    else queue.finish({ ...left, dialogue: 'of another time' }, []);
    assert.deepEqual(queue.states(), ['inDoubt'], how);
  }
});

void test('an attempt whose time is up is in doubt for whoever asks, also before the timer has fired', () => {
  const queue = new QueueBench({ concurrency: 5 });
  queue.send();
  queue.begin(1);
  // The node was busy, or asleep: no timer fires.
  queue.nowMs += 10 * minuteMs;
  queue.begin(1);
  assert.deepEqual(queue.states(), ['inDoubt']);
});

void test('the courier of another node is not taken for one that is gone', () => {
  const queue = new QueueBench({ concurrency: 2 });
  queue.send();
  queue.begin(1);
  queue.courier = { node: 'n2', start: 'other' };
  queue.send();
  assert.equal(queue.begin(1).jobs.length, 1);
  assert.deepEqual(ledger(queue), []);
});

void test('a line that breaks behind the dot is in doubt: retried, held or dropped as the policy says', () => {
  for (const [inDoubt, states] of [
    ['retry', ['inDoubt']],
    ['hold', ['held']],
    ['drop', []],
  ] as const) {
    const queue = new QueueBench({ inDoubt });
    queue.send();
    const work = queue.begin();
    queue.finish(work, [resultOf(work.jobs[0]!, 'inDoubt')]);
    assert.deepEqual(queue.states(), states, inDoubt);
    assert.deepEqual(
      ledger(queue).map(({ cause, decided }) => [cause, decided]),
      [['noReply', inDoubt]],
    );
    assert.equal(queue.holds.size, states.length);
    queue.advance(10 * minuteMs);
    assert.equal(queue.begin().jobs.length, inDoubt === 'retry' ? 1 : 0);
  }
});

void test('a result that comes late still counts: nothing is sent twice that is known to be there', () => {
  const queue = new QueueBench();
  queue.send();
  const work = queue.begin();
  queue.advance(10 * minuteMs);
  assert.deepEqual(queue.states(), ['inDoubt']);
  queue.finish(work, [resultOf(work.jobs[0]!, 'delivered')]);
  assert.deepEqual(queue.items(), []);
  assert.equal(ledger(queue).length, 1, 'the ledger keeps what was in doubt');
});

void test('a result of an attempt that was followed by another one changes nothing', () => {
  const queue = new QueueBench();
  queue.send();
  const old = queue.begin();
  queue.advance(11 * minuteMs);
  const next = queue.begin();
  queue.finish(old, [resultOf(old.jobs[0]!, 'failed')]);
  assert.deepEqual(queue.states(), ['attempting']);
  queue.finish(next, [resultOf(next.jobs[0]!, 'delivered')]);
  assert.deepEqual(queue.items(), []);
  assert.equal(queue.summary().reports, 0);
});

void test('the ledger is kept for 30 days', () => {
  const queue = new QueueBench({ inDoubt: 'drop' });
  queue.send();
  const work = queue.begin();
  queue.finish(work, [resultOf(work.jobs[0]!, 'inDoubt')]);
  const dayMs = 24 * 60 * minuteMs;
  queue.advance(30 * dayMs - 1);
  assert.equal(ledger(queue).length, 1);
  queue.advance(2 * dayMs);
  assert.equal(ledger(queue).length, 0);
  assert.equal(queue.timers.size, 0);
});

void test('what is in doubt again and again comes by the schedule, and is given up and reported in the end', () => {
  const queue = new QueueBench({ retryMs: [20 * minuteMs], attemptTimeoutMs: minuteMs });
  queue.send();
  let attempts = 0;
  let reports = 0;
  for (let minute = 0; minute < 120; minute++) {
    const work = queue.begin();
    attempts += work.jobs.length;
    const results = work.jobs.map((job) => resultOf(job, 'inDoubt'));
    reports += queue.finish(work, results).reports.length + work.reports.length;
    queue.advance(minuteMs);
  }
  assert.deepEqual([attempts, queue.items().length, reports > 0], [4, 0, true]);
  assert.equal(ledger(queue).length, 4);
});

void test('policy hold: recipients that were only deferred are not held with the doubtful ones', () => {
  const queue = new QueueBench({ inDoubt: 'hold' });
  queue.send(['a@example.net', 'b@example.net']);
  const work = queue.begin();
  queue.finish(work, [resultOf(work.jobs[0]!, { 'a@example.net': 'inDoubt', 'b@example.net': 'deferred' })]);
  assert.deepEqual(
    queue.items().map(({ state, recipients }) => [state, recipients]),
    [
      ['held', ['a@example.net']],
      ['queued', ['b@example.net']],
    ],
  );
  queue.advance(minuteMs);
  const next = queue.begin();
  assert.deepEqual(
    next.jobs[0]?.recipients.map(({ address }) => address),
    ['b@example.net'],
  );
  queue.finish(next, [resultOf(next.jobs[0], 'delivered')]);
  assert.equal(queue.holds.size, 1);
});

void test('a courier that is lost with thousands of recipients in hand is worked off in turns of bounded size', () => {
  const queue = new QueueBench({ concurrency: 20 });
  const long = 'x'.repeat(60);
  for (let i = 0; i < 20; i++) queue.send(Array.from({ length: 1_000 }, (_, n) => `${long}${n}@example.net`));
  for (let i = 0; i < 20; i++) queue.begin(10);
  assert.equal(queue.summary().byState.attempting, 200);
  queue.courier = { node: 'n1', start: 'second' };
  const work = queue.begin(10);
  assert.equal(work.dialogue, null, 'nothing new before the old is settled');
  assert.ok(ledger(queue).length < 20, 'a part of it');
  queue.advance(1_000);
  for (let i = 0; i < 50 && queue.summary().byState.attempting > 0; i++) {
    queue.begin(10);
    queue.advance(1_000);
  }
  assert.deepEqual(queue.summary().byState, { queued: 0, attempting: 0, inDoubt: 200, held: 0 });
});

void test('results that are told twice count once, so that the slot stays while mails are in hand', () => {
  const queue = new QueueBench({ concurrency: 1 });
  for (let i = 0; i < 5; i++) queue.send();
  const work = queue.begin(5);
  const two = work.jobs.slice(0, 2).map((job) => resultOf(job, 'delivered'));
  queue.finish(work, two);
  queue.finish(work, two);
  queue.finish(work, [resultOf(work.jobs[2]!, 'delivered')]);
  assert.equal(queue.begin(1).dialogue, null);
});
