/** STARTTLS: with a certificate of the node's own, with the operator's, and with the one that replaced it. */
import { equal, match, ok } from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { writeCertificate } from '../support/process-certificate.ts';
import { listMailbox } from '../support/process-mailboxes.ts';
import { ann, nodeFor, ownedBy, tempDir } from '../support/process-place.ts';
import { expectReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

/** The certificate that a new session is shown. */
async function shownBy(port: number): Promise<{ readonly fingerprint: string; readonly name: string }> {
  const client = new SmtpClient({ port });
  expectReply(await client.hello(), 250);
  expectReply(await client.startTls(), 220);
  const { fingerprint256, subject } = client.tls.getPeerCertificate();
  client.hangUp();
  return { fingerprint: fingerprint256, name: String(subject.CN) };
}

void test('certificate: STARTTLS is offered with one that the node made, which stays the same', async (t) => {
  const node = await nodeFor(t, { sets: ['hostname=mx.example.org'] });
  const client = new SmtpClient({ port: node.smtpPort });
  match(expectReply(await client.hello(), 250).text, /\bSTARTTLS\b/);
  expectReply(await client.startTls(), 220);
  ok(!/\bSTARTTLS\b/.test(expectReply(await client.ask('EHLO client.example'), 250).text), 'not offered again inside');
  equal(client.tls.getPeerCertificate().subject.CN, 'mx.example.org');
  match(client.tls.getProtocol() ?? '', /^TLSv1\.[23]$/);
  equal((await deliver(client, { from: '', to: [ann] }, Buffer.from('Subject: x\r\n\r\nx\r\n'))).outcome, 'accepted');
  await client.quit();
  equal((await listMailbox(node, ann)).length, 1);
  const before = await shownBy(node.smtpPort);
  equal((await node.stop()).code, 0, node.lastWords);
  const again = ownedBy(t, await node.restart());
  equal((await shownBy(again.smtpPort)).fingerprint, before.fingerprint);
});

void test('certificate: a replaced file is used for new sessions, a bad one is not', async (t) => {
  const directory = tempDir(t);
  const [certificate, key] = await writeCertificate(join(directory, 'live'), 'old.example.org');
  const node = await nodeFor(t, { sets: [`tls.certificate=${certificate}`, `tls.key=${key}`] });
  equal((await shownBy(node.smtpPort)).name, 'old.example.org');
  const open = new SmtpClient({ port: node.smtpPort });
  expectReply(await open.hello(), 250);
  expectReply(await open.startTls(), 220);

  // As certbot and others do: the new file takes the place of the old one by a rename.
  const [newCertificate, newKey] = await writeCertificate(join(directory, 'new'), 'new.example.org');
  renameSync(newKey, key);
  renameSync(newCertificate, certificate);
  const isNew = async (): Promise<boolean> => (await shownBy(node.smtpPort)).name === 'new.example.org';
  await until('new sessions see the new certificate', isNew, 25_000);
  expectReply(await open.ask('EHLO client.example'), 250);

  const said = node.log.length;
  writeFileSync(certificate, 'this is no certificate\n');
  await until('the bad file is told of in the log', () => /certificate/i.test(node.log.slice(said)), 25_000);
  equal((await shownBy(node.smtpPort)).name, 'new.example.org');
  await open.quit();
});
