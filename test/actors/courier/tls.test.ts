/** TLS, the log-in at a relay, and what a server offers. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { AttemptResult } from '../../../actors/delivery-domain/protocol.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import { type CourierWorld, courierWorld } from '../../support/courier-world.ts';
import { selfSigned } from '../../support/smtp-certificate.ts';
import { until } from '../../support/smtp-until.ts';
import type { TestMail } from '../../support/courier-core.ts';

let certificate: CertificatePem;
before(async () => {
  certificate = await selfSigned('somebody.else');
});

async function sent({ core }: CourierWorld, mail: Partial<TestMail> = {}): Promise<AttemptResult> {
  const job = core.mail('there.example', { to: 'bob@there.example', ...mail });
  await until(() => core.attemptOf(job) !== undefined);
  return core.attemptOf(job)!;
}

void test('STARTTLS where it is offered, whatever the certificate says', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('there.example', {}, { certificate });
  const { tls, recipients } = await sent(world);
  assert.equal(recipients[0]?.outcome, 'delivered');
  assert.match(tls.outcome, /^TLSv1\.3 /);
  assert.equal(server.mails[0]?.isSecure, true);
});

for (const [what, script] of [
  ['STARTTLS refused', { STARTTLS: '454 4.7.0 not now' }],
  [
    'a broken handshake',
    {
      TLS: (socket: { write(text: string): unknown }) => {
        socket.write('this is no TLS\r\n');
      },
    },
  ],
  ['a handshake that is dropped', { TLS: 'DROP' }],
] as const) {
  void test(`${what}: the same host in clear, and the result says so`, async (t) => {
    const world = await courierWorld(t);
    const server = await world.remote('there.example', script, { certificate });
    const { tls, recipients } = await sent(world);
    assert.equal(recipients[0]?.outcome, 'delivered');
    assert.match(tls.outcome, /^failed: /);
    assert.deepEqual([server.connections, server.mails[0]?.isSecure], [2, false]);
  });

  void test(`${what} with TLS required: deferred, nothing goes in clear`, async (t) => {
    const world = await courierWorld(t);
    const server = await world.remote('there.example', script, { certificate });
    world.core.set('relay', `127.0.1.1:${world.port}`).set('relay.tls', 'required');
    const { recipients } = await sent(world);
    assert.equal(recipients[0]?.outcome, 'deferred');
    assert.equal(
      server.lines.some((line) => line.startsWith('MAIL')),
      false,
    );
  });
}

void test('TLS required and not offered: deferred', async (t) => {
  const world = await courierWorld(t);
  await world.remote('there.example');
  world.core.set('relay', `127.0.1.1:${world.port}`).set('relay.tls', 'required');
  assert.equal((await sent(world)).recipients[0]?.outcome, 'deferred');
});

void test('a relay with a log-in', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('there.example', {}, { certificate, extensions: ['AUTH PLAIN LOGIN'] });
  world.core.set('relay', `127.0.1.1:${world.port}`).set('relay.user', 'me').set('relay.password', 'secret');
  assert.equal((await sent(world)).recipients[0]?.outcome, 'delivered');
  const plain = Buffer.from('\0me\0secret').toString('base64');
  assert.ok(server.lines.includes(`AUTH PLAIN ${plain}`));
});

/** As if the relay were elsewhere. */
const elsewhere = { isLoopback: () => false };
const withPassword = { 'relay.user': 'me', 'relay.password': 'secret' };

for (const [what, own, extensions] of [
  ['a password', withPassword, ['AUTH PLAIN']],
  ['TLS required', { 'relay.tls': 'required' }, []],
  ['TLS required and a password', { ...withPassword, 'relay.tls': 'required' }, ['AUTH PLAIN']],
] as const) {
  void test(`${what}: a relay with a certificate of nobody known gets neither password nor mail`, async (t) => {
    const world = await courierWorld(t, { ...elsewhere, settings: own });
    const server = await world.remote('there.example', {}, { certificate, extensions });
    world.dns.zone.set('A somebody.else', ['127.0.1.1']);
    world.core.set('relay', `somebody.else:${world.port}`);
    const [result] = (await sent(world)).recipients;
    assert.deepEqual([result?.outcome, result?.enhanced], ['deferred', '4.7.5']);
    assert.match(result!.text, /^somebody\.else: self-signed certificate: .*NODE_EXTRA_CA_CERTS/);
    assert.deepEqual(
      server.lines.filter((line) => !/^(?:EHLO|STARTTLS)/.test(line)),
      [],
    );
  });
}

void test('a certificate of a known CA: the password goes to the host that it names, and to no other', async (t) => {
  const usual = getCACertificates('default');
  setDefaultCACertificates([...usual, certificate.certificate]);
  t.after(() => setDefaultCACertificates(usual));
  const world = await courierWorld(t, { ...elsewhere, settings: withPassword });
  const server = await world.remote('there.example', {}, { certificate, extensions: ['AUTH PLAIN'] });
  for (const host of ['somebody.else', 'not.it']) world.dns.zone.set(`A ${host}`, ['127.0.1.1']);
  world.core.set('relay', `not.it:${world.port}`);
  const [refused] = (await sent(world)).recipients;
  assert.deepEqual([refused?.outcome, refused?.enhanced], ['deferred', '4.7.5']);
  assert.match(refused!.text, /Name the host as its certificate does/);
  assert.equal(
    server.lines.some((line) => line.startsWith('AUTH')),
    false,
  );
  world.core.set('relay', `somebody.else:${world.port}`);
  assert.equal((await sent(world)).recipients[0]?.outcome, 'delivered');
  assert.ok(server.lines.some((line) => line.startsWith('AUTH PLAIN')));
});

for (const mode of ['opportunistic', 'required', 'none'] as const) {
  void test(`a password, TLS ${mode} and a relay without TLS: the mail waits`, async (t) => {
    const world = await courierWorld(t, { ...elsewhere, settings: { ...withPassword, 'relay.tls': mode } });
    const server = await world.remote('there.example', {}, { extensions: ['AUTH PLAIN'] });
    world.core.set('relay', `127.0.1.1:${world.port}`);
    assert.equal((await sent(world)).recipients[0]?.outcome, 'deferred');
    assert.equal(
      server.lines.some((line) => /^(?:AUTH|MAIL)/.test(line)),
      false,
    );
  });
}

void test('a relay that does not take the password: mail waits', async (t) => {
  const world = await courierWorld(t);
  await world.remote('there.example', { AUTH: '535 5.7.8 wrong' }, { certificate, extensions: ['AUTH PLAIN'] });
  world.core.set('relay', `127.0.1.1:${world.port}`).set('relay.user', 'me').set('relay.password', 'secret');
  const [result] = (await sent(world)).recipients;
  assert.deepEqual([result?.outcome, result?.code], ['deferred', 535]);
});

void test('what is offered is used: SIZE, 8BITMIME, SMTPUTF8, DSN with parameters of each recipient', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('there.example');
  await sent(world, {
    to: [
      {
        address: 'bob@there.example',
        notify: ['success', 'delay'],
        orcpt: 'rfc822;Bob+x@there.example',
        fingerprint: null,
      },
      { address: 'eve@there.example', notify: ['never'], orcpt: null, fingerprint: null },
    ],
    text: 'Subject: ü\r\n\r\n',
    dsn: { ret: 'headers', envelopeId: 'a b' },
    smtpUtf8: true,
  });
  assert.deepEqual(server.lines.slice(1, 4), [
    'MAIL FROM:<ann@here.example> SIZE=15 SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=a+20b',
    'RCPT TO:<bob@there.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@there.example',
    'RCPT TO:<eve@there.example> NOTIFY=NEVER',
  ]);
});

void test('what is not offered is not said; a server that knows HELO only is spoken to', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('there.example', { EHLO: '500 what?' });
  const to = [{ address: 'bob@there.example', notify: ['success'] as const, orcpt: null, fingerprint: null }];
  await sent(world, { to, dsn: { ret: 'full', envelopeId: 'x' } });
  assert.deepEqual(server.lines.slice(1, 5), [
    ...['HELO here.example', 'MAIL FROM:<ann@here.example>', 'RCPT TO:<bob@there.example>', 'DATA'],
  ]);
});

void test('SMTPUTF8 that is needed and not offered: failed 5.6.7', async (t) => {
  const world = await courierWorld(t);
  await world.remote('there.example', {}, { extensions: ['PIPELINING'] });
  const job = await sent(world, { to: 'böb@there.example' });
  assert.deepEqual([job.recipients[0]?.outcome, job.recipients[0]?.enhanced], ['failed', '5.6.7']);
});

void test('a mail above the SIZE of the server: failed 5.3.4, without a word', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('there.example', {}, { extensions: ['SIZE 10'] });
  const job = await sent(world);
  assert.equal(job.recipients[0]?.enhanced, '5.3.4');
  assert.equal(
    server.lines.some((line) => line.startsWith('MAIL')),
    false,
  );
});
