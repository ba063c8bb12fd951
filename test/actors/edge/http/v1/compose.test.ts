import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compose } from '../../../../../actors/edge/http/v1/compose.ts';
import { newMessage } from '../../../../../actors/edge/http/v1/new-message.ts';
import { readRawMessage } from '../../../../../actors/edge/http/v1/raw-message.ts';
import { headerFields } from '../../../../../actors/mail/header-fields.ts';

const seed = { id: '01k9zq2v7h3m5n8p4r6s1t0w2x', atMs: Date.UTC(2026, 10, 3, 12) };
const made = async (parts: object, of = seed): Promise<string> => {
  const whole = newMessage.parse({ from: 'ann@example.org', to: 'bob@example.org', ...parts });
  return Buffer.from(await compose(whole, `${of.id}@example.org`, of)).toString('latin1');
};

const everything = {
  from: 'Änn <ann@example.org>',
  cc: ['"Example, Carl" <carl@example.org>'],
  bcc: ['eve@example.org'],
  subject: 'Größe',
  text: 'a\nb\r\nc\rd',
  html: '<img src="cid:logo@example.org">',
  attachments: [
    { filename: 'größe.bin', contentBase64: Buffer.from('\0\n\r\xff', 'latin1').toString('base64') },
    { filename: 'a.eml', contentType: 'message/rfc822', contentBase64: Buffer.from('A: b\r\rx\n').toString('base64') },
    { filename: 'l.png', contentType: 'image/png', contentBase64: 'AAAA', contentId: 'logo@example.org' },
  ],
};

void test('the same parts, id and time make the same bytes, and another id others', async () => {
  assert.equal(await made(everything), await made(everything));
  assert.notEqual(await made(everything), await made(everything, { ...seed, id: '01k9zq2v7h3m5n8p4r6s1t0w2z' }));
});

void test('lines end with CRLF, the header is ASCII, and Bcc is nowhere', async () => {
  const text = await made(everything);
  assert.doesNotMatch(text.replaceAll('\r\n', ''), /[\r\n]/);
  assert.doesNotMatch(text, /[\x80-\xff]|eve@/);
  assert.match(text, /^Date: Tue, 03 Nov 2026 12:00:00 \+0000\r$/m);
});

void test('no text of a sender adds a header field', async () => {
  const plain = await made({ subject: 'x', headers: { 'X-A': 'x' }, attachments: [] });
  const names = (text: string): readonly string[] =>
    headerFields(Buffer.from(text, 'latin1')).fields.map((one) => one.name);
  const expected = names(plain).filter((name) => name !== 'subject' && name !== 'x-a');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (any) => {
      const parts = { subject: any, from: { name: any, address: 'ann@example.org' }, headers: { 'X-A': any } };
      if (!newMessage.safeParse({ to: 'bob@example.org', ...parts }).success) return;
      const found = names(await made(parts)).filter((name) => name !== 'subject' && name !== 'x-a');
      assert.deepEqual([...found].sort(), [...expected].sort());
    }),
    { numRuns: 200 },
  );
});

void test('a raw mail has CRLF line ends afterwards, whatever they were, and is kept where they are so', () => {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'));
  const right = bytes('From: a@b.example\r\n\r\n.\r\nx\r\n');
  assert.equal(readRawMessage(right).bytes, right);
  for (const [wrong, mended] of [
    ['From: a@b.example\n\nx\n', 'From: a@b.example\r\n\r\nx\r\n'],
    ['From: a@b.example\r\n\r\nx\n.\r\ny\r.\r', 'From: a@b.example\r\n\r\nx\r\n.\r\ny\r\n.\r\n'],
    ['From: a@b.example\r\n\r\nx\r\r\n', 'From: a@b.example\r\n\r\nx\r\n\r\n'],
  ] as const) {
    assert.equal(Buffer.from(readRawMessage(bytes(wrong)).bytes).toString('latin1'), mended);
  }
  assert.equal(readRawMessage(bytes('From: \xc3\xa4@b.example\r\n\r\n')).isInternational, true);
  assert.equal(readRawMessage(bytes('From: a@b.example\r\n\r\n\xc3\xa4')).isInternational, false);
  assert.throws(() => readRawMessage(bytes('From: a@b.example')), { code: 'badRequest' });
  assert.throws(() => readRawMessage(bytes('')), { code: 'badRequest' });
});
