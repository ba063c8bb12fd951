/** AUTH beyond its dialogue (`test/wire/smtp/submission-auth.txt`): encryption, failures, and a core that cannot say. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { tryLater } from '../../../../runtime/base/errors.ts';
import { type Answer, formatAnswer } from '../../../support/smtp-answers.ts';
import { selfSigned } from '../../../support/smtp-certificate.ts';
import type { SmtpClient } from '../../../support/smtp-client.ts';
import { submissionListener, SmtpWorld, type WorldOptions } from '../../../support/smtp-edge-world.ts';

const plain = (password: string, name = 'ann@example.org'): string =>
  `AUTH PLAIN ${Buffer.from(`\0${name}\0${password}`).toString('base64')}`;

const needsTls = '538 5.7.11 Encryption required for authentication: send STARTTLS first';

async function submissionWorld(t: TestContext, options: WorldOptions = {}): Promise<SmtpWorld> {
  const world = await SmtpWorld.start({ listener: submissionListener, ...options });
  t.after(() => world.stop());
  return world;
}

async function capabilities(client: SmtpClient, command: () => Promise<Answer>): Promise<string[]> {
  const answer = await command();
  return answer.kind === 'reply' ? [...answer.lines] : [];
}

void test('auth: in clear it is neither offered nor taken, and behind STARTTLS it is', async (t) => {
  const world = await submissionWorld(t, { tls: await selfSigned('mx.example'), listener: { role: 'submission' } });
  const client = world.connect();
  const before = await capabilities(client, () => client.hello());
  assert.deepEqual([before.includes('STARTTLS'), before.some((line) => line.startsWith('AUTH'))], [true, false]);
  assert.equal(formatAnswer(await client.ask(plain('secret'))), needsTls);
  assert.equal(formatAnswer(await client.ask('AUTH LOGIN')), needsTls);
  const refused = formatAnswer(await client.ask('MAIL FROM:<ann@example.org>'));
  assert.equal(refused, '530 5.7.0 Encryption required: send STARTTLS, then AUTH');
  await client.startTls();
  const behind = await capabilities(client, () => client.ask('EHLO client.example'));
  assert.deepEqual([behind.includes('STARTTLS'), behind.includes('AUTH PLAIN LOGIN')], [false, true]);
  assert.match(formatAnswer(await client.ask(plain('secret'))), /^235 /);
  assert.deepEqual(world.complaints, []);
});

void test('auth: with implicit TLS it is offered at once', async (t) => {
  const tls = await selfSigned('mx.example');
  const world = await submissionWorld(t, { tls, listener: { role: 'submission', tls: 'implicit' } });
  const { connect } = await import('node:tls');
  const socket = connect({ port: world.port, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => socket.destroy());
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString();
  });
  socket.write(`EHLO client.example\r\n${plain('secret')}\r\nQUIT\r\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  assert.match(said, /250-AUTH PLAIN LOGIN\r\n250 HELP\r\n235 2\.7\.0 .*\r\n221 /);
});

void test('auth: what a client was in clear is forgotten behind STARTTLS', async (t) => {
  const world = await submissionWorld(t, { tls: await selfSigned('mx.example') });
  const client = await world.client();
  assert.match(formatAnswer(await client.ask(plain('secret'))), /^235 /);
  await client.startTls();
  await client.ask('EHLO client.example');
  assert.match(formatAnswer(await client.ask('MAIL FROM:<ann@example.org>')), /^530 5\.7\.0 Authentication required/);
});

void test('auth: clear passwords are not taken off loopback, whatever the configuration says', async (t) => {
  const world = await submissionWorld(t, { listener: { ...submissionListener, host: '::' } });
  const client = await world.client();
  assert.equal(formatAnswer(await client.ask(plain('secret'))), needsTls);
});

void test('auth: port 25 knows no accounts', async (t) => {
  const world = await submissionWorld(t, { listener: { role: 'mx', allowsClearAuth: true } });
  const client = await world.client();
  assert.equal(formatAnswer(await client.ask(plain('secret'))), '502 5.5.1 No authentication on this port');
  assert.match(formatAnswer(await client.ask('MAIL FROM:<ann@example.org> RET=FULL')), /^555 /);
  await client.ask('MAIL FROM:<ann@example.org>');
  assert.match(formatAnswer(await client.ask('RCPT TO:<friend@remote.example>')), /^550 5\.7\.1 Relaying denied/);
});

void test('auth: a wrong password, an unknown name and an account that may not send are told alike', async (t) => {
  const world = await submissionWorld(t);
  const client = await world.client();
  for (const command of [plain('wrong'), plain('secret', 'nobody@example.org'), plain('secret', 'bob@example.org')]) {
    const answer = await world.passing(client.ask(command));
    assert.equal(formatAnswer(answer), '535 5.7.8 Authentication credentials invalid');
  }
  assert.match(formatAnswer(await client.ask('MAIL FROM:<ann@example.org>')), /^530 /);
  assert.match(formatAnswer(await client.ask(plain('secret'))), /^235 /);
});

void test('auth: who guesses on is hung up on, on every connection, and others are not', async (t) => {
  const world = await submissionWorld(t, { limits: { refusalsMax: 10 } });
  let client = await world.client();
  let failures = 0;
  for (;;) {
    const answer = await world.passing(client.ask(plain('wrong')));
    const text = formatAnswer(answer);
    if (text.startsWith('535')) failures++;
    else if (text.startsWith('421 4.7.0 Too many errors')) client = await world.client();
    else {
      assert.equal(text, '421 4.7.0 Too many failed log-ins, try again later');
      break;
    }
    assert.ok(failures < 50);
  }
  assert.equal(await client.over(), 'connection closed');
  const next = await world.client();
  assert.match(formatAnswer(await next.ask(plain('secret'))), /^421 4\.7\.0 Too many failed log-ins/);
  const other = await world.client({ localAddress: '127.0.0.2' });
  assert.match(formatAnswer(await other.ask(plain('secret'))), /^235 /);
});

void test('auth: a core that cannot be asked is no wrong password', async (t) => {
  const world = await submissionWorld(t);
  const client = await world.client();
  world.core.queryFailures.push(tryLater('workerLost', 'gone'));
  const answer = formatAnswer(await client.ask(plain('secret')));
  assert.equal(answer, '454 4.7.0 Passwords cannot be checked just now, try again later');
  assert.match(formatAnswer(await client.ask(plain('secret'))), /^235 /);
  assert.deepEqual(world.complaints, []);
});

void test('auth: a line that is too long ends the exchange, and the session goes on', async (t) => {
  const world = await submissionWorld(t);
  const client = await world.client();
  await client.ask('AUTH PLAIN');
  const long = formatAnswer(await client.ask('A'.repeat(5_000)));
  assert.equal(long, '500 5.5.6 Authentication exchange line is too long');
  assert.equal(formatAnswer(await client.ask('NOOP')), '250 2.0.0 Ok');
});

void test('auth: an account that was disabled meanwhile sends no more', async (t) => {
  const world = await submissionWorld(t);
  const client = await world.client();
  await client.ask(plain('secret'));
  world.core.setAccount('a-m-ann', { enabled: false });
  const answer = formatAnswer(await client.ask('MAIL FROM:<ann@example.org>'));
  assert.equal(answer, '550 5.7.1 This account may no longer send; log in again');
  assert.match(formatAnswer(await client.ask('MAIL FROM:<ann@example.org>')), /^530 /);
});
