import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeHeader } from '../../../actors/mail/complete-header.ts';

const nowMs = Date.UTC(2026, 10, 3, 14, 3, 7);
const date = 'Date: Tue, 03 Nov 2026 14:03:07 +0000\r\n';
const id = 'Message-ID: <made@example.org>\r\n';

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'));
const completed = (text: string): string =>
  Buffer.from(completeHeader(bytesOf(text), { nowMs, messageId: 'made@example.org' })).toString('latin1');

void test('a whole header is not even copied', () => {
  const bytes = bytesOf('date: x\r\nMESSAGE-ID : <1@x>\r\nFrom: a@x\r\n\r\nBcc: body\r\n');
  assert.equal(completeHeader(bytes, { nowMs, messageId: 'made@example.org' }), bytes);
});

void test('Date and Message-ID are added at the end of the header, each where it is missing', () => {
  assert.equal(completed('From: a@x\r\n\r\nhi\r\n'), `From: a@x\r\n${date}${id}\r\nhi\r\n`);
  assert.equal(completed('Date: x\r\n\r\n'), `Date: x\r\n${id}\r\n`);
  assert.equal(completed('Message-Id: <1@x>\r\n\r\n'), `Message-Id: <1@x>\r\n${date}\r\n`);
});

void test('a name in a folded line, or in the body, is no field', () => {
  assert.equal(
    completed('Subject: x\r\n Date: y\r\n\r\nDate: z\r\nMessage-ID: <2@x>\r\n'),
    `Subject: x\r\n Date: y\r\n${date}${id}\r\nDate: z\r\nMessage-ID: <2@x>\r\n`,
  );
});

void test('Bcc goes whole, each of them, and nothing else does', () => {
  const whole = `Date: x\r\n${id}`;
  assert.equal(
    completed(`Bcc: a@x,\r\n\tb@x\r\n${whole}BCC : c@x\r\nX-Bcc: kept\r\nResent-Bcc: d@x\r\n\r\nBcc: e@x\r\n`),
    `${whole}X-Bcc: kept\r\n\r\nBcc: e@x\r\n`,
  );
});

void test('blanks in front of its colon keep no Bcc', () => {
  const padded = `Bcc${' '.repeat(130)}: a@x\r\nResent-Bcc${'\t'.repeat(400)}:\r\n b@x\r\n`;
  assert.equal(completed(`Date: x\r\n${id}${padded}\r\n`), `Date: x\r\n${id}\r\n`);
});

void test('a mail that is no more than a header, or begins with what is none', () => {
  assert.equal(completed('From: a@x'), `From: a@x\r\n${date}${id}`);
  assert.equal(completed(''), `${date}${id}`);
  assert.equal(completed(' folded\r\nFrom: a@x\r\n\r\n'), ` folded\r\nFrom: a@x\r\n${date}${id}\r\n`);
});

void test('bytes beyond ASCII stay what they were', () => {
  const body = 'Subject: \xff\xfe\r\n\r\n\0\x80\r\n';
  assert.equal(completed(`Date: x\r\n${id}Bcc: \xe9\r\n${body}`), `Date: x\r\n${id}${body}`);
});
