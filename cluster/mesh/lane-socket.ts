/**
 * One WebSocket: the only importer of ws.
 *
 * Promises: after `terminate`, or after `closed`, nobody is called any more; `closed` comes once; a message larger than the
 * bound ends the socket when its head has come, before any of it is kept.
 * Leaves to others: what is in a message, and who may come (`door.ts`).
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { messageRefused } from './codes.ts';

/** Where links are made; the join door is another path. */
export const meshPath = '/v1/mesh';

export interface LaneSocketEvents {
  message(bytes: Uint8Array): void;
  /** A ping came with these words, at most 125 bytes of them. */
  pinged?(words: string): void;
  /** Null: the peer ended it. */
  closed(error: Error | null): void;
}

/** Whoever shows another certificate than asked for. */
export class WrongNameError extends Error {
  readonly shown: string;

  constructor(shown: string) {
    super(`its certificate is for ${shown}`);
    this.shown = shown;
  }
}

const silence: LaneSocketEvents = { message: () => {}, closed: () => {} };

export class LaneSocket {
  readonly #ws: WebSocket;
  #socket: Socket | null;
  #events = silence;
  #isOver = false;

  /** @param socket below it; null while it is being dialled */
  constructor(ws: WebSocket, socket: Socket | null) {
    this.#ws = ws;
    this.#socket = socket;
    ws.on('upgrade', (response: IncomingMessage) => {
      this.#socket = response.socket;
    });
    ws.on('message', (data, isBinary) => {
      if (this.#isOver) return;
      if (isBinary) this.#events.message(data as Buffer);
      else this.#end(messageRefused('a message of text'));
    });
    ws.on('ping', (words: Buffer) => {
      if (!this.#isOver) this.#events.pinged?.(words.toString('latin1'));
    });
    // ws would say goodbye first and wait for an answer: to a peer that sends what cannot be, nothing is owed.
    ws.on('error', (error) => this.#end(error));
    ws.on('close', () => this.#end(null));
  }

  /** Takes over from whoever listened before. */
  listen(events: LaneSocketEvents): void {
    this.#events = events;
  }

  send(bytes: Uint8Array): void {
    if (!this.#isOver) this.#ws.send(bytes);
  }

  /** Bytes that the machine has not taken from us yet. */
  get bytesWaiting(): number {
    return this.#ws.bufferedAmount;
  }

  /** Bytes that have come, messages under way included. */
  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  /** @param words at most 125 characters of ASCII */
  ping(words: string): void {
    if (!this.#isOver) this.#ws.ping(words);
  }

  /** Messages that have come in already may still be told. */
  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /**
   * What was sent before still arrives, if the peer takes it; settles when it is closed, so call `terminate` after a while.
   * Nobody is called any more.
   */
  end(): Promise<void> {
    this.#isOver = true;
    if (this.#ws.readyState === WebSocket.CLOSED) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#ws.once('close', () => resolve()));
    this.#ws.close();
    return closed;
  }

  /** At once; nobody is called any more. */
  terminate(): void {
    this.#isOver = true;
    this.#ws.terminate();
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ws.terminate();
    this.#events.closed(error);
  }
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Own certificate and key, and the authority that the peer's must be of. */
  readonly context: SecureContext;
  /** The peer's certificate must bear it: addresses change, names do not. */
  readonly name: string;
  readonly messageBytesMax: number;
  readonly timeoutMs: number;
}

/** Bytes that a mask of zeros leaves as they are: masks are there for proxies that TLS keeps out anyway. */
const zeroMask = (mask: Buffer): void => void mask.fill(0);

/** Both ends ping: an answer would wait behind a heap of bytes, and ws gives up a socket on which too many wait. */
const laneOptions = { perMessageDeflate: false, skipUTF8Validation: true, autoPong: false } as const;

export function dialLane(options: DialOptions, opened: () => void): LaneSocket {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const tls = {
    secureContext: options.context,
    minVersion: 'TLSv1.3',
    // Not the host's name: whoever is asked for shows its own certificate, wherever it is.
    servername: '',
    checkServerIdentity: (_host: string, certificate: { subject: { CN?: string | string[] } }) => {
      const shown = certificate.subject.CN;
      return shown === options.name ? undefined : new WrongNameError(String(shown));
    },
  };
  const ws = new WebSocket(`wss://${host}:${options.port}${meshPath}`, {
    ...laneOptions,
    ...(tls as object),
    maxPayload: options.messageBytesMax,
    handshakeTimeout: options.timeoutMs,
    generateMask: zeroMask,
  });
  ws.on('open', opened);
  return new LaneSocket(ws, null);
}

/** Makes WebSockets of requests that `door.ts` has looked at. */
export class LaneAcceptor {
  readonly #server: WebSocketServer;

  constructor(messageBytesMax: number) {
    this.#server = new WebSocketServer({
      ...laneOptions,
      noServer: true,
      clientTracking: false,
      maxPayload: messageBytesMax,
    });
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer, accepted: (lane: LaneSocket) => void): void {
    this.#server.handleUpgrade(request, socket, head, (ws) => accepted(new LaneSocket(ws, socket as Socket)));
  }
}
