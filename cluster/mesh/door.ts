/**
 * The mesh's listeners: mutual TLS, and the one thing that a stranger may do (plan §8).
 *
 * Promises: whoever shows no certificate of this cluster's authority reaches `POST /v1/join` and nothing else, within bounds
 * of size, time and number; nodes get in however many strangers hold a connection open.
 * Leaves to others: what a node says once it is in (`accepting.ts`), whom `join` lets in (`../identity/join-door.ts`).
 */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { errorData } from '../../runtime/base/errors.ts';
import { joinPath, joinRequestBytesMax } from '../identity/join-protocol.ts';
import { formatAddress, type Place } from './addresses.ts';
import { doorRefusals, type LinkRefusal, linkRefusals, meshListenFailed } from './codes.ts';
import { LaneAcceptor, type LaneSocket, meshPath } from './lane-socket.ts';
import type { MeshSettings } from './settings.ts';
import { type MeshIdentity, serverTls } from './tls.ts';

/** Given what was posted, parsed; its body is sent as JSON. */
export type Join = (request: unknown) => Promise<{ readonly status: number; readonly body: unknown }>;

export interface DoorOptions {
  readonly listen: readonly Place[];
  readonly settings: MeshSettings;
  identity(): MeshIdentity;
  /** Null: not now. */
  join(): Join | null;
  accepted(lane: LaneSocket, certificateName: string, address: string): void;
  /** A stranger, by the address that it came from. */
  refused(address: string, refusal: LinkRefusal): void;
  bug(what: string, error: unknown): void;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #acceptor: LaneAcceptor;
  readonly #servers: Server[] = [];
  /** Connections that have shown no certificate, oldest first, by the other end's address and port. */
  readonly #strangers = new Map<string, Socket>();

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#acceptor = new LaneAcceptor(options.settings.messageBytesMax);
  }

  /** @returns where it listens, in the order asked for @throws {OperationError} `meshListenFailed`, and then on none */
  async open(): Promise<readonly Place[]> {
    const places: Place[] = [];
    try {
      for (const place of this.#options.listen) places.push(await this.#listen(place));
    } catch (error) {
      this.close();
      throw error;
    }
    return places;
  }

  /** For new handshakes. */
  identityChanged(): void {
    for (const server of this.#servers) server.setSecureContext(serverTls(this.#options.identity()));
  }

  /** Links that came through here stay. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const socket of this.#strangers.values()) socket.destroy();
    this.#strangers.clear();
  }

  async #listen(place: Place): Promise<Place> {
    const { handshakeMsMax, requestMsMax } = this.#options.settings;
    const server = createServer({
      ...serverTls(this.#options.identity()),
      requestCert: true,
      // A stranger may join: who it is, is looked at below.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMsMax,
      headersTimeout: requestMsMax,
      requestTimeout: requestMsMax,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 8 * 1024,
    });
    server.on('connection', (socket: Socket) => this.#arrived(socket));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('secureConnection', (socket) => this.#shookHands(socket));
    // Scanners, and probes of our own peers.
    server.on('tlsClientError', (_error, socket) => void socket.destroy());
    // No HTTP at all: nothing is owed to whoever sends it.
    server.on('clientError', (_error, socket) => void socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(meshListenFailed(formatAddress(place), error)));
      server.listen({ host: place.host, port: place.port }, resolve);
    });
    // Too many open files, and the like: it passes, and those who wait come again.
    server.on('error', (error) => this.#options.bug('a listener of the mesh', error));
    this.#servers.push(server);
    return { host: place.host, port: (server.address() as AddressInfo).port };
  }

  #arrived(socket: Socket): void {
    const key = endOf(socket);
    this.#strangers.set(key, socket);
    socket.once('close', () => {
      if (this.#strangers.get(key) === socket) this.#strangers.delete(key);
    });
    if (this.#strangers.size <= this.#options.settings.strangersMax) return;
    const [[oldest, its]] = this.#strangers as unknown as [[string, Socket]];
    this.#strangers.delete(oldest);
    its.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Nobody listens for errors of a socket that is no request any more.
    socket.on('error', () => socket.destroy());
    const tls = socket as TLSSocket;
    const name = request.url === meshPath ? certifiedName(tls) : null;
    if (name === null) {
      const address = tls.remoteAddress ?? '';
      const isKnown = Object.keys(tls.getPeerCertificate()).length > 0 || request.url !== meshPath;
      if (!isKnown) this.#options.refused(address, linkRefusals.foreignCertificate(address, 'it shows none'));
      const body = JSON.stringify(doorRefusals.certificateRequired);
      socket.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    const end = endOf(tls);
    this.#strangers.delete(end);
    this.#acceptor.accept(request, socket, head, (lane) => this.#options.accepted(lane, name, end));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isCertified = certifiedName(request.socket as TLSSocket) !== null;
    if (request.method !== 'POST' || request.url !== joinPath) {
      const { certificateRequired, noSuchPlace } = doorRefusals;
      return isCertified ? say(response, 404, noSuchPlace) : say(response, 403, certificateRequired);
    }
    const join = this.#options.join();
    if (join === null) return say(response, 503, doorRefusals.joinClosed);
    try {
      const body = await readBody(request, joinRequestBytesMax);
      if (body === 'gone') return;
      if (body === 'tooLarge') return say(response, 413, doorRefusals.joinTooLarge);
      const asked = parseJson(body);
      if (asked === undefined) return say(response, 400, doorRefusals.joinUnreadable);
      const { status, body: answer } = await join(asked);
      say(response, status, answer);
    } catch (error) {
      // A fault of ours: the joiner may try again, and is told nothing of it.
      this.#options.bug('a join', error);
      say(response, 503, errorData(error));
    }
  }

  /** Who shows a foreign certificate and minds ours as little. A node of another cluster does, and ends by itself before. */
  #shookHands(socket: TLSSocket): void {
    if (socket.authorized || Object.keys(socket.getPeerCertificate()).length === 0) return;
    const why = String(socket.authorizationError);
    const address = socket.remoteAddress ?? '';
    this.#options.refused(address, linkRefusals.foreignCertificate(address, why));
  }
}

/** Null: it has shown none of this cluster's authority. */
function certifiedName(socket: TLSSocket): string | null {
  if (!socket.authorized) return null;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' && name.length > 0 ? name : null;
}

const endOf = (socket: Socket): string => {
  return formatAddress({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
};

function say(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body ?? null));
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | 'tooLarge' | 'gone'> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > bytesMax) return 'tooLarge';
      pieces.push(piece);
    }
  } catch {
    // The joiner has gone away, or was too slow: there is nobody to answer.
    return 'gone';
  }
  return Buffer.concat(pieces);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    // Told in words of ours; `null` is JSON.
    return undefined;
  }
}
