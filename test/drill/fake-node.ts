/**
 * A stand-in for the program that keeps mails in a file and can be told to be wrong: it shows that the drill sees it.
 *
 * `RINGPOST_FAKE` = `early` (answers before it has written), `doubles` (does not know a resend), `lies` (takes one mail in
 * fifty for nothing) or empty (sound).
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Mail {
  readonly boxes: readonly string[];
  readonly messageId: string;
  readonly bytes: Buffer;
}

/** A line of the index; the bytes are in a file of their own. */
interface Kept {
  readonly boxes: readonly string[];
  readonly messageId: string;
  readonly at: number;
  readonly size: number;
}

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: text,
    to: text,
    set: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    raw: { type: 'boolean' },
    'password-stdin': { type: 'boolean' },
  },
});
const dataDir = values.data ?? '';
const mailsPath = join(dataDir, 'mails');
const bodiesPath = join(dataDir, 'bodies');
const bookPath = join(dataDir, 'book');
const fault = process.env['RINGPOST_FAKE'] ?? '';

/** The last line may be cut off by a kill. */
function lines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const whole = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as T);
}

function setting(key: string): number {
  const set = values.set?.find((word) => word.startsWith(`${key}=`)) ?? '';
  return Number(set.slice(set.lastIndexOf(':') + 1));
}

function serve(): void {
  // Cut off what a kill left of the last line.
  writeFileSync(
    mailsPath,
    lines(mailsPath)
      .map((mail) => `${JSON.stringify(mail)}\n`)
      .join(''),
  );
  const known = new Set(lines<Kept>(mailsPath).map((mail) => mail.messageId));
  let at = existsSync(bodiesPath) ? statSync(bodiesPath).size : 0;
  let count = 0;
  createServer((socket) => converse(socket, keep)).listen(setting('smtp.listen'), '127.0.0.1');
  createHttpServer((_, answer) => void answer.end()).listen(setting('http.listen'), '127.0.0.1');

  function keep(mail: Mail, answer: () => void): void {
    if (fault === 'lies' && ++count % 50 === 0) return answer();
    if (fault !== 'early') write(mail);
    answer();
    if (fault === 'early') setTimeout(() => write(mail), 1);
  }

  function write({ boxes, messageId, bytes }: Mail): void {
    if (known.has(messageId) && fault !== 'doubles') return;
    known.add(messageId);
    appendFileSync(bodiesPath, bytes);
    const kept: Kept = { boxes, messageId, at, size: bytes.length };
    appendFileSync(mailsPath, `${JSON.stringify(kept)}\n`);
    at += bytes.length;
  }
}

function converse(socket: Socket, keep: (mail: Mail, answer: () => void) => void): void {
  let input = '';
  let boxes: string[] = [];
  let isData = false;
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  say('220 fake');
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    input += chunk.toString('latin1');
    for (;;) {
      const end = isData ? input.indexOf('\r\n.\r\n') : input.indexOf('\r\n');
      if (end < 0) return;
      const part = input.slice(0, end + 2);
      input = input.slice(end + (isData ? 5 : 2));
      if (isData) takeData(part.replaceAll('\r\n.', '\r\n'));
      else takeLine(part.trim());
    }
  });

  function takeData(mail: string): void {
    isData = false;
    const messageId = /^Message-ID: (.*)$/m.exec(mail)?.[1]?.trim() ?? '';
    const bytes = Buffer.from(`Received: by fake\r\n${mail}`, 'latin1');
    keep({ boxes: [...new Set(boxes)], messageId, bytes }, () => say('250 2.0.0 Ok id=1 copies=1/1'));
  }

  function takeLine(line: string): void {
    const verb = line.slice(0, 4);
    if (verb === 'MAIL' || verb === 'RSET') boxes = [];
    if (verb === 'DATA') isData = true;
    if (verb !== 'RCPT') return say(verb === 'DATA' ? '354 go' : '250 ok');
    const box = new Map(lines<[string, string]>(bookPath)).get(line.slice(9, -1));
    if (box === undefined) return say('550 5.1.1 unknown');
    boxes.push(box);
    say('250 ok');
  }
}

function book(address: string, box: string): void {
  mkdirSync(dataDir, { recursive: true });
  appendFileSync(bookPath, `${JSON.stringify([address, box])}\n`);
}

const [noun = '', verb = '', address = '', uid = ''] = positionals;
const mailsOf = (box: string): Kept[] => lines<Kept>(mailsPath).filter((mail) => mail.boxes.includes(box));
function bodyOf(kept: Kept | undefined): Buffer {
  const bytes = Buffer.alloc(kept?.size ?? 0);
  readSync(openSync(bodiesPath, 'r'), bytes, 0, bytes.length, kept?.at ?? 0);
  return bytes;
}

switch (noun) {
  case 'quickstart':
    book(verb, verb);
    serve();
    process.stdout.write(`Mail for ${verb} is taken\n`);
    break;
  case 'start':
    serve();
    break;
  case 'account':
    book(address, address);
    break;
  case 'address':
    book(address, values.to ?? '');
    break;
  case 'status':
    process.stdout.write('{"pending": 0}');
    break;
  case 'mailbox':
    if (verb === 'show') process.stdout.write(bodyOf(mailsOf(address)[Number(uid) - 1]));
    else process.stdout.write(JSON.stringify(mailsOf(address).map(({ messageId }, i) => ({ uid: i + 1, messageId }))));
    break;
}
