/** Bytes behind DATA, however they are cut. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { WireBytes } from '../../../actors/courier/wire-bytes.ts';

function wireOf(pieces: readonly string[]): string {
  const wire = new WireBytes();
  const out = pieces.map((piece) => Buffer.from(wire.next(Buffer.from(piece))).toString());
  return out.join('') + wire.end();
}

/** The same, slowly and plainly. */
function expected(text: string): string {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${line.startsWith('.') ? '.' : ''}${line}\r\n`).join('');
}

void test('what needs no change is not copied', () => {
  const bytes = Buffer.from('Subject: x\r\n\r\nno dot.\r\n');
  assert.equal(new WireBytes().next(bytes), bytes);
});

void test('lines end with CRLF, dots are doubled, nothing can be read as an end', () => {
  const bits = fc.constantFrom('.', '\r', '\n', '\r\n', 'a', '..', '\r\n.\r\n', '\n.\n', '\r.\r');
  fc.assert(
    fc.property(fc.array(fc.array(bits).map((each) => each.join(''))), (pieces) => {
      const wire = wireOf(pieces);
      assert.equal(wire, expected(pieces.join('')));
      assert.doesNotMatch(wire, /(?:^|[\r\n])\.(?:[\r\n]|$)/);
    }),
    { numRuns: 2_000 },
  );
});
