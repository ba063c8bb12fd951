/** How intricate a mail in JSON may be, whatever its size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { draftOfJson } from '../../../../../actors/edge/http/v1/draft.ts';
import { boundJson, jsonMarksMax } from '../../../../../actors/edge/http/v1/json-bound.ts';

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const mail = { from: 'ann@example.org', to: 'bob@example.org' };
const many = jsonMarksMax + 1;

void test('a mail of too many parts is refused before any of them is made, wherever they are', () => {
  const intricate: readonly string[] = [
    JSON.stringify({ ...mail, to: Array.from({ length: many }, () => ({})) }),
    JSON.stringify({ ...mail, headers: Object.fromEntries(Array.from({ length: many }, (_, i) => [`X-${i}`, 'x'])) }),
    JSON.stringify({ ...mail, unknown: Array.from({ length: many }, () => 0) }),
    JSON.stringify({ ...mail, subject: '\\"' }).replace('}', `,"to":[${'0,'.repeat(many)}0]}`),
    // No JSON, of which the parser would have to find out.
    '['.repeat(many),
  ];
  for (const text of intricate) {
    assert.throws(() => draftOfJson(Buffer.from(text)), { code: 'tooIntricate' }, text.slice(0, 60));
  }
});

void test('what stands in strings does not count, so that attachments and texts are as long as they like', () => {
  const text = `\\"\\\\",:[{"'`.repeat(many);
  const contentBase64 = Buffer.alloc(20_000_000, 7).toString('base64');
  const attachments = [{ filename: ',:[{', contentBase64 }];
  boundJson(bytesOf({ ...mail, text, attachments }));
  assert.deepEqual(draftOfJson(bytesOf({ ...mail, text, attachments })).recipients, ['bob@example.org']);
});

void test('a mail that uses all that one may have is taken', () => {
  const to = Array.from({ length: 1_000 }, (_, i) => ({ address: `a${i}@example.org`, name: 'A, B: {C} [D]' }));
  const attachment = { filename: 'a', contentType: 'text/plain', contentBase64: '', contentId: 'a' };
  const attachments = Array.from({ length: 100 }, () => attachment);
  const headers = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`X-${i}`, 'x']));
  const tags = Array.from({ length: 20 }, () => 'tag');
  assert.equal(draftOfJson(bytesOf({ ...mail, to, attachments, headers, tags })).recipients.length, 1_000);
});

void test('any JSON is counted to its end: no string hides what follows it', () => {
  const tail = ',0'.repeat(many);
  fc.assert(
    fc.property(fc.json(), (text) => {
      if (text.length < jsonMarksMax) boundJson(Buffer.from(text));
      assert.throws(() => boundJson(Buffer.from(`[${text}${tail}]`)), { code: 'tooIntricate' });
    }),
  );
});

void test('base64 with white space and padding is read as it is, and nothing else is', () => {
  const of = (contentBase64: string) => () =>
    draftOfJson(bytesOf({ ...mail, attachments: [{ filename: 'a', contentBase64 }] }));
  for (const good of ['', 'YQ==', 'YQ', 'Y Q\r\n=\t=\n', 'YWJj\nYWJj']) of(good)();
  for (const bad of ['Y', 'YQ===', 'YQ==YQ==', 'a=b', 'YQ*=']) assert.throws(of(bad), { code: 'badRequest' }, bad);
});
