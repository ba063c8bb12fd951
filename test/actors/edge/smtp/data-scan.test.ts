/** DATA, byte by byte: whatever is sent arrives unchanged, wherever the network breaks it, and nothing else ends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataScan } from '../../../../actors/edge/smtp/data-scan.ts';
import { dotStuffed } from '../../../support/smtp-delivery.ts';

interface Scanned {
  readonly body: string;
  /** What lies behind the end of the mail; null when it did not end. */
  readonly rest: string | null;
  readonly scan: DataScan;
}

interface ScanOptions {
  readonly lineBytesMax?: number;
  readonly normalises?: boolean;
}

function scanChunks(chunks: readonly Buffer[], { lineBytesMax = 1000, normalises = false }: ScanOptions = {}): Scanned {
  const taken: Buffer[] = [];
  const scan = new DataScan(
    { take: (bytes, from, to) => taken.push(bytes.subarray(from, to)) },
    lineBytesMax,
    normalises,
  );
  let rest: string | null = null;
  for (const chunk of chunks) {
    if (rest !== null) {
      rest += chunk.toString('latin1');
      continue;
    }
    const end = scan.push(chunk, chunk.toString('latin1'), 0);
    if (end >= 0) rest = chunk.toString('latin1', end);
  }
  return { body: Buffer.concat(taken).toString('latin1'), rest, scan };
}

const scanText = (text: string, options?: ScanOptions): Scanned => scanChunks([Buffer.from(text, 'latin1')], options);

/** Cuts at the given places, in any order, twice the same included. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  return ends.flatMap((end) => {
    const chunk = bytes.subarray(start, end);
    start = end;
    return chunk.length === 0 ? [] : [Buffer.from(chunk)];
  });
}

/** Lines in which what matters is frequent. */
const lines = fc
  .array(fc.stringMatching(/^[.\0a\xff-]{0,6}$/), { maxLength: 12 })
  .map((all) => all.map((line) => `${line}\r\n`).join(''));
const places = fc.array(fc.nat(200), { maxLength: 30 });

void test('data: any mail arrives byte for byte, wherever its chunks break', () => {
  fc.assert(
    fc.property(lines, places, (mail, breaks) => {
      const sent = Buffer.concat([dotStuffed(Buffer.from(mail, 'latin1')), Buffer.from('.\r\nQUIT\r\n')]);
      const { body, rest, scan } = scanChunks(cut(sent, breaks));
      assert.equal(body, mail);
      assert.equal(rest, 'QUIT\r\n');
      assert.equal(scan.hasBareLineEnd, false);
    }),
    { numRuns: 2000 },
  );
});

void test('data: a mail of dots arrives with a break at every single place', () => {
  const mail = '.\r\n..\r\n...\r\n.a\r\n\r\n.\r\na.\r\n';
  const sent = Buffer.concat([dotStuffed(Buffer.from(mail)), Buffer.from('.\r\n')]);
  for (let first = 0; first <= sent.length; first++) {
    for (let second = first; second <= sent.length; second++) {
      assert.equal(scanChunks(cut(sent, [first, second])).body, mail, `broken at ${first} and ${second}`);
    }
  }
});

/** What RFC 5321 says, told in the simplest words; slow. */
function plainReading(text: string): { body: string; rest: string | null; isBare: boolean } {
  const end = text.startsWith('.\r\n') ? 0 : text.indexOf('\r\n.\r\n') + 2;
  const isEnded = text.startsWith('.\r\n') || text.includes('\r\n.\r\n');
  const mail = isEnded ? text.slice(0, end) : text;
  const body = mail.replace(/(^|\r\n)\./g, '$1');
  return { body, rest: isEnded ? text.slice(end + 3) : null, isBare: /(?:^|[^\r])\n|\r(?!\n)/.test(mail) };
}

void test('data: any bytes at all are read as RFC 5321 reads them, wherever they break', () => {
  const soup = fc.stringMatching(/^[.\r\na]{0,40}$/).map((text) => `${text}\r\n.\r\n.\r\n\r\n`);
  fc.assert(
    fc.property(soup, places, (text, breaks) => {
      const expected = plainReading(text);
      const { body, rest, scan } = scanChunks(cut(Buffer.from(text), breaks));
      assert.deepEqual({ body, rest, isBare: scan.hasBareLineEnd }, expected);
    }),
    { numRuns: 5000 },
  );
});

void test('data: normalising makes each bare CR and LF a CRLF, and ends where refusing ends', () => {
  const soup = fc.stringMatching(/^[.\r\na]{0,40}$/).map((text) => `${text}\r\n.\r\n`);
  fc.assert(
    fc.property(soup, places, (text, breaks) => {
      const expected = plainReading(text);
      const { body, rest } = scanChunks(cut(Buffer.from(text), breaks), { normalises: true });
      // A dot that is taken out stands between two line ends which it kept apart.
      const parts = text.slice(0, text.length - (expected.rest?.length ?? 0) - 3).split(/\r\n/);
      const normal = parts
        .map((part) => (part.startsWith('.') ? part.slice(1) : part).replace(/[\r\n]/g, '\r\n'))
        .join('\r\n');
      assert.equal(body, normal);
      assert.equal(rest, expected.rest);
      assert.doesNotMatch(body, /(?:^|[^\r])\n|\r(?!\n)/);
    }),
    { numRuns: 5000 },
  );
});

for (const [name, ending] of Object.entries({
  'LF . LF': '\n.\n',
  'LF . CRLF': '\n.\r\n',
  'CRLF . LF': '\r\n.\n',
  'CR . CR': '\r.\r',
  'CR . CRLF': '\r.\r\n',
  'CRLF . CR': '\r\n.\r',
  'CR . LF': '\r.\n',
  'LF . CR': '\n.\r',
  'CRLF . CR CRLF': '\r\n.\r\r\n',
  'CRLF . NUL CRLF': '\r\n.\0\r\n',
  'CRLF . blank CRLF': '\r\n. \r\n',
  'CR CRLF . CRLF LF': '\r\r\n.\n\r\n',
  'LF CR . LF CR': '\n\r.\n\r',
})) {
  void test(`data: ${name} does not end a mail`, () => {
    const { rest } = scanText(`hello${ending}MAIL FROM:<forged@example.org>\r\n`);
    assert.equal(rest, null);
  });
}

void test('data: a line without end is noticed across chunks, a long one that is allowed is not', () => {
  const chunk = Buffer.from('x'.repeat(300));
  assert.equal(scanChunks([chunk, chunk, chunk]).scan.lineTooLong, false);
  assert.equal(scanChunks([chunk, chunk, chunk, chunk]).scan.lineTooLong, true);
  assert.equal(scanText(`${'x'.repeat(900)}\r\n${'x'.repeat(900)}\r\n`).scan.lineTooLong, false);
  assert.equal(scanText(`${'x'.repeat(1100)}\r\n`).scan.lineTooLong, true);
});

void test('data: chunks full of bare line ends take linear time', () => {
  const chunk = Buffer.alloc(64 * 1024, '\n');
  const begun = process.hrtime.bigint();
  for (let i = 0; i < 20; i++) scanChunks([chunk]);
  assert.ok(process.hrtime.bigint() - begun < 3_000_000_000n);
});
