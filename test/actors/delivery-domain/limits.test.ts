import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minuteMs, QueueBench, resultOf } from '../../support/queue-bench.ts';

void test('no more dialogues than the policy allows; one that ends makes room and says so', () => {
  const queue = new QueueBench({ concurrency: 2 });
  for (let i = 0; i < 5; i++) queue.send();
  const first = queue.begin(1);
  const second = queue.begin(1);
  const said = queue.announcements;
  assert.equal(queue.begin(1).dialogue, null);
  assert.equal(queue.announcements, said);
  queue.finish(first, [resultOf(first.jobs[0]!, 'delivered')]);
  assert.equal(queue.announcements, said + 1);
  assert.ok(queue.begin(1).dialogue);
  // The same connection goes on with the next mail.
  const next = queue.finish(second, [resultOf(second.jobs[0]!, 'delivered')], 1);
  assert.equal(next.dialogue, second.dialogue);
  assert.equal(queue.begin(1).dialogue, null);
});

void test('the rate is exact over ten minutes, and never above it in any minute', () => {
  for (const perMinute of [1, 7, 60, 600]) {
    const queue = new QueueBench({ perMinute, concurrency: 50 });
    for (let i = 0; i < perMinute * 12; i++) queue.send();
    const begun: number[] = [];
    const until = queue.nowMs + 10 * minuteMs;
    const stepMs = 1000;
    while (queue.nowMs < until) {
      for (let work = queue.begin(1000); work.jobs.length > 0; work = queue.begin(1000)) {
        for (const _ of work.jobs) begun.push(queue.nowMs);
        queue.finish(
          work,
          work.jobs.map((job) => resultOf(job, 'delivered')),
        );
      }
      queue.advance(stepMs);
    }
    const burst = 1 + Math.ceil(perMinute / 60);
    assert.ok(Math.abs(begun.length - perMinute * 10) <= burst, `${perMinute}: ${begun.length}`);
    for (const at of begun) {
      const within = begun.filter((other) => other >= at && other < at + minuteMs).length;
      assert.ok(within <= perMinute + burst, `${perMinute}: ${within} in a minute`);
    }
  }
});

void test('the rate holds over results too, and the timer announces when it allows more', () => {
  const queue = new QueueBench({ perMinute: 2 });
  for (let i = 0; i < 3; i++) queue.send();
  const work = queue.begin(10);
  assert.equal(work.jobs.length, 1);
  assert.equal(queue.finish(work, [resultOf(work.jobs[0]!, 'delivered')], 10).jobs.length, 0);
  const said = queue.announcements;
  queue.advance(29_000 - 1);
  assert.equal(queue.announcements, said);
  queue.advance(1);
  assert.equal(queue.announcements, said + 1);
  assert.equal(queue.begin(10).jobs.length, 1);
});

void test('a domain of which no server answers rests, and is then tried with one mail', () => {
  const queue = new QueueBench({ concurrency: 5 });
  for (let i = 0; i < 10; i++) queue.send();
  const one = queue.begin(3);
  const two = queue.begin(3);
  for (const work of [one, two]) {
    queue.finish(
      work,
      work.jobs.map((job) => resultOf(job, 'deferred', false)),
      3,
    );
  }
  assert.equal(queue.begin(10).jobs.length, 0);
  queue.advance(minuteMs);
  const probe = queue.begin(10);
  assert.equal(probe.jobs.length, 1);
  assert.equal(queue.begin(10).jobs.length, 0, 'one at a time');
  // It answers, if only with a refusal for now.
  queue.finish(probe, [resultOf(probe.jobs[0]!, 'deferred')]);
  assert.equal(queue.begin(10).jobs.length, 9);
});

void test('mail for a domain that is never reached is given up in time without an attempt for each', () => {
  const queue = new QueueBench({ expireMs: 30 * minuteMs });
  for (let i = 0; i < 120; i++) queue.send();
  for (let minute = 0; minute < 60; minute++) {
    const work = queue.begin(10);
    queue.finish(
      work,
      work.jobs.map((job) => resultOf(job, 'deferred', false)),
    );
    const { reports } = queue.begin(0);
    queue.ask({ kind: 'reported', reportIds: reports.map(({ reportId }) => reportId) });
    queue.advance(minuteMs);
  }
  assert.equal(queue.items().length, 0);
  assert.equal(queue.summary().reports + queue.events.filter(({ kind }) => kind === 'expired').length >= 120, true);
});

void test('a paused domain gives no work and takes mail; resuming announces it', () => {
  const queue = new QueueBench();
  assert.deepEqual(queue.ask({ kind: 'pause' }), { changed: true });
  queue.send();
  assert.equal(queue.announcements, 0);
  assert.equal(queue.begin().jobs.length, 0);
  assert.equal(queue.summary().isPaused, true);
  assert.deepEqual(queue.ask({ kind: 'resume' }), { changed: true });
  assert.deepEqual(queue.ask({ kind: 'resume' }), { changed: false });
  assert.ok(queue.announcements > 0);
  assert.equal(queue.begin().jobs.length, 1);
});

void test('work that no courier takes is announced again, less and less often; asking in vain writes nothing', () => {
  const queue = new QueueBench();
  queue.send();
  queue.advance(24 * 60 * minuteMs);
  const said = queue.announcements;
  assert.ok(said > 10 && said < 200, `${said} in a day`);
  queue.tryAll('delivered');
  queue.begin();
  assert.equal(queue.rowsWritten, 0);
});

void test('a dialogue that tells some results early keeps its slot until its last mail', () => {
  const queue = new QueueBench({ concurrency: 1 });
  for (let i = 0; i < 2; i++) queue.send();
  const work = queue.begin(2);
  const early = queue.finish(work, [resultOf(work.jobs[0]!, 'delivered')], 1);
  assert.deepEqual([early.dialogue, early.jobs], [work.dialogue, []]);
  queue.send();
  assert.equal(queue.begin(1).dialogue, null, 'the second mail is still being sent');
  assert.equal(queue.finish(work, [resultOf(work.jobs[1]!, 'delivered')]).dialogue, null);
  assert.ok(queue.begin(1).dialogue);
});

void test('what a stopping courier did not try is due at once, as if it had not been begun', () => {
  const queue = new QueueBench();
  queue.send();
  queue.send();
  const work = queue.begin();
  queue.finish(work, [
    { ...resultOf(work.jobs[0]!, 'deferred'), recipients: [] },
    resultOf(work.jobs[1]!, 'delivered'),
  ]);
  assert.deepEqual(
    queue.items().map(({ state, attempts }) => [state, attempts]),
    [['queued', 0]],
  );
  assert.equal(queue.begin().jobs.length, 1);
});

void test('only network trouble lets a domain rest, not what a courier says of itself', () => {
  const queue = new QueueBench({ retryMs: [1] });
  queue.send();
  const work = queue.begin();
  const result = resultOf(work.jobs[0]!, 'deferred', false);
  queue.finish(work, [{ ...result, recipients: result.recipients.map((each) => ({ ...each, enhanced: '4.3.0' })) }]);
  for (let i = 0; i < 3; i++) queue.send();
  queue.advance(10);
  assert.equal(queue.begin(10).jobs.length, 4);
});
