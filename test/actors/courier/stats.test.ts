/** What the courier counts, by what servers do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatStats } from '../../../actors/courier/stats.ts';
import type { Report } from '../../../actors/delivery-domain/protocol.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { takeFlat } from '../../../runtime/observe/flat-counts.ts';
import { NodeCounts } from '../../../runtime/observe/metric-table.ts';
import { courierWorld, shortLimits } from '../../support/courier-world.ts';
import { until } from '../../support/smtp-until.ts';

void test('recipients by outcome, and why they wait', async (t) => {
  const { core, remote, courier } = await courierWorld(t);
  await remote('good.example', { RCPT: ['250 ok', '451 4.7.1 later', '450 later', '550 5.1.1 who is that?'] });
  await remote('dead.example', { CONNECT: 'DROP' });
  await remote('odd.example', { DOT: 'DROP' });
  const jobs = [
    core.mail('good.example', { to: ['a', 'b', 'c', 'd'].map((name) => `${name}@good.example`) }),
    core.mail('dead.example', { to: ['a@dead.example', 'b@dead.example'] }),
    core.mail('odd.example', { to: 'a@odd.example' }),
  ];
  await until(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  const { attempts, deferrals, attemptSeconds, outboundSeconds } = courier.stats().counts;
  assert.deepEqual(attempts, { delivered: 1, deferred: 4, failed: 1, inDoubt: 1 });
  const { code, enhanced } = core.resultOf(jobs[1]!)!;
  assert.equal(code, 0);
  const reasons = Object.fromEntries([...deferrals].map(([reason, { value }]) => [reason, value]));
  assert.deepEqual(reasons, { '451 4.7.1': 1, '450': 1, [`0 ${enhanced}`]: 2 });
  assert.deepEqual([attemptSeconds.count, outboundSeconds.count], [3, 1]);
});

void test('the time on the way is that since the mail joined the queue', async (t) => {
  const { core, remote, courier } = await courierWorld(t);
  await remote('there.example');
  const job = core.mail('there.example', { to: 'bob@there.example', enqueuedMs: systemClock.nowMs() - 3_000_000 });
  await until(() => core.attemptOf(job) !== undefined);
  const { outboundSeconds, attemptSeconds } = courier.stats().counts;
  assert.equal(outboundSeconds.quantile(1), 3_600);
  assert.ok(outboundSeconds.sum >= 3_000 && attemptSeconds.sum < 100);
});

void test('what is not tried since the courier stops is no attempt', async (t) => {
  const limits = { ...shortLimits, commandMsMax: 60_000 };
  const { core, remote, courier } = await courierWorld(t, { limits });
  const server = await remote('there.example', { MAIL: 'HANG' });
  const job = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => server.lines.some((line) => line.startsWith('MAIL')));
  await courier.stop(100);
  assert.deepEqual(core.attemptOf(job)?.recipients, []);
  const { attempts, attemptSeconds } = courier.stats().counts;
  assert.deepEqual([attempts.deferred, attemptSeconds.count], [0, 0]);
});

const report: Report = {
  ...{ reportId: 'r', kind: 'failure', atMs: 0, mailId: 'm', arrivedAtMs: 0 },
  envelope: { reversePath: 'ann@here.example', submitter: null, tenant: null, stream: null, tags: [] },
  ...{ dsn: { ret: null, envelopeId: null }, body: { hash: 'h', sizeBytes: 10 } },
  recipients: [
    {
      ...{ address: 'bob@there.example', outcome: 'failed', code: 550, enhanced: '5.1.1', text: 'no' },
      ...{ orcpt: null, mx: 'mx', willRetryUntilMs: null },
    },
  ],
};

void test('reports by kind, and those that nobody takes; one that has to wait is counted when it is told', async (t) => {
  let isFirst = true;
  const submit = ({ to }: { readonly to: string }) => {
    if (to.startsWith('gone')) return Promise.reject(refused('noSuchUser', 'x'));
    const isTaken = !isFirst;
    isFirst = false;
    return isTaken ? Promise.resolve() : Promise.reject(new Error('busy'));
  };
  const { core, courier } = await courierWorld(t, { submit });
  const envelope = (reversePath: string) => ({ envelope: { ...report.envelope, reversePath } });
  core.report('here.example', { ...report, reportId: 'r1' });
  core.report('here.example', { ...report, reportId: 'r2', kind: 'delay' });
  core.report('here.example', { ...report, reportId: 'r3', kind: 'success' });
  core.report('here.example', { ...report, reportId: 'r4', ...envelope('gone@here.example') });
  core.report('here.example', { ...report, reportId: 'r5', ...envelope('') });
  await until(() => core.reported.length === 5);
  await until(() => courier.stats().reportsInHand === 0);
  assert.deepEqual(courier.stats().counts.reports, { failure: 1, delay: 1, success: 1, refused: 1 });
});

void test('all of it crosses the thread', async (t) => {
  const { core, remote, courier } = await courierWorld(t);
  const server = await remote('there.example', { RCPT: ['451 4.7.1 later', '250 ok'], EHLO: ['250 there', 'HANG'] });
  const job = core.mail('there.example', { to: ['bob@there.example', 'eve@there.example'] });
  await until(() => core.attemptOf(job) !== undefined && courier.stats().connections === 0);
  core.mail('there.example', { to: 'bob@there.example' });
  await until(() => server.connections === 2);
  const counts = new NodeCounts();
  assert.deepEqual(takeFlat(counts, structuredClone(flatStats(courier.stats()))), {
    ringpost_courier_connections: 1,
    ringpost_courier_domains: [
      ['served', 1],
      ['waiting', 0],
    ],
    ringpost_courier_reports: 0,
  });
  assert.equal(counts.counter('ringpost_attempts_total', 'delivered').value, 1);
  assert.equal(counts.counter('ringpost_deferrals_total', '451 4.7.1').value, 1);
  assert.equal(counts.counter('ringpost_reports_total', 'failure').value, 0);
  assert.equal(counts.histogram('ringpost_outbound_seconds').count, 1);
  assert.equal(counts.histogram('ringpost_attempt_seconds').count, 1);
});
