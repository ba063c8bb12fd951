/** Programs that people write mail with, at the doors for accounts of the real program. */
import { deepEqual, match, rejects } from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createTransport } from 'nodemailer';
import { freePort } from '../../bench/peers/child.ts';
import { runCommand } from '../support/process-command.ts';
import { addAccount, listMailbox, showMail, testPassword, untilListed } from '../support/process-mailboxes.ts';
import type { RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor } from '../support/process-place.ts';
import { requiresTool } from '../support/tools.ts';

const bob = 'bob@example.org';

async function world(t: TestContext, key: 'submission' | 'submissions'): Promise<{ node: RingpostNode; port: number }> {
  const port = await freePort();
  const node = await nodeFor(t, { sets: [`${key}.listen=127.0.0.1:${port}`] });
  await addAccount(node, bob);
  return { node, port };
}

function program(port: number, secure: boolean, pass = testPassword): ReturnType<typeof createTransport> {
  const tls = { rejectUnauthorized: false };
  return createTransport({ host: '127.0.0.1', port, secure, requireTLS: !secure, tls, auth: { user: bob, pass } });
}

const letter = { from: `Bob <${bob}>`, to: ann, bcc: 'friend@unreachable.invalid', subject: 'from bob', text: 'hello' };

for (const [key, isImplicit, protocol] of [
  ['submission', false, 'STARTTLS'],
  ['submissions', true, 'TLS from the first byte'],
] as const) {
  void test(`submission: a mail program logs in by ${protocol} and sends here and elsewhere at once`, async (t) => {
    const { node, port } = await world(t, key);
    const sent = await program(port, isImplicit).sendMail(letter);
    match(sent.response, /^250 2\.0\.0 Ok id=\S+ copies=1\/1$/);
    deepEqual(sent.accepted, [ann, 'friend@unreachable.invalid']);
    const [mail] = await untilListed(node, ann, 1);
    const raw = (await showMail(node, ann, mail?.uid ?? 0)).toString('utf8');
    match(raw, /^Return-Path: <bob@example\.org>\r\nReceived: [^]* with ESMTPSA id /);
    match(raw, /\r\nDate: /);
  });
}

void test('submission: a wrong password, and a false sender, get nowhere', async (t) => {
  const { node, port } = await world(t, 'submission');
  await rejects(program(port, false, 'wrong').sendMail(letter), /535 5\.7\.8/);
  await rejects(program(port, false).sendMail({ ...letter, from: ann }), /550 5\.7\.1 .*bob@example\.org/);
  await rejects(
    program(port, false).sendMail({ ...letter, envelope: { from: bob, to: ann }, from: ann }),
    /550 5\.7\.1/,
  );
  deepEqual(await listMailbox(node, ann), []);
});

void test('submission: swaks sends with AUTH', requiresTool('swaks'), async (t) => {
  const { node, port } = await world(t, 'submission');
  const server = ['--server', `127.0.0.1:${port}`, '--tls', '--auth', 'LOGIN', '--auth-user', bob];
  const words = [...server, '--auth-password', testPassword, '--from', bob, '--to', ann];
  const { status, stdout } = await runCommand('swaks', words);
  deepEqual([status, /235 2\.7\.0/.test(stdout.toString('utf8'))], [0, true], stdout.toString('utf8'));
  await untilListed(node, ann, 1);
});
