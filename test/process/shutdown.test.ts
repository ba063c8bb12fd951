/** SIGTERM: the node ends by itself, soon, and nobody who got a 250 is betrayed. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../runtime/base/clock.ts';
import { addAccount, listMailbox, untilListed } from '../support/process-mailboxes.ts';
import { ann, nodeFor, ownedBy } from '../support/process-place.ts';
import { expectReply, formatAnswer, isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

/** The aim is 5 s. */
const stopMsMax = 25_000;

const numbered = (n: number): Buffer =>
  Buffer.from(`Subject: no. ${n}\r\nMessage-ID: <${n}@client.example>\r\n\r\n${'text '.repeat(2000)}\r\n`);

void test('shutdown: SIGTERM ends an idle node with status 0', async (t) => {
  const node = await nodeFor(t);
  const silent = new SmtpClient({ port: node.smtpPort });
  expectReply(await silent.hello(), 250);
  const startMs = systemClock.monotonicMs();
  const exit = await node.stop(stopMsMax);
  const tookMs = systemClock.monotonicMs() - startMs;
  t.diagnostic(`SIGTERM to exit with an open session: ${Math.round(tookMs)} ms`);
  equal(exit.code, 0, node.lastWords);
  const farewell = await silent.read();
  ok(farewell.kind === 'lost' || farewell.code === 421, formatAnswer(farewell));
});

void test('shutdown: a DATA in progress is finished or refused for now, never cut off after its 250', async (t) => {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  expectReply(await client.ask('MAIL FROM:<bob@remote.example>'), 250);
  expectReply(await client.ask(`RCPT TO:<${ann}>`), 250);
  expectReply(await client.ask('DATA'), 354);
  const mail = numbered(1);
  client.write(mail.subarray(0, 500));
  node.signal('SIGTERM');
  // The node has heard the signal once it lets nobody in any more.
  const isHeard = async (): Promise<boolean> => {
    const probe = new SmtpClient({ port: node.smtpPort });
    const greeting = await probe.read();
    probe.hangUp();
    return !isReply(greeting, 220);
  };
  while (!(await isHeard()));
  client.write(Buffer.concat([mail.subarray(500), Buffer.from('.\r\n')]));
  const answer = await client.read();
  t.diagnostic(`the mail in progress got: ${formatAnswer(answer)}`);
  equal((await node.ended(stopMsMax)).code, 0, node.lastWords);
  const again = ownedBy(t, await node.restart());
  const mails = await listMailbox(again, ann);
  if (answer.kind === 'lost') return;
  ok(answer.code === 250 || (answer.code >= 400 && answer.code < 500), formatAnswer(answer));
  equal(mails.length, answer.code === 250 ? 1 : 0, 'what was answered is so');
});

void test('shutdown: SIGTERM under load loses nothing that was acknowledged', async (t) => {
  const node = await nodeFor(t);
  await addAccount(node, 'ben@example.org');
  const accepted: string[] = [];
  let number = 0;
  const send = async (): Promise<void> => {
    const client = new SmtpClient({ port: node.smtpPort });
    if (!isReply(await client.hello(), 250)) return;
    while (!client.isOver) {
      const n = ++number;
      // Every third goes through the spool.
      const to = n % 3 === 0 ? [ann, 'ben@example.org'] : [ann];
      const { outcome } = await deliver(client, { from: '', to }, numbered(n));
      if (outcome === 'accepted') accepted.push(`${n}@client.example`);
      if (accepted.length === 150) node.signal('SIGTERM');
    }
  };
  await Promise.all([send(), send(), send(), send()]);
  equal((await node.ended(stopMsMax)).code, 0, node.lastWords);
  ok(accepted.length >= 150);
  const again = ownedBy(t, await node.restart());
  const listed = new Set((await untilListed(again, ann, accepted.length)).map(idOf));
  equal(accepted.filter((id) => !listed.has(id)).join(), '');
  const forBen = accepted.filter((id) => Number.parseInt(id, 10) % 3 === 0);
  const atBen = new Set((await untilListed(again, 'ben@example.org', forBen.length)).map(idOf));
  equal(forBen.filter((id) => !atBen.has(id)).join(), '');
});

function idOf({ messageId }: { readonly messageId: string }): string {
  return messageId.replace(/^<|>$/g, '');
}
