/** Replies cut out of bytes, wherever these are cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { courierLimits } from '../../../actors/courier/limits.ts';
import { type Reply, ReplyReader } from '../../../actors/courier/reply.ts';

function read(...chunks: readonly string[]): { readonly replies: readonly Reply[]; readonly wrong: string | null } {
  const reader = new ReplyReader(courierLimits);
  const replies: Reply[] = [];
  let wrong: string | null = null;
  for (const chunk of chunks) wrong ??= reader.push(Buffer.from(chunk), (reply) => void replies.push(reply));
  return { replies, wrong };
}

void test('lines of one reply, bytes one by one, bare line feeds', () => {
  const text = '250-2.1.0 first\r\n250 2.1.0 second\r\n354 go\n250\r\n';
  const expected = [
    { code: 250, enhanced: '2.1.0', text: 'first second' },
    { code: 354, enhanced: '', text: 'go' },
    { code: 250, enhanced: '', text: '' },
  ];
  assert.deepEqual(read(text), { replies: expected, wrong: null });
  assert.deepEqual(read(...text.split('')), { replies: expected, wrong: null });
});

void test('each bound of its own: a line, and all lines of a reply', () => {
  assert.match(read(`250 ${'x'.repeat(9_000)}`).wrong ?? '', /line/);
  assert.equal(read(`250-${'x'.repeat(7_000)}\r\n`).wrong, null);
  assert.match(read(`250-${'x'.repeat(7_000)}\r\n`.repeat(10)).wrong ?? '', /reply has no end/);
  // What was answered does not count for the next one.
  assert.equal(read(`250 ${'x'.repeat(7_000)}\r\n`.repeat(100)).wrong, null);
});

void test('what is no reply is said to be none', () => {
  for (const line of ['', 'hello', '99 x', '650 x', '250x', '25', '250_']) {
    assert.notEqual(read(`${line}\r\n`).wrong, null, line);
  }
});
