/**
 * A remote SMTP server of which a test says what it does at each verb.
 *
 *     const remote = await startRemote({ RCPT: ['451 4.7.1 come back', '250 ok'] });
 *
 * What a table does not name is answered as a good server would. Of a list, each time the next; the last one stays.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { CertificatePem } from '../../runtime/threads/control-channel.ts';

export type RemoteVerb =
  | 'CONNECT'
  | 'EHLO'
  | 'HELO'
  | 'STARTTLS'
  /** The handshake itself. */
  | 'TLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  /** The first bytes of a mail. */
  | 'BODY'
  /** The final dot. */
  | 'DOT'
  | 'RSET'
  | 'QUIT';

/** A reply without its last CRLF; `DROP`: the connection ends; `HANG`: nothing is said; or whatever the test wants. */
export type Behaviour = string | ((socket: Socket, line: string) => void);
export type RemoteScript = Partial<Record<RemoteVerb, Behaviour | readonly Behaviour[]>>;

/** Goes on without a word. */
const nothing = '2';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As on the wire, without the final dot. */
  readonly wire: Buffer;
  readonly isSecure: boolean;
}

export interface RemoteOptions {
  readonly ip?: string;
  readonly port?: number;
  readonly extensions?: readonly string[];
  readonly certificate?: CertificatePem;
}

export const usualExtensions = ['PIPELINING', 'SIZE 10000000', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'];

export class Remote {
  readonly #server: Server;
  readonly #script: RemoteScript;
  readonly #options: RemoteOptions;
  readonly #used = new Map<RemoteVerb, number>();
  readonly #sockets = new Set<Socket>();
  /** Mails whose dot was answered with 250. */
  readonly mails: ReceivedMail[] = [];
  /** All command lines, of all connections. */
  readonly lines: string[] = [];
  connections = 0;
  /** Connections that are open now, and the most there ever were. */
  open = 0;
  openMost = 0;

  constructor(script: RemoteScript, options: RemoteOptions) {
    this.#script = script;
    this.#options = options;
    this.#server = createServer((socket) => this.#begin(socket));
  }

  async listen(): Promise<void> {
    const { ip = '127.0.0.1', port = 0 } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, ip, resolve);
    });
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #begin(socket: Socket): void {
    this.connections++;
    this.open++;
    this.openMost = Math.max(this.openMost, this.open);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.open--;
      this.#sockets.delete(socket);
    });
    socket.setNoDelay(true);
    new Conversation(this, socket, false).start();
    this.act(socket, 'CONNECT', '', '220 remote.example ESMTP');
  }

  /** Does what the script says. True when it was the usual, positive thing. */
  act(socket: Socket, verb: RemoteVerb, line: string, usual: string): boolean {
    const count = this.#used.get(verb) ?? 0;
    this.#used.set(verb, count + 1);
    const scripted = this.#script[verb];
    const all = (typeof scripted === 'object' ? scripted : [scripted]) as readonly (Behaviour | undefined)[];
    const chosen = all[Math.min(count, all.length - 1)] ?? usual;
    if (typeof chosen === 'function') chosen(socket, line);
    else if (chosen === 'DROP') socket.destroy();
    else if (chosen !== 'HANG' && chosen !== nothing) socket.write(`${chosen}\r\n`);
    return typeof chosen === 'string' && /^[23]/.test(chosen);
  }

  get extensions(): readonly string[] {
    return this.#options.extensions ?? usualExtensions;
  }

  get certificate(): CertificatePem | undefined {
    return this.#options.certificate;
  }
}

class Conversation {
  readonly #remote: Remote;
  readonly #socket: Socket;
  readonly #isSecure: boolean;
  #buffered = Buffer.alloc(0);
  #isData = false;
  #hasBody = false;
  #from = '';
  #to: string[] = [];
  readonly #listener = (chunk: Buffer): void => this.#take(chunk);

  constructor(remote: Remote, socket: Socket, isSecure: boolean) {
    this.#remote = remote;
    this.#socket = socket;
    this.#isSecure = isSecure;
  }

  start(): void {
    this.#socket.on('data', this.#listener);
  }

  #take(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    for (;;) {
      if (this.#isData) {
        if (!this.#takeBody()) return;
        continue;
      }
      const end = this.#buffered.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#buffered.toString('utf8', 0, end);
      this.#buffered = this.#buffered.subarray(end + 2);
      this.#command(line);
    }
  }

  #takeBody(): boolean {
    if (!this.#hasBody && this.#buffered.length > 0) {
      this.#hasBody = true;
      this.#remote.act(this.#socket, 'BODY', '', nothing);
    }
    const isEmpty = this.#buffered.subarray(0, 3).equals(Buffer.from('.\r\n'));
    const end = isEmpty ? -2 : this.#buffered.indexOf('\r\n.\r\n');
    if (end === -1) return false;
    const wire = Buffer.from(this.#buffered.subarray(0, end + 2));
    this.#buffered = this.#buffered.subarray(end + 5);
    this.#isData = false;
    if (this.#remote.act(this.#socket, 'DOT', '', '250 2.0.0 taken')) {
      this.#remote.mails.push({ from: this.#from, to: this.#to, wire, isSecure: this.#isSecure });
    }
    return true;
  }

  #command(line: string): void {
    const remote = this.#remote;
    const socket = this.#socket;
    remote.lines.push(line);
    const verb = line.split(/[ :]/)[0]!.toUpperCase();
    switch (verb) {
      case 'EHLO': {
        const offers = [...remote.extensions];
        if (remote.certificate !== undefined && !this.#isSecure) offers.push('STARTTLS');
        const all = ['remote.example', ...offers];
        const reply = all.map((each, at) => `250${at === all.length - 1 ? ' ' : '-'}${each}`).join('\r\n');
        return void remote.act(socket, 'EHLO', line, reply);
      }
      case 'HELO':
        return void remote.act(socket, 'HELO', line, '250 remote.example');
      case 'STARTTLS':
        if (remote.certificate === undefined) socket.write('502 5.5.1 not here\r\n');
        else if (remote.act(socket, 'STARTTLS', line, '220 go ahead')) this.#secure();
        return;
      case 'AUTH':
        return void remote.act(socket, 'AUTH', line, '235 2.7.0 welcome');
      case 'MAIL':
        this.#to = [];
        if (remote.act(socket, 'MAIL', line, '250 2.1.0 ok')) this.#from = line;
        return;
      case 'RCPT':
        if (remote.act(socket, 'RCPT', line, '250 2.1.5 ok')) this.#to.push(line);
        return;
      case 'DATA':
        this.#isData = remote.act(socket, 'DATA', line, this.#to.length > 0 ? '354 go' : '554 5.5.1 no recipients');
        this.#hasBody = false;
        return;
      case 'RSET':
        this.#to = [];
        return void remote.act(socket, 'RSET', line, '250 2.0.0 ok');
      case 'QUIT':
        remote.act(socket, 'QUIT', line, '221 2.0.0 bye');
        socket.end();
        return;
      default:
        socket.write('500 5.5.1 what?\r\n');
    }
  }

  #secure(): void {
    const { certificate, key } = this.#remote.certificate!;
    this.#socket.off('data', this.#listener);
    const isUsual = this.#remote.act(this.#socket, 'TLS', '', nothing);
    if (!isUsual) return;
    const secured = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: createSecureContext({ cert: certificate, key }),
    });
    secured.on('error', () => {});
    new Conversation(this.#remote, secured, true).start();
  }
}

/** Stop it at the end of the test. */
export async function startRemote(script: RemoteScript = {}, options: RemoteOptions = {}): Promise<Remote> {
  const remote = new Remote(script, options);
  await remote.listen();
  return remote;
}
