/**
 * A stand-in for the program whose "nodes" share one directory, so that it is a sound cluster for nothing, and can be told
 * to be wrong: it shows that the drill sees it. It has the words that the drill uses, and no mesh behind its port.
 *
 * `RINGPOST_FAKE` = `early` (answers 0.3 s before it has written), `doubles` (does not know a resend), `lags` (the second node does
 * not show the last mail), `refuses` (550 for one known recipient in forty), `dies` (the third node ends by itself after 100
 * mails) or empty (sound).
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Kept {
  readonly boxes: readonly string[];
  readonly messageId: string;
  readonly body: string;
}

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ data: text, node: text, token: text, to: text, set: { type: 'string', multiple: true } },
    ...{ json: { type: 'boolean' }, raw: { type: 'boolean' }, 'password-stdin': { type: 'boolean' } },
  },
});
const fault = process.env['RINGPOST_FAKE'] ?? '';
const dataDir = values.data ?? '';
const ownPath = join(dataDir, 'own');
const shardCount = 256;

interface Own {
  readonly id: string;
  readonly shared: string;
}

const own = (): Own => JSON.parse(readFileSync(ownPath, 'utf8')) as Own;
const shared = (name: string): string => join(own().shared, name);

function lines<T>(name: string): T[] {
  if (!existsSync(shared(name))) return [];
  const whole = readFileSync(shared(name), 'utf8').split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as T);
}

const append = (name: string, value: unknown): void => appendFileSync(shared(name), `${JSON.stringify(value)}\n`);
const print = (value: unknown): void => void process.stdout.write(JSON.stringify(value));

function makeNode(sharedDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  mkdirSync(sharedDir, { recursive: true });
  writeFileSync(ownPath, JSON.stringify({ id: values.node ?? '', shared: sharedDir } satisfies Own));
  append('nodes', values.node);
}

function isAlive(id: string): boolean {
  try {
    process.kill(Number(readFileSync(shared(`pid-${id}`), 'utf8')), 0);
    return true;
  } catch {
    // Not started yet, or no such process.
    return false;
  }
}

function port(key: string): number {
  const set = values.set?.find((word) => word.startsWith(`${key}=`)) ?? '';
  return Number(set.slice(set.lastIndexOf(':') + 1));
}

function serve(): void {
  writeFileSync(shared(`pid-${own().id}`), String(process.pid));
  createServer(converse).listen(port('smtp.listen'), '127.0.0.1');
  createServer((socket) => void socket.on('error', () => undefined)).listen(port('mesh.listen'), '127.0.0.1');
  createHttpServer((_, answer) => void answer.end()).listen(port('http.listen'), '127.0.0.1');
}

let taken = 0;
let known = 0;

function keep(boxes: readonly string[], mail: string, answer: () => void): void {
  if (fault !== 'early') write(boxes, mail);
  answer();
  if (fault === 'early') setTimeout(() => write(boxes, mail), 300);
  if (fault === 'dies' && own().id === 'n3' && ++taken === 100) process.exit(3);
}

function write(boxes: readonly string[], mail: string): void {
  const messageId = /^Message-ID: (.*)$/m.exec(mail)?.[1]?.trim() ?? '';
  const missing = boxes.filter((box) => fault === 'doubles' || isFirst(`${box} ${messageId}`));
  if (missing.length === 0) return;
  const body = createHash('sha256').update(mail).digest('hex');
  writeFileSync(shared(body), Buffer.from(`Received: by fake\r\n${mail}`, 'latin1'));
  append('mails', { boxes: missing, messageId, body } satisfies Kept);
}

/** Of all processes, one is the first. */
function isFirst(key: string): boolean {
  try {
    writeFileSync(shared(`key-${createHash('sha256').update(key).digest('hex')}`), '', { flag: 'wx' });
    return true;
  } catch {
    // It is there: this is a resend.
    return false;
  }
}

function converse(socket: Socket): void {
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
    keep([...new Set(boxes)], mail, () => say('250 2.0.0 Ok id=1 copies=3/3'));
  }

  function takeLine(line: string): void {
    const verb = line.slice(0, 4);
    if (verb === 'MAIL' || verb === 'RSET') boxes = [];
    if (verb === 'DATA') isData = true;
    if (verb !== 'RCPT') return say(verb === 'DATA' ? '354 go' : '250 ok');
    const box = new Map(lines<[string, string]>('book')).get(line.slice(9, -1));
    if (box === undefined || (fault === 'refuses' && ++known % 40 === 0)) return say('550 5.1.1 unknown');
    boxes.push(box);
    say('250 ok');
  }
}

function listed(box: string): { uid: number; messageId: string }[] {
  const mails = lines<Kept>('mails').filter(({ boxes }) => boxes.includes(box));
  const all = mails.map(({ messageId }, i) => ({ uid: i + 1, messageId }));
  return fault === 'lags' && own().id === 'n2' ? all.slice(0, -1) : all;
}

const [noun = '', verb = '', address = '', uid = ''] = positionals;
switch (`${noun} ${verb}`) {
  case 'init ':
    makeNode(join(dataDir, 'shared'));
    break;
  case 'start ':
    serve();
    break;
  case 'token create':
    process.stdout.write(`${own().shared}\n`);
    break;
  case 'account add':
    append('book', [address, address]);
    print({ mailboxId: address });
    break;
  case 'address add':
    append('book', [address, values.to]);
    break;
  case 'status ':
    print({ pending: 0 });
    break;
  case 'cluster status': {
    const nodes = lines<string>('nodes').map((id) => ({ id, alive: isAlive(id) }));
    print({ nodes, shards: { total: shardCount, served: shardCount, atGoal: shardCount } });
    break;
  }
  case 'cluster leaders': {
    const ids = lines<string>('nodes');
    print(Array.from({ length: shardCount }, (_, shard) => ({ shard, leader: ids[shard % ids.length] })));
    break;
  }
  case 'mailbox show': {
    const mails = lines<Kept>('mails').filter(({ boxes }) => boxes.includes(address));
    process.stdout.write(readFileSync(shared(mails[Number(uid) - 1]?.body ?? '')));
    break;
  }
  case 'mailbox list':
    print(listed(address));
    break;
  default:
    // `join host:port`
    if (noun === 'join') makeNode(values.token ?? '');
}
