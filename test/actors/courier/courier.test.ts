/** Many domains share the courier: nobody is held up, nothing grows, nothing is lost when it stops. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryLater } from '../../../runtime/base/errors.ts';
import { courierWorld, inTheEnd, shortLimits } from '../../support/courier-world.ts';
import { loopTurns, until } from '../../support/smtp-until.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import type { RemoteScript } from '../../support/courier-remote.ts';

void test('one of two domains hangs: the other one is served meanwhile', async (t) => {
  const { core, remote } = await courierWorld(t, { connectionsMax: 2 });
  await remote('dead.example', { CONNECT: 'HANG' });
  const good = await remote('good.example');
  const dead = Array.from({ length: 30 }, () => core.mail('dead.example', { to: 'bob@dead.example' }));
  const jobs = Array.from({ length: 30 }, () => core.mail('good.example', { to: 'bob@good.example' }));
  await until(() => jobs.every((job) => core.resultOf(job)?.outcome === 'delivered'));
  assert.equal(good.mails.length, 30);
  assert.equal(dead.filter((job) => core.attemptOf(job) === undefined).length >= 25, true);
});

void test('a domain whose server does not answer has one connection, however much mail it has', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('dead.example', { EHLO: 'HANG' });
  const jobs = Array.from({ length: 40 }, () => core.mail('dead.example', { to: 'bob@dead.example' }));
  await until(() => core.attemptOf(jobs[0]!) !== undefined);
  assert.equal(server.openMost, 1);
});

void test('dead domains in all places: the silent ones are cut off for those that wait', async (t) => {
  // Hosts that say nothing at all would be waited for ten times as long as the test takes.
  const limits = { ...shortLimits, greetingMsMax: 8_000, openMsMax: 8_000 };
  const { core, remote } = await courierWorld(t, { connectionsMax: 4, limits });
  for (let i = 0; i < 8; i++) {
    await remote(`dead${i}.example`, { CONNECT: 'HANG' });
    core.mail(`dead${i}.example`, { to: `bob@dead${i}.example` });
  }
  await loopTurns(50);
  await remote('good.example');
  const jobs = Array.from({ length: 5 }, () => core.mail('good.example', { to: 'bob@good.example' }));
  await until(() => jobs.every((job) => core.resultOf(job)?.outcome === 'delivered'));
});

void test('a busy domain gets more connections, and never more than there are', async (t) => {
  const { core, remote, courier } = await courierWorld(t, { connectionsMax: 3 });
  const server = await remote('big.example');
  core.go = async () => {
    await loopTurns(10);
    return true;
  };
  const jobs = Array.from({ length: 120 }, () => core.mail('big.example', { to: 'bob@big.example' }));
  await until(() => jobs.every((job) => core.resultOf(job)?.outcome === 'delivered'));
  assert.ok(server.openMost > 1 && server.openMost <= 4, `${server.openMost} connections`);
  await until(() => courier.stats().connections === 0);
});

void test('a huge domain gives way to a small one', async (t) => {
  const settings = { 'queue.mailsPerConnection': '10000' };
  const { core, remote } = await courierWorld(t, { connectionsMax: 2, settings });
  await remote('big.example');
  await remote('small.example');
  const big = Array.from({ length: 2_000 }, () => core.mail('big.example', { to: 'bob@big.example' }));
  await until(() => core.results.length > 20);
  const small = core.mail('small.example', { to: 'bob@small.example' });
  await until(() => core.attemptOf(small) !== undefined);
  assert.ok(big.some((job) => core.attemptOf(job) === undefined));
  await until(() => core.results.length === big.length + 1);
});

void test('mailsPerConnection is kept, and the rest goes over a new one', async (t) => {
  const { core, remote } = await courierWorld(t, { connectionsMax: 2, settings: { 'queue.mailsPerConnection': '7' } });
  const server = await remote('there.example');
  core.dialoguesMax = 1;
  const jobs = Array.from({ length: 20 }, () => core.mail('there.example', { to: 'bob@there.example' }));
  await until(() => jobs.every((job) => core.resultOf(job)?.outcome === 'delivered'));
  assert.ok(server.connections >= 3);
});

void test('nothing stays of a domain that was served', async (t) => {
  const { core, courier, dns } = await courierWorld(t);
  const jobs = Array.from({ length: 200 }, (_, i) => {
    dns.zone.set(`MX d${i}.example`, ['0 .']);
    return core.mail(`d${i}.example`, { to: `bob@d${i}.example` });
  });
  await until(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  await until(() => courier.stats().domainsServed === 0 && courier.stats().domainsWaiting === 0);
  assert.equal(courier.stats().counts.attempts.failed, 200);
});

void test('a queue that is busy is asked again', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example');
  core.fail('begin', tryLater('busy', 'x'));
  const job = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(job)?.outcome === 'delivered');
});

void test('what is announced while the queue is asked is not missed', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example');
  for (let i = 0; i < 50; i++) {
    const job = core.mail('there.example', { to: 'bob@there.example' });
    await loopTurns(i % 7);
    core.mail('there.example', { to: 'bob@there.example' });
    await until(() => core.attemptOf(job) !== undefined);
  }
  await until(() => core.results.length === 100);
});

void test('stop: what is being sent ends, its result is told, no new mail begins', async (t) => {
  const { core, remote, courier } = await courierWorld(t);
  let answer = (): void => {};
  const server = await remote('there.example', {
    DOT: (socket) => {
      answer = () => void socket.write('250 2.0.0 taken\r\n');
    },
  });
  const first = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => server.lines.includes('DATA') && core.confirms.length === 1);
  await loopTurns(50);
  const stopped = courier.stop(5_000);
  const late = core.mail('there.example', { to: 'bob@there.example' });
  answer();
  await stopped;
  assert.equal(core.resultOf(first)?.outcome, 'delivered');
  assert.equal(core.attemptOf(late), undefined);
  assert.equal(core.commands.at(-1)?.command.kind, 'finish');
});

void test('stop: when the time is up, a mail without a reply is in doubt, and one without a dot is not', async (t) => {
  const { core, remote, courier } = await courierWorld(t, {
    limits: { ...shortLimits, dotMsMax: 60_000, commandMsMax: 60_000 },
  });
  const server = await remote('there.example', { DOT: 'HANG' });
  const other = await remote('other.example', { RCPT: 'HANG' });
  const doubtful = core.mail('there.example', { to: 'bob@there.example' });
  const waiting = core.mail('other.example', { to: 'bob@other.example' });
  await until(() => core.confirms.length === 1 && other.lines.some((line) => line.startsWith('RCPT')));
  await loopTurns(20);
  await courier.stop(300);
  assert.equal(core.resultOf(doubtful)?.outcome, 'inDoubt');
  assert.deepEqual(core.attemptOf(waiting)?.recipients, [], 'as if it had not been begun');
  assert.equal(server.mails.length, 0);
});

void test('an attempt ends before the queue takes it for lost', async (t) => {
  const limits = { ...shortLimits, dotMsMax: 60_000, commandMsMax: 60_000 };
  const { core, remote } = await courierWorld(t, { limits, settings: { 'queue.attemptTimeout': '300' } });
  await remote('there.example', { MAIL: 'HANG' });
  const jobs = [1, 2, 3].map(() => core.mail('there.example', { to: 'bob@there.example' }));
  await until(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  assert.deepEqual(
    jobs.map((job) => core.resultOf(job)?.outcome),
    ['deferred', 'deferred', 'deferred'],
  );
});

/** It answers, and takes longer for a mail than results wait for each other. */
const slow: RemoteScript = {
  DOT: (socket) => void systemClock.after(70, () => socket.write('250 2.0.0 taken\r\n')),
};
// A late answer to a dot must not come behind those to the next envelope.
const oneByOne = { extensions: [] };
const slowLimits = { ...shortLimits, resultWaitMs: 10 };

void test('a slow server with backlog: each mail has its own time, none is cut off', async (t) => {
  const settings = { 'queue.attemptTimeout': '1200' };
  const { core, remote } = await courierWorld(t, { limits: slowLimits, settings });
  const server = await remote('there.example', slow, oneByOne);
  core.dialoguesMax = 1;
  const jobs = Array.from({ length: 30 }, () => core.mail('there.example', { to: 'bob@there.example' }));
  await inTheEnd(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  const others = jobs.filter((job) => core.resultOf(job)?.outcome !== 'delivered');
  assert.deepEqual(
    others.map((job) => core.resultOf(job)?.text),
    [],
  );
  assert.equal(server.connections, 1);
});

void test('a slow server with backlog: mailsPerConnection is kept', async (t) => {
  const settings = { 'queue.mailsPerConnection': '7' };
  const { core, remote } = await courierWorld(t, { limits: slowLimits, settings });
  const server = await remote('there.example', slow, oneByOne);
  core.dialoguesMax = 1;
  const jobs = Array.from({ length: 20 }, () => core.mail('there.example', { to: 'bob@there.example' }));
  await inTheEnd(() => jobs.every((job) => core.resultOf(job)?.outcome === 'delivered'));
  assert.ok(server.connections >= 3, `${server.connections} connections`);
});

void test('a slow server with backlog gives way to a small domain', async (t) => {
  const { core, remote } = await courierWorld(t, { connectionsMax: 2, limits: slowLimits });
  await remote('big.example', slow, oneByOne);
  await remote('small.example');
  const big = Array.from({ length: 60 }, () => core.mail('big.example', { to: 'bob@big.example' }));
  await inTheEnd(() => core.results.length > 10);
  const small = core.mail('small.example', { to: 'bob@small.example' });
  await inTheEnd(() => core.attemptOf(small) !== undefined);
  const left = big.filter((job) => core.attemptOf(job) === undefined).length;
  assert.ok(left > 25, `${left} left`);
});

void test('a mail that takes all of its time is cut off alone, and those behind it are not begun with what is left', async (t) => {
  const limits = { ...shortLimits, attemptMarginMs: 400, resultWaitMs: 10, dotMsMax: 60_000, commandMsMax: 60_000 };
  const settings = { 'queue.attemptTimeout': '1600' };
  const { core, remote } = await courierWorld(t, { limits, settings });
  core.dialoguesMax = 1;
  const good = (socket: { write(text: string): unknown }) =>
    void systemClock.after(50, () => socket.write('250 2.0.0 taken\r\n'));
  await remote('there.example', { DOT: [good, good, good, good, good, good, 'HANG', good] }, oneByOne);
  const jobs = Array.from({ length: 9 }, () => core.mail('there.example', { to: 'bob@there.example' }));
  await inTheEnd(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  const outcomes = jobs.map((job) => core.resultOf(job)?.outcome);
  assert.deepEqual(outcomes.slice(0, 7), [...Array.from({ length: 6 }, () => 'delivered'), 'inDoubt']);
  assert.deepEqual(outcomes.slice(7), ['deferred', 'deferred']);
});
