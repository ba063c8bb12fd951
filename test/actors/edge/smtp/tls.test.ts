/** STARTTLS (RFC 3207) and the certificate behind it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { checkCertificate } from '../../../../actors/edge/smtp/tls.ts';
import { expectReply, formatAnswer, isReply } from '../../../support/smtp-answers.ts';
import { selfSigned } from '../../../support/smtp-certificate.ts';
import { SmtpWorld } from '../../../support/smtp-edge-world.ts';

const first = await selfSigned('first.example');
const second = await selfSigned('second.example');

async function withWorld(tell: (world: SmtpWorld) => Promise<void>): Promise<void> {
  const world = await SmtpWorld.start({ tls: first });
  try {
    await tell(world);
  } finally {
    await world.stop();
  }
}

void test('tls: STARTTLS is offered once, and what was said in clear is forgotten', () =>
  withWorld(async (world) => {
    const client = world.connect();
    assert.match(formatAnswer(await client.hello()), /250-STARTTLS/);
    expectReply(await client.ask('MAIL FROM:<a@remote.example>'), 250);
    expectReply(await client.startTls(), 220);
    assert.equal(formatAnswer(await client.ask('RCPT TO:<ann@example.org>')), '503 5.5.1 Send EHLO first');
    assert.doesNotMatch(formatAnswer(await client.ask('EHLO client.example')), /STARTTLS/);
    assert.equal(formatAnswer(await client.ask('STARTTLS')), '503 5.5.1 TLS is active already');
    await world.inData(client);
    client.write('.\r\n');
    assert.ok(isReply(await client.read(), 250));
    const prefix = Buffer.from(world.core.mails[0]?.recipient.prefix ?? []).toString();
    assert.match(prefix, /using TLSv1\.3 with cipher TLS_\w+/);
    assert.match(prefix, /with ESMTPS id/);
  }));

void test('tls: what was smuggled in front of the handshake is not heard behind it', () =>
  withWorld(async (world) => {
    const client = world.connect();
    expectReply(await client.hello(), 250);
    // One packet: the rest is in clear and has arrived when TLS begins.
    const plain = client.write.bind(client);
    client.write = (bytes) => plain(`${String(bytes)}EHLO injected.example\r\nMAIL FROM:<injected@remote.example>\r\n`);
    expectReply(await client.startTls(), 220);
    client.write = plain;
    assert.equal(formatAnswer(await client.ask('MAIL FROM:<a@remote.example>')), '503 5.5.1 Send EHLO first');
  }));

void test('tls: a new certificate holds for new handshakes, and running sessions stay', () =>
  withWorld(async (world) => {
    const early = await world.client();
    expectReply(await early.startTls(), 220);
    assert.equal(early.tls.getPeerCertificate().subject.CN, 'first.example');
    world.edge.reloadCertificate(second);
    assert.ok(isReply(await early.ask('NOOP'), 250));
    const late = await world.client();
    expectReply(await late.startTls(), 220);
    assert.equal(late.tls.getPeerCertificate().subject.CN, 'second.example');
  }));

void test('tls: a certificate that is not right is refused, and the old one stays', () =>
  withWorld(async (world) => {
    const wrong = [
      { certificate: first.certificate, key: second.key },
      { certificate: 'nonsense', key: first.key },
      { certificate: first.certificate, key: 'nonsense' },
    ];
    for (const pem of wrong) {
      assert.throws(() => checkCertificate(pem), { code: 'badCertificate' });
      assert.throws(() => world.edge.reloadCertificate(pem), { code: 'badCertificate' });
    }
    const client = await world.client();
    expectReply(await client.startTls(), 220);
    assert.equal(client.tls.getPeerCertificate().subject.CN, 'first.example');
  }));

void test('tls: implicit TLS does not start without a certificate of our own', () =>
  assert.rejects(SmtpWorld.start({ listener: { tls: 'implicit' } }), { code: 'noCertificate' }));

void test('tls: with implicit TLS the greeting comes through it', async () => {
  const world = await SmtpWorld.start({ tls: first, listener: { tls: 'implicit' } });
  const socket = connectTls({ port: world.port, host: '127.0.0.1', rejectUnauthorized: false });
  const greeting = await new Promise<string>((resolve, reject) => {
    socket.once('data', (chunk) => resolve(chunk.toString())).once('error', reject);
  });
  assert.equal(greeting, '220 mx.example ESMTP Ringpost\r\n');
  socket.destroy();
  await world.stop();
});

void test('tls: a handshake that is none ends that session alone', () =>
  withWorld(async (world) => {
    const socket = connect({ port: world.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write('EHLO c\r\nSTARTTLS\r\n');
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        if (chunk.toString().includes('Ready to start TLS')) socket.write('this is no ClientHello\r\n');
      });
      socket.once('close', () => resolve());
    });
    assert.ok(isReply(await (await world.client()).ask('NOOP'), 250));
  }));
