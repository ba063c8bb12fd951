import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compose, type MailParts } from '../../../actors/mail/compose.ts';

const seed = { id: '01k9zq2v7h3m5n8p4r6s1t0w2x', atMs: Date.UTC(2026, 10, 3, 12) };

const everything: MailParts = {
  from: { name: 'Änn', address: 'ann@example.org' },
  to: [{ name: '', address: 'bob@example.org' }],
  cc: [{ name: 'Example, Carl', address: 'carl@example.org' }],
  replyTo: [],
  subject: 'Größe',
  text: 'a\nb\r\nc\rd',
  html: '<img src="cid:logo@example.org">',
  headers: { 'X-Order': '4711' },
  attachments: [
    {
      filename: 'größe.bin',
      contentType: 'application/octet-stream',
      content: Buffer.from('\0\n\r\xff', 'latin1'),
    },
    { filename: 'a.eml', contentType: 'message/rfc822', content: Buffer.from('A: b\r\rx\n') },
    { filename: 'l.png', contentType: 'image/png', content: Buffer.alloc(3), contentId: 'logo@example.org' },
  ],
};

const made = async (of = seed): Promise<string> =>
  Buffer.from(await compose(everything, `${of.id}@example.org`, of)).toString('latin1');

void test('the same parts, id and time make the same bytes, and another id others', async () => {
  assert.equal(await made(), await made());
  assert.notEqual(await made(), await made({ ...seed, id: '01k9zq2v7h3m5n8p4r6s1t0w2z' }));
});

void test('lines end with CRLF, the header is ASCII, and all parts are there', async () => {
  const text = await made();
  assert.doesNotMatch(text.replaceAll('\r\n', ''), /[\r\n]/);
  assert.doesNotMatch(text, /[\x80-\xff]/);
  assert.match(text, /^Date: Tue, 03 Nov 2026 12:00:00 \+0000\r$/m);
  for (const part of [/^X-Order: 4711\r$/m, /"Example, Carl"/, /Content-Id: <logo@example\.org>/i, /filename=a\.eml/]) {
    assert.match(text, part);
  }
});
