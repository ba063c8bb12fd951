/** Rot on the disk: an answer is an error, never wrong bytes, and the rest of the mail stays readable. */
import { equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { flipIn } from '../support/process-damage.ts';
import { prefixOf, showMail, untilListed } from '../support/process-mailboxes.ts';
import { RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor, ownedBy } from '../support/process-place.ts';
import { expectReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

function mailWith(marker: string, lines: number): Buffer {
  const head = `Subject: ${lines} lines\r\nMessage-ID: <${marker}@client.example>\r\n\r\n`;
  return Buffer.from(`${head}${'some text of the mail\r\n'.repeat(lines)}here is ${marker}-text\r\nthe end\r\n`);
}

for (const [size, lines] of [
  ['small', 20],
  ['large', 8000],
] as const) {
  void test(`damage: a flipped bit in a ${size} body is an error for that mail and no wrong bytes`, async (t) => {
    const node = await nodeFor(t);
    const whole = mailWith('whole', lines);
    const client = new SmtpClient({ port: node.smtpPort });
    expectReply(await client.hello(), 250);
    for (const mail of [whole, mailWith('rotten', lines)]) {
      equal((await deliver(client, { from: '', to: [ann] }, mail)).outcome, 'accepted');
    }
    await client.quit();
    await untilListed(node, ann, 2);
    equal((await node.stop()).code, 0, node.lastWords);
    ok(flipIn(node, 'rotten-text') > 0, 'the body is in the data file');

    const again = ownedBy(t, await node.restart());
    const mails = await untilListed(again, ann, 2);
    const uidOf = (marker: string): number => mails.find((mail) => mail.messageId.includes(marker))?.uid ?? 0;
    const shown = await again.cli(['mailbox', 'show', ann, String(uidOf('rotten')), '--raw']);
    notEqual(shown.status, 0, 'a rotten mail is not shown as if it were whole');
    ok(!shown.stdout.includes('the end'), 'no wrong bytes are given out');
    match(shown.stderr, /damaged|checksum|rotten/i);
    prefixOf(await showMail(again, ann, uidOf('whole')), whole);
    equal(again.exit, undefined, 'the node serves on');
  });
}

void test('damage: after kill -9, a flipped bit in what the log alone has is no loss in silence', async (t) => {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  equal((await deliver(client, { from: '', to: [ann] }, mailWith('rotten', 20))).outcome, 'accepted');
  await node.kill();
  ok(flipIn(node, 'rotten-text') > 0, 'the body is in the data file');
  const again = ownedBy(t, await RingpostNode.spawn({ ...node.spec, words: ['start'] }));
  const isServing = await again.ready().then(
    () => true,
    () => false,
  );
  // Either is right: it refuses to start and says why, or it serves, lists the mail and shows it to nobody.
  if (isServing) {
    const [mail] = await untilListed(again, ann, 1);
    const shown = await again.cli(['mailbox', 'show', ann, String(mail?.uid), '--raw']);
    notEqual(shown.status, 0, 'a rotten mail is not shown as if it were whole');
    ok(!shown.stdout.includes('the end'), 'no wrong bytes are given out');
  } else {
    equal((await again.ended()).code, 1, again.lastWords);
    match(again.lastWords, /damaged|checksum|rotten/i);
  }
});
