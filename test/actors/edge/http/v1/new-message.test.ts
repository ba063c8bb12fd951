import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { draftOfJson } from '../../../../../actors/edge/http/v1/draft.ts';
import { newMessage } from '../../../../../actors/edge/http/v1/new-message.ts';
import { headerFields } from '../../../../../actors/mail/header-fields.ts';

const seed = { id: '01k9zq2v7h3m5n8p4r6s1t0w2x', atMs: Date.UTC(2026, 10, 3, 12) };
const to = 'bob@example.org';
const made = async (parts: object): Promise<string> => {
  const draft = draftOfJson(Buffer.from(JSON.stringify({ from: 'ann@example.org', to, ...parts })));
  return Buffer.from(await draft.bytes(seed)).toString('latin1');
};

void test('Bcc is a recipient, and is nowhere in the mail', async () => {
  const parts = { from: 'ann@example.org', to, bcc: ['eve@example.org'], text: 'x' };
  assert.deepEqual(draftOfJson(Buffer.from(JSON.stringify(parts))).recipients, [to, 'eve@example.org']);
  assert.doesNotMatch(await made(parts), /eve|bcc/i);
});

void test('no text of a sender adds a header field', async () => {
  const plain = await made({ subject: 'x', headers: { 'X-A': 'x' }, attachments: [] });
  const names = (text: string): readonly string[] =>
    headerFields(Buffer.from(text, 'latin1')).fields.map((one) => one.name);
  const expected = names(plain).filter((name) => name !== 'subject' && name !== 'x-a');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (any) => {
      const parts = { subject: any, from: { name: any, address: 'ann@example.org' }, headers: { 'X-A': any } };
      if (!newMessage.safeParse({ to, ...parts }).success) return;
      const found = names(await made(parts)).filter((name) => name !== 'subject' && name !== 'x-a');
      assert.deepEqual([...found].sort(), [...expected].sort());
    }),
    { numRuns: 200 },
  );
});
