import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { signatureLines } from '../../../actors/dkim/sign.ts';
import type { NewDkimKey } from '../../../actors/local-domain/protocol.ts';
import { tryLater } from '../../../runtime/base/errors.ts';
import { requiresTool } from '../../support/tools.ts';
import { domain, fakeCore, keys, mailauthSays, nowMs, opendkimSays } from './dkim-world.ts';

const head = [
  'Received: from a.example (a.example [192.0.2.1])\r\n\tby mail.example.org; Sat, 28 Nov 2026 12:00:00 +0000',
  'From: Ann <ann@example.org>',
  'To: bob@example.net',
  'Subject: hello',
  'Date: Sat, 28 Nov 2026 12:00:00 +0000',
  'Message-ID: <a1@example.org>',
].join('\r\n');

const mails: Readonly<Record<string, Buffer>> = {
  plain: Buffer.from(`${head}\r\n\r\nHello.\r\n`),
  'with white space of all kinds': Buffer.from(
    `${head}\r\nReferences:\t<a@b> \r\n\t <c@d>\t\r\nIn-Reply-To :  <c@d>  \r\n\r\nA  line \t\r\n\tand\t\tmore\r\n\r\n \r\n\r\n`,
  ),
  'in UTF-8': Buffer.from(`${head}\r\nX-No: not signed\r\nReply-To: Zoë <zoë@example.org>\r\n\r\nGrüße\r\n`),
  'in no charset': Buffer.concat([
    Buffer.from(`${head}\r\nCc: `),
    Buffer.from([0xe9, 0xa0]),
    Buffer.from('\r\n\r\nx\r\n'),
  ]),
  'with an empty body': Buffer.from(`${head}\r\n\r\n`),
  'without a body': Buffer.from(`${head}\r\n`),
  'without a last line end': Buffer.from(`${head}\r\n\r\nHello`),
  'with fields several times': Buffer.from(`${head}\r\nTo: eve@example.net\r\nTo: zoe@example.net\r\n\r\nHello.\r\n`),
  'of a list, with parts': Buffer.from(
    `${head}\r\nList-Unsubscribe: <https://example.org/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n` +
      `MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n`,
  ),
  'with a field of 20,000 characters': Buffer.from(
    `${head}\r\nReferences: ${'<a@example.org>\r\n '.repeat(1_000)}<b@example.org>\r\n\r\n${'x'.repeat(5_000)}\r\n`,
  ),
};

async function signed(mail: Buffer): Promise<Buffer> {
  const lines = await signatureLines(fakeCore().core, domain, mail, nowMs);
  return Buffer.concat([Buffer.from(lines, 'latin1'), mail]);
}

void describe('dkim: what we sign, others accept', () => {
  for (const [name, mail] of Object.entries(mails)) {
    void test(`mailauth: a mail ${name}`, async () => {
      assert.deepEqual(await mailauthSays(await signed(mail)), ['pass', 'pass']);
    });
    void test(`opendkim: a mail ${name}`, requiresTool('opendkim'), async () => {
      assert.deepEqual(await opendkimSays(await signed(mail)), ['pass rsa-sha256', 'pass ed25519-sha256']);
    });
  }

  void test('mailauth: any mail', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'B', ' ', '\t', ':', 'é', '=', '.'), maxLength: 30 });
    const field = fc.tuple(
      fc.constantFrom('Subject', 'to', 'X-Any', 'CC', 'List-Id'),
      fc.array(text, { maxLength: 3 }),
    );
    const mail = fc.tuple(
      fc.array(field, { maxLength: 5 }),
      fc.array(text, { maxLength: 12 }),
      fc.constantFrom('', '\r\n'),
    );
    await fc.assert(
      fc.asyncProperty(mail, async ([fields, lines, end]) => {
        const more = fields.map(([name, parts]) => `${name}: ${['x', ...parts].join('\r\n y')}\r\n`).join('');
        const bytes = Buffer.from(`${more}${head}\r\n\r\n${lines.join('\r\n')}${end}`, 'latin1');
        assert.deepEqual(await mailauthSays(await signed(bytes)), ['pass', 'pass']);
      }),
      { numRuns: 60 },
    );
  });
});

void describe('dkim: what was changed on the way, others notice', () => {
  const changes: Readonly<Record<string, (mail: string) => string>> = {
    'another word in the body': (mail) => mail.replace('Hello.', 'Hallo.'),
    'another subject': (mail) => mail.replace('Subject: hello', 'Subject: hullo'),
    'a second From on top': (mail) => `From: eve@example.net\r\n${mail}`,
    'a second Subject on top': (mail) => `Subject: other\r\n${mail}`,
    'a Cc where none was': (mail) => mail.replace('Subject: hello', 'Cc: eve@example.net\r\nSubject: hello'),
    'another type of content': (mail) => mail.replace('Subject: hello', 'Content-Type: text/html\r\nSubject: hello'),
  };
  for (const [name, change] of Object.entries(changes)) {
    void test(`${name} breaks both signatures`, async () => {
      const mail = Buffer.from(change((await signed(mails['plain'] as Buffer)).toString()));
      const said = await mailauthSays(mail);
      assert.equal(said.length, 2);
      for (const result of said) assert.match(result, /^(?:fail|neutral): /);
    });
  }

  void test('what servers on the way add breaks nothing', async () => {
    const mail = await signed(mails['plain'] as Buffer);
    const added = Buffer.from('Return-Path: <x@example.net>\r\nReceived: by b\r\nAuthentication-Results: b; none\r\n');
    assert.deepEqual(await mailauthSays(Buffer.concat([added, mail])), ['pass', 'pass']);
  });
});

void describe('dkim: the lines', () => {
  void test('are one whole field for each key, of at most 78 characters a line, and say when', async () => {
    const lines = await signatureLines(fakeCore().core, domain, mails['of a list, with parts'] as Buffer, nowMs);
    assert.equal(lines.match(/^DKIM-Signature: /gm)?.length, 2);
    assert.ok(lines.endsWith('\r\n') && !/(?<!\r)\n|\r(?!\n)|\r\n\r\n/.test(lines));
    for (const line of lines.split('\r\n')) assert.ok(line.length <= 78, line);
    assert.match(lines, new RegExp(`t=${nowMs / 1000};`));
    assert.match(lines, /list-unsubscribe-post/);
    assert.doesNotMatch(lines, /received|return-path|bcc/);
  });

  void test('are none without a From, for a domain that is not ours, for an address literal and without keys', async () => {
    const { core } = fakeCore();
    assert.equal(await signatureLines(core, domain, Buffer.from('Subject: x\r\n\r\nx\r\n'), nowMs), '');
    assert.equal(await signatureLines(core, domain, Buffer.from('\r\nFrom: ann@example.org\r\n'), nowMs), '');
    for (const other of ['example.net', '[192.0.2.1]', '', 'sub.example.org', '..']) {
      assert.equal(await signatureLines(core, other, mails['plain'] as Buffer, nowMs), '', other);
    }
  });

  void test('a domain is the same in capitals', async () => {
    const lines = await signatureLines(fakeCore().core, 'EXAMPLE.org', mails['plain'] as Buffer, nowMs);
    assert.match(lines, /d=example\.org;/);
  });
});

void describe('dkim: the keys', () => {
  const mail = mails['plain'] as Buffer;

  void test('are asked for once in ten seconds and domain, also by many at a time', async () => {
    const { core, asked } = fakeCore();
    await Promise.all([1, 2, 3].map(() => signatureLines(core, domain, mail, nowMs)));
    await signatureLines(core, domain, mail, nowMs + 9_999);
    assert.equal(asked.length, 1);
    await signatureLines(core, domain, mail, nowMs + 10_000);
    assert.equal(asked.length, 2);
    // A clock that was put back.
    await signatureLines(core, domain, mail, nowMs - 60_000);
    assert.equal(asked.length, 3);
  });

  void test('of 1,000 domains at most are kept', async () => {
    const { core, asked } = fakeCore(() => []);
    for (let i = 0; i <= 1_000; i++) await signatureLines(core, `d${i}.example`, mail, nowMs);
    await signatureLines(core, 'd1.example', mail, nowMs);
    assert.equal(asked.length, 1_001);
    await signatureLines(core, 'd0.example', mail, nowMs);
    assert.equal(asked.length, 1_002);
  });

  void test('that cannot be had now are asked for again, and whoever waits hears why', async () => {
    let isDown = true;
    const { core, asked } = fakeCore(() => {
      if (isDown) throw tryLater('busy', 'too much to do');
      return keys;
    });
    await assert.rejects(signatureLines(core, domain, mail, nowMs), { code: 'busy', transient: true });
    isDown = false;
    assert.match(await signatureLines(core, domain, mail, nowMs), /^DKIM-Signature/);
    assert.equal(asked.length, 2);
  });

  void test('that are broken, or of another kind than they say, refuse for now, with a cure', async () => {
    const [rsa, ed25519] = keys as [NewDkimKey, NewDkimKey];
    const noKey = { ...rsa, privateKeyPem: '-----BEGIN PRIVATE KEY-----\nx\n' };
    const otherKind = { ...rsa, privateKeyPem: ed25519.privateKeyPem };
    for (const broken of [noKey, otherKind]) {
      const { core } = fakeCore(() => [broken]);
      await assert.rejects(signatureLines(core, domain, mail, nowMs), {
        code: 'signingFailed',
        transient: true,
        message: /ringpost dkim rotate example\.org/,
      });
    }
  });
});
