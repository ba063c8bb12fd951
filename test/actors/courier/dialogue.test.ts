/** What becomes of a mail, by what the remote server does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, tryLater } from '../../../runtime/base/errors.ts';
import type { RemoteVerb } from '../../support/courier-remote.ts';
import { courierWorld } from '../../support/courier-world.ts';
import { until } from '../../support/smtp-until.ts';

void test('a mail goes out as it is: prefix, body, dots doubled', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example');
  const prefix = Buffer.from('Received: by here.example\r\n');
  const job = core.mail('there.example', { to: 'bob@there.example', prefix, text: 'Subject: x\r\n\r\n.dot\r\nend' });
  await until(() => core.attemptOf(job) !== undefined);
  assert.deepEqual(core.attemptOf(job)?.recipients, [
    { address: 'bob@there.example', outcome: 'delivered', code: 250, enhanced: '2.0.0', text: 'taken' },
  ]);
  const { wire, from } = server.mails[0]!;
  assert.equal(wire.toString(), 'Received: by here.example\r\nSubject: x\r\n\r\n..dot\r\nend\r\n');
  assert.equal(from, 'MAIL FROM:<ann@here.example> SIZE=50');
  const { mx, ip, tls } = core.attemptOf(job)!;
  assert.deepEqual(
    { mx, ip, tls },
    { mx: 'mx2.there.example', ip: '127.0.1.1', tls: { policy: 'opportunistic', outcome: 'none' } },
  );
});

void test('many mails go over one connection, with RSET after an error, and QUIT', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example', { RCPT: ['250 ok', '550 5.1.1 who?', '250 ok'] });
  const jobs = ['a', 'b', 'c', 'd'].map((name) => core.mail('there.example', { to: `${name}@there.example` }));
  await until(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  assert.deepEqual(
    jobs.map((job) => core.resultOf(job)?.outcome),
    ['delivered', 'failed', 'delivered', 'delivered'],
  );
  await until(() => server.lines.includes('QUIT'));
  assert.equal(server.connections, 1);
  assert.equal(server.lines.filter((line) => line === 'RSET').length, 1);
  // In groups, not one by one.
  assert.ok(core.commands.filter(({ command }) => command.kind === 'finish').length <= 2);
});

void test('451 is deferred, and the next attempt delivers: greylisting', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example', { RCPT: ['451 4.7.1 come back', '250 ok'] });
  const first = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(first) !== undefined);
  assert.deepEqual(core.resultOf(first), {
    ...{ address: 'bob@there.example', outcome: 'deferred', code: 451, enhanced: '4.7.1', text: 'come back' },
  });
  const second = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(second)?.outcome === 'delivered');
});

void test('each recipient has its own result; DATA goes to those that were taken', async (t) => {
  for (const extensions of [['PIPELINING'], []]) {
    const { core, remote } = await courierWorld(t);
    const server = await remote(
      'there.example',
      { RCPT: ['250 ok', '550 5.1.1 who?', '452 4.2.2 full'] },
      { extensions },
    );
    const job = core.mail('there.example', { to: ['a@there.example', 'b@there.example', 'c@there.example'] });
    await until(() => core.attemptOf(job) !== undefined);
    const outcomes = core.attemptOf(job)!.recipients.map(({ outcome, code }) => `${outcome} ${code}`);
    assert.deepEqual(outcomes, ['delivered 250', 'failed 550', 'deferred 452']);
    assert.deepEqual(server.mails[0]?.to, ['RCPT TO:<a@there.example>']);
  }
});

void test('all recipients refused: no DATA', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example', { RCPT: '550 5.1.1 who?' });
  const job = core.mail('there.example', { to: ['a@there.example', 'b@there.example'] });
  await until(() => core.attemptOf(job) !== undefined);
  assert.equal(server.lines.includes('DATA'), false);
});

void test('552 to one recipient of several means too many, not never', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example', { RCPT: ['250 ok', '552 too many recipients'] });
  const job = core.mail('there.example', { to: ['a@there.example', 'b@there.example'] });
  await until(() => core.attemptOf(job) !== undefined);
  assert.equal(core.attemptOf(job)?.recipients[1]?.outcome, 'deferred');
});

const refusals: readonly [RemoteVerb, string, string][] = [
  ['MAIL', '550 5.7.1 not from you', 'failed'],
  ['MAIL', '451 4.3.0 later', 'deferred'],
  ['DATA', '554 5.7.1 no', 'failed'],
  ['DATA', '250 what?', 'deferred'],
  ['DOT', '552 5.3.4 too large', 'failed'],
  ['DOT', '452 4.3.1 disk full', 'deferred'],
  ['CONNECT', '554 5.7.1 your address is bad', 'deferred'],
  ['EHLO', '421 4.3.2 closing', 'deferred'],
  ['MAIL', '421 4.3.2 closing', 'deferred'],
];
for (const [verb, reply, outcome] of refusals) {
  void test(`${verb} answered "${reply}" is ${outcome}`, async (t) => {
    const { core, remote } = await courierWorld(t);
    const server = await remote('there.example', { [verb]: reply });
    const job = core.mail('there.example', { to: 'bob@there.example' });
    await until(() => core.resultOf(job) !== undefined);
    assert.equal(core.resultOf(job)?.outcome, outcome, JSON.stringify(core.resultOf(job)));
    assert.equal(server.mails.length, 0);
  });
}

for (const behaviour of ['DROP', 'HANG'] as const) {
  for (const verb of ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'BODY', 'DOT'] as const) {
    // A server that hangs while a mail comes in hangs at its dot.
    if (behaviour === 'HANG' && verb === 'BODY') continue;
    const isInDoubt = verb === 'DOT';
    void test(`${behaviour.toLowerCase()} at ${verb}: ${isInDoubt ? 'in doubt' : 'deferred'}, and told in time`, async (t) => {
      const { core, remote } = await courierWorld(t);
      const text = verb === 'BODY' ? Buffer.alloc(2_000_000, 'x'.repeat(70) + '\r\n') : 'Subject: x\r\n\r\nx\r\n';
      const server = await remote('there.example', { [verb]: behaviour });
      const job = core.mail('there.example', { to: ['a@there.example', 'b@there.example'], text });
      await until(() => core.attemptOf(job) !== undefined);
      const outcomes = core.attemptOf(job)!.recipients.map(({ outcome, code }) => `${outcome} ${code}`);
      const expected = isInDoubt ? 'inDoubt 0' : 'deferred 0';
      assert.deepEqual(outcomes, [expected, expected]);
      assert.equal(server.mails.length, 0);
    });
  }
}

void test('a drop at the dot puts only accepted recipients in doubt', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example', { RCPT: ['250 ok', '550 5.1.1 who?'], DOT: 'DROP' });
  const job = core.mail('there.example', { to: ['a@there.example', 'b@there.example'] });
  await until(() => core.attemptOf(job) !== undefined);
  assert.deepEqual(
    core.attemptOf(job)?.recipients.map(({ outcome }) => outcome),
    ['inDoubt', 'failed'],
  );
});

void test('a server that never answers a dot has one mail in doubt, not all of them', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example', { DOT: 'DROP' });
  const jobs = [1, 2, 3].map(() => core.mail('there.example', { to: 'bob@there.example' }));
  await until(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  const outcomes = jobs.map((job) => core.resultOf(job)?.outcome);
  assert.deepEqual(outcomes, ['inDoubt', 'deferred', 'deferred']);
});

for (const extensions of [['PIPELINING'], []]) {
  void test(`a server that closes after some mails gets the others over a new connection ${extensions.join('')}`, async (t) => {
    const { core, remote } = await courierWorld(t);
    const server = await remote(
      'there.example',
      { MAIL: ['250 ok', '250 ok', '421 4.7.0 enough', '250 ok'] },
      { extensions },
    );
    const jobs = [1, 2, 3, 4].map(() => core.mail('there.example', { to: 'bob@there.example' }));
    await until(() => jobs.every((job) => core.resultOf(job)?.outcome === 'delivered'));
    assert.equal(server.connections, 2);
    assert.equal(server.mails.length, 4);
  });
}

void test('what the queue took back is not sent: no dot goes out', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example');
  core.go = (itemId) => itemId !== 'item-1';
  const [held, other] = [1, 2].map(() => core.mail('there.example', { to: 'bob@there.example' }));
  await until(() => core.attemptOf(other!) !== undefined);
  assert.equal(core.resultOf(held!)?.outcome, 'deferred');
  assert.equal(core.resultOf(other!)?.outcome, 'delivered');
  assert.equal(server.mails.length, 1);
});

void test('a core that cannot confirm is asked again, and then nothing is sent', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example');
  core.fail('confirm', tryLater('busy', 'x'), tryLater('busy', 'x'));
  const job = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(job)?.outcome === 'delivered');
  core.fail('confirm', ...Array.from({ length: 1_000 }, () => tryLater('busy', 'x')));
  const second = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(second)?.outcome === 'deferred');
  assert.equal(server.mails.length, 1);
});

void test('a finish that is not taken is repeated until it is', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example');
  core.fail('finish', ...Array.from({ length: 5 }, () => tryLater('busy', 'x')));
  const job = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(job)?.outcome === 'delivered');
  assert.equal(server.mails.length, 1);
});

void test('a finish that is refused for good is told in halves, and only what is refused alone is lost', async (t) => {
  const { core, remote, logged } = await courierWorld(t);
  const server = await remote('there.example');
  core.refuses = (command) => {
    if (command.kind !== 'finish') return null;
    const isTooLarge = command.results.length > 1 || command.results[0]?.itemId === 'item-2';
    return isTooLarge ? refused('turnTooLarge', 'x') : null;
  };
  const jobs = [1, 2, 3, 4, 5].map(() => core.mail('there.example', { to: 'bob@there.example' }));
  await until(() => jobs.filter((job) => core.resultOf(job)?.outcome === 'delivered').length === 4);
  assert.equal(core.attemptOf(jobs[1]!), undefined);
  assert.equal(server.mails.length, 5);
  assert.equal(logged.filter((line) => line.includes('"isLost":true')).length, 1);
});

void test('a result that is refused with the mails that it asks for is told without', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example');
  core.refuses = (command) => (command.kind === 'finish' && command.mailsMax > 0 ? refused('turnTooLarge', 'x') : null);
  const job = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.resultOf(job)?.outcome === 'delivered');
});

void test('long texts of a server: cut, and told in parts that a turn can take', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example', { RCPT: `550 5.1.1 ${'\u20ac'.repeat(900)}` });
  const to = Array.from({ length: 60 }, (_, i) => `user${i}@there.example`);
  const jobs = Array.from({ length: 5 }, () => core.mail('there.example', { to }));
  await until(() => jobs.every((job) => core.attemptOf(job) !== undefined));
  const finishes = core.commands.flatMap(({ command }) => (command.kind === 'finish' ? [command] : []));
  for (const { results } of finishes) {
    const recipients = results.flatMap((result) => result.recipients);
    assert.ok(recipients.length <= 200 && recipients.every(({ text }) => text.length <= 300));
    assert.ok(recipients.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) <= 64 * 1024);
  }
});

void test('a large mail goes out in pieces, whole', async (t) => {
  const { core, remote } = await courierWorld(t);
  const server = await remote('there.example');
  const text = Buffer.from(`Subject: large\r\n\r\n${'.line of a large mail\r\n'.repeat(100_000)}`);
  const job = core.mail('there.example', { to: 'bob@there.example', text });
  await until(() => core.resultOf(job)?.outcome === 'delivered');
  const { wire } = server.mails[0]!;
  assert.ok(Buffer.from(wire.toString().replaceAll('\r\n..', '\r\n.')).equals(text));
});

void test('a server that refuses a large mail on its way is heard', async (t) => {
  const { core, remote } = await courierWorld(t);
  await remote('there.example', {
    BODY: (socket) => {
      socket.write('552 5.3.4 too large\r\n');
    },
  });
  const text = Buffer.alloc(9_000_000, `${'x'.repeat(70)}\r\n`);
  const job = core.mail('there.example', { to: 'bob@there.example', text });
  await until(() => core.resultOf(job) !== undefined);
  assert.deepEqual([core.resultOf(job)?.outcome, core.resultOf(job)?.code], ['failed', 552]);
});
