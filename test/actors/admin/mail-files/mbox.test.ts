import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { headerDateMs, withCrlf, withoutCrlf } from '../../../../actors/admin/mail-files/file-message.ts';
import {
  folderOfMaildir,
  formatMaildirInfo,
  maildirFolder,
  parseMaildirFlags,
} from '../../../../actors/admin/mail-files/maildir.ts';
import { mboxEntry, readMbox } from '../../../../actors/admin/mail-files/mbox.ts';

const lines = fc.array(
  fc.oneof(
    fc.constantFrom(
      'From ',
      '>From x',
      '>>From ',
      'From:',
      '',
      'Status: RO',
      'X-Status: A',
      'X-Keywords: k',
      'x-status:',
    ),
    fc.string({ unit: fc.constantFrom('a', '>', 'F', ' ', 'é', '\t', '\u0000') }),
  ),
  { maxLength: 12 },
);
const message = lines.map((all) => Buffer.from(all.map((line) => `${line}\r\n`).join('')));
const flags = fc.uniqueArray(
  fc.constantFrom('\\Seen', '\\Answered', '\\Flagged', '\\Draft', '\\Deleted', 'later', '$Forwarded'),
);
const facts = fc.record({
  sender: fc.constantFrom('', 'ann@example.org', '"a b"@example.org'),
  dateMs: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
  flags,
});

async function* sliced(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

void test('mbox: what is written is read back, to the byte, with flags and dates, however it is cut into chunks', async () => {
  const written = fc.array(fc.tuple(message, facts), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(written, fc.integer({ min: 1, max: 50 }), async (mails, size) => {
      const file = Buffer.concat(mails.map(([bytes, of]) => mboxEntry(bytes, of)));
      const read = [];
      for await (const one of readMbox(sliced(file, size), 'test.mbox', file.length)) read.push(one);
      assert.deepEqual(
        read.map((one) => [Buffer.from(one.bytes).toString('latin1'), one.dateMs]),
        mails.map(([bytes, of]) => [bytes.toString('latin1'), of.dateMs]),
      );
      for (const [i, [bytes, of]] of mails.entries()) {
        // Without flags of ours, such fields of the mail's own are read as flags: they are what another program wrote.
        if (of.flags.length > 0 || !/^(x-)?(status|keywords)/im.test(bytes.toString('latin1'))) {
          assert.deepEqual(read[i]?.flags, [...of.flags].sort());
        }
      }
    }),
  );
});

void test('mbox: a file that is none is refused by name', async () => {
  const reading = async (): Promise<void> => {
    for await (const _ of readMbox(sliced(Buffer.from('hello\n'), 10), 'x.mbox', 6));
  };
  await assert.rejects(reading, /x\.mbox: an mbox file begins with/);
});

void test('line ends: CRLF is made of LF once, and undone', () => {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  assert.equal(text(withCrlf(Buffer.from('\na\nb\r\nc\r'))), '\r\na\r\nb\r\nc\r');
  assert.equal(text(withoutCrlf(Buffer.from('a\r\nb\rc\n'))), 'a\nb\rc\n');
  const whole = Buffer.from('a\r\n');
  assert.equal(withCrlf(whole), whole);
});

void test('dates: of the topmost Received field, else of Date, else none', () => {
  const date = (header: string): number | null =>
    headerDateMs(Buffer.from(`${header}\r\n\r\nDate: Thu, 1 Jan 1998 00:00:00 +0000\r\n`));
  assert.equal(
    date('Received: from a by b\r\n\tid 1; Thu, 20 Nov 2025 15:03:07 +0100 (CET)\r\nDate: x'),
    1_763_647_387_000,
  );
  assert.equal(date('Date: Thu, 20 Nov 2025 14:03:07 GMT'), 1_763_647_387_000);
  assert.equal(date('Subject: none'), null);
});

void test('Maildir: flags go into a name and come back, in ASCII order', () => {
  assert.equal(formatMaildirInfo(['\\Seen', '\\Draft', '$Forwarded', 'other']), ':2,DPS');
  assert.deepEqual(parseMaildirFlags('1.2.host:2,DPS'), ['$Forwarded', '\\Draft', '\\Seen']);
  assert.deepEqual(parseMaildirFlags('1.2.host'), []);
});

void test('Maildir: any folder name becomes one directory below, and comes back', () => {
  const part = fc.string({ minLength: 1 }).filter((text) => !text.includes('/'));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
      const folder = parts.join('/');
      fc.pre(folder !== 'INBOX');
      const directory = maildirFolder(folder);
      assert.match(directory, /^\.[^.]/s);
      assert.ok(!directory.includes('/') && !directory.includes('\0'));
      assert.equal(folderOfMaildir(directory), folder);
    }),
  );
});
