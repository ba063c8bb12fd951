import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { headerFacts } from '../../../actors/mail/header-facts.ts';

const scan = (text: string, encoding: BufferEncoding = 'utf8') => headerFacts(Buffer.from(text, encoding));
const lines = (...list: string[]): string => list.map((line) => `${line}\r\n`).join('');

void test('facts are found in any case, folded, and with blanks in front of the colon', () => {
  const { facts, receivedCount, hasHeaderEnd } = scan(
    lines(
      'Received: from a',
      '\tby b',
      'SUBJECT : one',
      '  two',
      'from:Ann <ann@example.org>',
      'Message-Id:',
      ' <id@x>',
      'RECEIVED: c',
      '',
    ) + 'Subject: in the body\r\nReceived: in the body\r\n',
  );
  assert.deepEqual(facts, { subject: 'one  two', from: 'Ann <ann@example.org>', messageId: 'id@x' });
  assert.equal(receivedCount, 2);
  assert.equal(hasHeaderEnd, true);
});

void test('names that only begin alike are other fields', () => {
  const { facts, receivedCount } = scan(
    lines('Subject-Extra: a', 'Fromage: b', 'Message-IDs: c', 'Received-SPF: pass', 'Sub', ''),
  );
  assert.deepEqual(facts, { subject: '', from: '', messageId: null });
  assert.equal(receivedCount, 0);
});

void test('of several fields of one name the first is taken', () => {
  assert.equal(scan(lines('Subject: one', 'Subject: two', '')).facts.subject, 'one');
});

void test('encoded words and raw UTF-8 are read, Latin-1 is guessed', () => {
  assert.equal(scan(lines('Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?B?5A==?=')).facts.subject, 'Grüßeä');
  assert.equal(scan(lines('Subject: =?utf-8?B?8J+YgA==?=', ' =?utf-8?Q?_x?=')).facts.subject, '😀 x');
  assert.equal(scan(lines('Subject: Grüße')).facts.subject, 'Grüße');
  assert.equal(scan(lines('Subject: Gr\u00fc\u00dfe'), 'latin1').facts.subject, 'Grüße');
  assert.equal(scan(lines('Subject: =?nonsense?X?abc?= =?utf-8?B?****?=')).facts.subject.length > 0, true);
});

void test('what is shown holds no controls and is cut at 998 characters', () => {
  assert.equal(scan(lines('Subject: a\u0000b\u001b[31mc')).facts.subject, 'a b [31mc');
  assert.equal(scan(lines('Subject: =?utf-8?Q?a=0D=0ABcc:_x?=')).facts.subject, 'a Bcc: x');
  const { subject } = scan(lines(`Subject: ${'😀'.repeat(1000)}`)).facts;
  assert.ok(subject.length <= 998 && subject.isWellFormed());
  assert.equal(scan(lines(`Subject: ${'é'.repeat(20_000)}`)).facts.subject, 'é'.repeat(998));
});

void test('a Message-ID is taken with and without brackets, and an empty one is none', () => {
  const idOf = (text: string): string | null => scan(lines(`Message-ID: ${text}`)).facts.messageId;
  assert.equal(idOf('<a@b>'), 'a@b');
  assert.equal(idOf('(why) <a@b> (not)'), 'a@b');
  assert.equal(idOf('a@b'), 'a@b');
  assert.equal(idOf('<a@b'), 'a@b');
  assert.equal(idOf(''), null);
  assert.equal(idOf('<>'), null);
});

void test('the end of a header is an empty line, also with bare line feeds', () => {
  assert.equal(scan('Subject: a\n\nbody').hasHeaderEnd, true);
  assert.equal(scan('\r\nbody').hasHeaderEnd, true);
  assert.equal(scan('Subject: a\r\n').hasHeaderEnd, false);
  assert.equal(scan('Subject: a').hasHeaderEnd, false);
  assert.equal(scan('').hasHeaderEnd, false);
  assert.equal(scan('Subject: a').facts.subject, 'a');
});

void test('only the bytes of the view are looked at, and of those the first 256 KiB', () => {
  const whole = Buffer.from('xxSubject: a\r\n\r\nSubject: b');
  assert.equal(headerFacts(whole.subarray(2, 14)).hasHeaderEnd, false);
  const long = scan(`${'X-Fill: y\r\n'.repeat(30_000)}Subject: late\r\n\r\n`);
  assert.deepEqual([long.facts.subject, long.hasHeaderEnd], ['', false]);
});

void test('any bytes give an answer', () => {
  const piece = fc.constantFrom(
    'Subject',
    'From',
    'Message-ID',
    'Received',
    ':',
    ' ',
    '\t',
    '\r',
    '\n',
    '\r\n',
    '<',
    '>',
    '=?utf-8?Q?',
    '?=',
    'a',
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.array(piece, { maxLength: 80 }).map((list) => Buffer.from(list.join(''))),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      const { facts, receivedCount } = headerFacts(input);
      assert.ok(facts.subject.length <= 998 && facts.from.length <= 998 && (facts.messageId?.length ?? 1) <= 998);
      assert.doesNotMatch(facts.subject + facts.from + (facts.messageId ?? ''), /\p{Cc}/u);
      assert.ok(receivedCount * 9 <= input.length);
    }),
    { numRuns: 5000 },
  );
});

void test('the largest hostile header takes no longer than a plain one of its size should', () => {
  const size = 256 * 1024;
  const hostile = [
    '\r'.repeat(size),
    ' \n'.repeat(size / 2),
    `Subject:${' '.repeat(size)}`,
    `Subject: ${'=?utf-8?Q?a?= '.repeat(size / 14)}`,
    `Subject: ${'=?'.repeat(size / 2)}`,
    `Message-ID: ${'<'.repeat(size)}`,
    `Message-ID:${'\t\n'.repeat(size / 2)}`,
    'Received:\n'.repeat(size / 10),
    'Subject\n'.repeat(size / 8),
  ];
  for (const text of hostile) {
    const bytes = Buffer.from(text);
    const started = performance.now();
    headerFacts(bytes);
    // Each takes a few milliseconds; what is not linear takes minutes.
    assert.ok(performance.now() - started < 1000, JSON.stringify(text.slice(0, 20)));
  }
});
