/** SMTP smuggling: no spelling of a line end makes a second mail, neither here nor at whoever gets what we stored. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SmtpWorld } from '../../../support/smtp-edge-world.ts';

const forged = 'MAIL FROM:<forged@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: forged\r\n\r\nhi';
const ends = ['\r\n', '\n', '\r', '\r\r\n', '\n\r', '\r\n\n', '\0\r\n', ' \r\n'];
const variants = ends
  .flatMap((first) => ends.map((second) => `${first}.${second}`))
  .filter((text) => text !== '\r\n.\r\n');

const worlds: SmtpWorld[] = [];
before(async () => {
  worlds.push(await SmtpWorld.start({ limits: { connectionsPerClientMax: 200 } }));
  worlds.push(await SmtpWorld.start({ settings: { bareLineEnds: 'normalise' } }));
});
after(() => Promise.all(worlds.map((world) => world.stop())));

/** Ends that are themselves CRLF.CRLF behind something else do end the mail: what follows is then the client's own. */
const endsMail = (variant: string): boolean => variant.includes('\r\n.\r\n');

for (const variant of variants.filter((text) => !endsMail(text))) {
  void test(`smuggling: nothing comes out of ${JSON.stringify(variant)}`, async () => {
    for (const world of worlds) {
      const before = world.core.mails.length;
      const reply = await world.send(`Subject: outer\r\n\r\nhello${variant}${forged}\r\n.\r\n`);
      const stored = world.core.mails.slice(before);
      assert.ok(reply.code === 250 || reply.code === 554, reply.text);
      assert.equal(stored.length, reply.code === 250 ? 1 : 0);
      for (const { recipient, body } of stored) {
        assert.equal(recipient.mailboxId, 'm-ann');
        assert.doesNotMatch(Buffer.from(body).toString('latin1'), /(?:^|[^\r])\n|\r(?!\n)/);
      }
    }
  });
}

void test('smuggling: by default a bare CR or LF is refused wherever it stands', async () => {
  for (const text of ['a\nb\r\n', 'a\rb\r\n', '\na\r\n', 'a\r\r\n', 'a\n\r\n']) {
    const reply = await (worlds[0] as SmtpWorld).send(`${text}.\r\n`);
    assert.equal(reply.text.slice(0, 9), '554 5.6.0', JSON.stringify(text));
  }
});
