import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRawMessage } from '../../../actors/mail/raw-message.ts';

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
  assert.throws(() => readRawMessage(bytes('From: a@b.example')), { code: 'notAMail' });
  assert.throws(() => readRawMessage(bytes('')), { code: 'notAMail' });
  assert.throws(() => readRawMessage(bytes('a:\n'.repeat(3_000))), { code: 'headerTooLarge' });
  assert.throws(() => readRawMessage(bytes('From: a@b.example\nhello\n\n')), { code: 'notAField' });
});
