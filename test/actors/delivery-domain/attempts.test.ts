import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minuteMs, QueueBench, resultOf, sampleOutgoing, to } from '../../support/queue-bench.ts';

void test('a mail is queued, begun, delivered and gone, with its body', () => {
  const queue = new QueueBench();
  const mailId = queue.send();
  assert.deepEqual(queue.states(), ['queued']);
  assert.equal(queue.announcements, 1);
  const work = queue.begin();
  assert.deepEqual(queue.states(), ['attempting']);
  const [job] = work.jobs;
  assert.ok(job);
  assert.equal(job.mailId, mailId);
  assert.deepEqual(queue.query({ kind: 'confirm', itemId: job.itemId, attemptId: job.attemptId }), { go: true });
  assert.deepEqual(queue.query({ kind: 'confirm', itemId: job.itemId, attemptId: 'other' }), { go: false });
  queue.finish(work, [resultOf(job, 'delivered')]);
  assert.deepEqual(queue.items(), []);
  assert.equal(queue.holds.size, 0);
  assert.deepEqual(queue.query({ kind: 'confirm', itemId: job.itemId, attemptId: job.attemptId }), { go: false });
  assert.deepEqual(
    queue.events.map(({ subject, kind }) => [subject, kind]),
    [
      [mailId, 'accepted'],
      [mailId, 'queued'],
      [mailId, 'delivered'],
    ],
  );
  assert.deepEqual(queue.summary().byState, { queued: 0, attempting: 0, inDoubt: 0, held: 0 });
});

void test('a deferred mail comes again by the schedule, and is announced by the timer', () => {
  const queue = new QueueBench();
  queue.send();
  assert.equal(queue.tryAll('deferred'), 1);
  assert.equal(queue.tryAll('deferred'), 0, 'not yet');
  const before = queue.announcements;
  queue.advance(minuteMs - 1);
  assert.equal(queue.announcements, before);
  queue.advance(1);
  assert.equal(queue.announcements, before + 1);
  assert.equal(queue.tryAll('deferred'), 1);
  queue.advance(5 * minuteMs - 1);
  assert.equal(queue.tryAll('deferred'), 0);
  queue.advance(1);
  assert.equal(queue.tryAll('deferred'), 1);
  queue.advance(5 * minuteMs);
  const [item] = queue.items();
  assert.deepEqual([item?.attempts, item?.lastReply, item?.state], [3, '451 said deferred', 'queued']);
  assert.equal(queue.tryAll('delivered'), 1);
  assert.deepEqual(queue.items(), []);
});

void test('a mail that is due again before the timer fires moves the timer', () => {
  const queue = new QueueBench({ retryMs: [200] });
  queue.send();
  queue.send();
  const work = queue.begin(1);
  const timerMs = queue.timers.get('wake') ?? 0;
  assert.ok(timerMs > queue.nowMs + 200, 'it is set for the mail that nobody has fetched yet');
  queue.finish(work, [resultOf(work.jobs[0]!, 'deferred')], 1);
  assert.equal(queue.timers.get('wake'), queue.nowMs + 200);
});

void test('recipients are settled one by one: the rest is tried again, the failed one is reported', () => {
  const queue = new QueueBench();
  queue.send(['a@example.net', 'b@example.net', 'c@example.net']);
  const work = queue.begin();
  const job = work.jobs[0]!;
  const outcome = { 'a@example.net': 'delivered', 'b@example.net': 'failed', 'c@example.net': 'deferred' } as const;
  const answer = queue.finish(work, [resultOf(job, outcome)]);
  assert.deepEqual(
    answer.reports.map(({ kind, recipients }) => [kind, recipients.map(({ address }) => address)]),
    [['failure', ['b@example.net']]],
  );
  queue.advance(minuteMs);
  const again = queue.begin();
  assert.deepEqual(
    again.jobs[0]?.recipients.map(({ address }) => address),
    ['c@example.net'],
  );
  queue.finish(again, [resultOf(again.jobs[0], 'delivered')]);
  assert.equal(queue.items().length, 0);
  assert.equal(queue.holds.size, 1, 'the report still needs the body');
  queue.ask({ kind: 'reported', reportIds: answer.reports.map(({ reportId }) => reportId) });
  assert.equal(queue.holds.size, 0);
  assert.equal(queue.summary().reports, 0);
});

void test('a mail that gets too old is given up, after a last attempt, and its sender is told with the last reply', () => {
  const queue = new QueueBench({ retryMs: [40 * minuteMs] });
  queue.send();
  queue.tryAll('deferred');
  queue.advance(40 * minuteMs);
  queue.tryAll('deferred');
  assert.equal(queue.items()[0]?.nextAttemptAtMs, queue.nowMs + 20 * minuteMs, 'at its end, not later');
  queue.advance(20 * minuteMs);
  const work = queue.begin();
  const { reports } = queue.finish(work, [resultOf(work.jobs[0]!, 'deferred')]);
  assert.equal(queue.items().length, 0);
  assert.deepEqual([reports[0]?.kind, reports[0]?.recipients[0]?.text], ['failure', 'said deferred']);
  assert.ok(queue.events.some(({ kind }) => kind === 'expired'));
});

void test('NOTIFY decides who hears of what, and a mail without sender is never reported', () => {
  const queue = new QueueBench();
  const recipients = [
    to('a@example.net', { notify: ['never'] }),
    to('b@example.net', { notify: ['success'] }),
    to('c@example.net', { notify: ['failure', 'success'] }),
    to('d@example.net'),
  ];
  queue.ask({ kind: 'enqueue', message: sampleOutgoing(), recipients });
  const work = queue.begin();
  const failed = queue.finish(work, [resultOf(work.jobs[0]!, 'failed')]).reports;
  assert.deepEqual(
    failed[0]?.recipients.map(({ address }) => address),
    ['c@example.net', 'd@example.net'],
  );
  queue.ask({ kind: 'reported', reportIds: [failed[0].reportId] });
  queue.ask({ kind: 'enqueue', message: sampleOutgoing(), recipients });
  const second = queue.begin();
  const delivered = queue.finish(second, [resultOf(second.jobs[0]!, 'delivered')]).reports;
  assert.deepEqual(
    delivered.map(({ kind, recipients: of }) => [kind, of.map(({ address }) => address)]),
    [['success', ['b@example.net', 'c@example.net']]],
  );
  queue.ask({ kind: 'reported', reportIds: [delivered[0]!.reportId] });
  queue.send(['bob@example.net'], sampleOutgoing({ reversePath: '' }));
  queue.tryAll('failed');
  assert.equal(queue.summary().reports, 0);
  assert.equal(queue.items().length, 0);
});

void test('a delay is told once, when the mail is old enough', () => {
  const queue = new QueueBench({ delayWarnMs: 3 * minuteMs, retryMs: [2 * minuteMs] });
  queue.send();
  const kinds = [];
  for (let i = 0; i < 4; i++) {
    const work = queue.begin();
    const { reports } = queue.finish(work, [resultOf(work.jobs[0]!, 'deferred')]);
    kinds.push(reports.map(({ kind, recipients }) => [kind, recipients[0]?.willRetryUntilMs !== null]));
    queue.ask({ kind: 'reported', reportIds: reports.map(({ reportId }) => reportId) });
    queue.advance(2 * minuteMs);
  }
  assert.deepEqual(kinds, [[], [], [['delay', true]], []]);
});

void test('10,000 recipients at one domain are a hundred items, and go over one dialogue', () => {
  const queue = new QueueBench();
  const addresses = Array.from({ length: 10_000 }, (_, i) => `u${i}@example.net`);
  queue.send(addresses);
  assert.equal(queue.items().length, 100);
  let work = queue.begin(10);
  let count = 0;
  while (work.jobs.length > 0) {
    count += work.jobs.reduce((sum, job) => sum + job.recipients.length, 0);
    work = queue.finish(
      work,
      work.jobs.map((job) => resultOf(job, 'delivered')),
      10,
    );
  }
  assert.equal(count, 10_000);
  assert.equal(queue.items().length, 0);
});

void test('a mail that was given to the queue before is known, recipient by recipient', () => {
  const queue = new QueueBench();
  const message = sampleOutgoing();
  const a = to('a@example.net', { fingerprint: 'print-a' });
  const b = to('b@example.net', { fingerprint: 'print-b' });
  queue.ask({ kind: 'enqueue', message, recipients: [a] });
  const again = sampleOutgoing();
  const answer = { mailId: message.mailId, resend: true };
  assert.deepEqual(queue.ask({ kind: 'enqueue', message: again, recipients: [a] }), answer);
  queue.notify({ kind: 'enqueue', message: again, recipients: [a, b] });
  assert.deepEqual(
    queue.items().map(({ recipients }) => recipients),
    [['a@example.net'], ['b@example.net']],
  );
  queue.advance(3 * 24 * 60 * minuteMs);
  assert.deepEqual(
    queue.rows().filter(({ key }) => key[0] === 'f'),
    [],
  );
});

void test('success is reported by the next server when it took our DSN parameters, and by us when it did not', () => {
  for (const dsnPassedOn of [true, false]) {
    const queue = new QueueBench();
    const recipients = [to('a@example.net', { notify: ['success'] })];
    queue.ask({ kind: 'enqueue', message: sampleOutgoing(), recipients });
    const work = queue.begin();
    const { reports } = queue.finish(work, [{ ...resultOf(work.jobs[0]!, 'delivered'), dsnPassedOn }]);
    assert.equal(reports.length, dsnPassedOn ? 0 : 1);
  }
});

void test('a report that cannot be settled is handed out less and less often, and hinders no other', () => {
  const queue = new QueueBench({ expireMs: 100 * 60 * minuteMs });
  for (let i = 0; i < 25; i++) queue.send(['bob@example.net'], sampleOutgoing({ reversePath: 'full@example.org' }));
  queue.tryAll('failed');
  for (let i = 0; i < 5; i++) queue.send(['bob@example.net'], sampleOutgoing({ reversePath: 'other@example.org' }));
  queue.tryAll('failed');
  let handed = 0;
  const toOthers = new Set<string>();
  for (let minute = 0; minute < 24 * 60; minute++) {
    const { reports } = queue.begin(0);
    handed += reports.length;
    const good = reports.filter(({ envelope }) => envelope.reversePath === 'other@example.org');
    for (const { reportId } of good) toOthers.add(reportId);
    queue.ask({ kind: 'reported', reportIds: good.map(({ reportId }) => reportId) });
    queue.advance(minuteMs);
  }
  assert.equal(toOthers.size, 5);
  assert.ok(handed < 25 * 40, `${handed} times in a day`);
  queue.advance(100 * 60 * minuteMs);
  queue.begin(0);
  queue.begin(0);
  assert.equal(queue.summary().reports, 0, 'given up in the end');
  assert.equal(queue.holds.size, 0);
});

void test('reports are handed out in pages of bounded size', () => {
  const queue = new QueueBench();
  const addresses = Array.from({ length: 100 }, (_, i) => `u${i}@example.net`);
  for (let i = 0; i < 5; i++) queue.send(addresses);
  const work = queue.begin(5);
  const results = work.jobs.map((job) => resultOf(job, 'failed'));
  assert.equal(queue.finish(work, results).reports.length, 2);
  assert.equal(queue.begin(0).reports.length, 2);
  assert.equal(queue.begin(0).reports.length, 1);
  assert.equal(queue.begin(0).reports.length, 0);
});
