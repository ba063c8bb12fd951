import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import fc from 'fast-check';
import { headerFacts } from '../../../actors/mail/header-facts.ts';
import { headerBytesMax, headerFields } from '../../../actors/mail/header-fields.ts';
import { checkSubmittedHeader, headerFieldsMax } from '../../../actors/mail/submitted-header.ts';

const check = (text: string): number => checkSubmittedHeader(Buffer.from(text, 'latin1'));

void test('a header of fields is taken, folded and with blanks in front of the colon, and its end is told', () => {
  assert.equal(check('From: a@x\r\nSubject :\r\n\t x\r\nX-: \r\n\r\nno field\r\n'), 33);
  assert.equal(check('From: a@x'), 9);
  assert.equal(check(''), 0);
});

void test('a line that is no field is refused, by its number', () => {
  for (const line of [
    ...['hello', ': x', 'From a@x: y', 'From a@x', `${'a'.repeat(129)}: x`, 'Fr\xf6m: x', '\xef\xbb\xbfFrom: x'],
    ...['From\0: x', 'From\x0b: x', 'From\xa0: x', '\x7f: x'],
  ]) {
    assert.throws(() => check(`A: x\r\n\tfolded\r\n${line}\r\n\r\n`), { code: 'notAField', message: /^line 3 / }, line);
  }
  assert.throws(() => check(' folded\r\nFrom: x\r\n\r\n'), { code: 'notAField', message: /^line 1 / });
});

void test('so many fields and bytes are taken, and not one more', () => {
  const fields = 'a:\r\n'.repeat(headerFieldsMax);
  assert.equal(check(`${fields}\r\n`), fields.length);
  assert.throws(() => check(`${fields}a:\r\n\r\n`), { code: 'headerTooLarge' });
  const long = `a:${' x'.repeat((headerBytesMax - 6) / 2)}\r\n\r\n`;
  assert.equal(long.length, headerBytesMax);
  assert.equal(check(long), headerBytesMax - 2);
  assert.throws(() => check(`a${long}`), { code: 'headerTooLarge' });
  assert.throws(() => check(`a:\r\n${' \r\n'.repeat(headerBytesMax)}`), { code: 'headerTooLarge' });
});

void test('what is far too large is refused at once', () => {
  for (const hostile of ['a:\r\n', 'a', ' \r\n', 'a: x\r\n\t\r\n']) {
    const bytes = Buffer.from(`From: a@x\r\n${hostile.repeat(20_000_000 / hostile.length)}\r\n`);
    const beganMs = performance.now();
    assert.throws(() => checkSubmittedHeader(bytes), { code: 'headerTooLarge' });
    assert.ok(performance.now() - beganMs < 200, hostile);
  }
});

void test('all who read a header see the same fields in it, and the same end', () => {
  const piece = fc.constantFrom(
    ...[
      'Received',
      'received',
      ':',
      ' ',
      '\t',
      ' '.repeat(300),
      '\r\n',
      '\n',
      '\r',
      'a',
      '\0',
      '\xe9',
      'x'.repeat(200),
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const bytes = Buffer.from(pieces.join(''), 'latin1');
      const { fields, end } = headerFields(bytes);
      const { receivedCount, hasHeaderEnd } = headerFacts(bytes);
      assert.equal(receivedCount, fields.filter(({ name }) => name === 'received').length);
      assert.equal(hasHeaderEnd, end < bytes.length);
      for (const { name, from, valueFrom } of fields) {
        if (name !== '') assert.match(bytes.toString('latin1', from, valueFrom), /^[!-9;-~]+[ \t]*:$/);
      }
      let checked: number | null = null;
      try {
        checked = checkSubmittedHeader(bytes);
      } catch (error) {
        // The refusal that is asked about; anything else is a bug.
        assert.ok(error instanceof OperationError, String(error));
      }
      assert.equal(checked, fields.every(({ name }) => name !== '') ? end : null);
    }),
    { numRuns: 3000 },
  );
});
