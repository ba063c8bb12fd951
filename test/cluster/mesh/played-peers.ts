/** Peers that a test plays itself, broken or hostile as it likes: one that dials, and one that is dialled. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { formatAddress } from '../../../cluster/mesh/addresses.ts';
import { decodeHandshake, encodeHandshake, type Handshake, type Hello } from '../../../cluster/mesh/hello.ts';
import type { MeshIdentity } from '../../../cluster/mesh/tls.ts';
import type { Frame, Lane } from '../../../cluster/mesh/transport.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';
import { pack, unpack } from '../../../runtime/codec/codec.ts';
import { until } from './until.ts';

/** Whom a played peer dials. */
type Dialled = { readonly address: string };

export const lanes = ['control', 'log', 'bulk'] as const satisfies readonly Lane[];

/** One that is dialled: it takes three lanes, as a node does; what it sends then, the test says. */
export class PlayedServer {
  readonly address: string;
  readonly #sockets: WebSocket[] = [];

  private constructor(peer: PlayedPeer, server: Server) {
    this.address = formatAddress({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    server.on('upgrade', (request, socket, head) => {
      upgrades.handleUpgrade(request, socket, head, (ws) => {
        this.#sockets.push(ws);
        ws.on('error', () => {});
        ws.once('message', (bytes) => {
          const said = decodeHandshake(unpack(bytes as Buffer), 256);
          if (typeof said === 'string' || said.kind !== 'hello') return;
          const { lane, linkId } = said.hello;
          ws.send(pack(encodeHandshake({ kind: 'hello', hello: peer.hello(lane, { linkId }) })));
        });
      });
    });
  }

  static async of(t: TestContext, peer: PlayedPeer): Promise<PlayedServer> {
    const { certificatePem: cert, keyPem: key, caPem: ca } = peer.identity;
    const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const played = new PlayedServer(peer, server);
    t.after(() => {
      server.close();
      for (const ws of played.#sockets) ws.terminate();
    });
    return played;
  }

  /** Below a WebSocket, in the clear. */
  raw(bytes: Uint8Array): void {
    const { _socket: socket } = this.#sockets.at(-1) as unknown as { _socket: Socket };
    socket.write(bytes);
  }
}

/** Who plays `node`, and may be broken or hostile. */
export class PlayedPeer {
  readonly node: NodeId;
  readonly identity: MeshIdentity;
  readonly #sockets: WebSocket[] = [];

  constructor(node: NodeId, identity: MeshIdentity) {
    this.node = node;
    this.identity = identity;
  }

  hello(lane: Lane, of: Partial<Hello> = {}): Hello {
    return {
      protocol: [1, 1],
      features: [],
      clusterId: 'c1',
      generation: 1,
      node: this.node,
      incarnation: 1,
      marks: [{ number: 1, nonce: 'first' }],
      address: '',
      version: '1.2.3',
      linkId: 'link-of-a-test',
      lane,
      ...of,
    };
  }

  /** A socket that has not said anything yet. */
  async socket(to: Dialled): Promise<PlayedSocket> {
    const ws = new WebSocket(`wss://${to.address}/v1/mesh`, {
      ...({
        ca: this.identity.caPem,
        cert: this.identity.certificatePem,
        key: this.identity.keyPem,
        checkServerIdentity: () => undefined,
      } as object),
      perMessageDeflate: false,
    });
    this.#sockets.push(ws);
    const socket = new PlayedSocket(ws);
    await socket.opened;
    return socket;
  }

  /** All three lanes, up to the link. */
  async link(to: Dialled, of: Partial<Hello> = {}): Promise<Record<Lane, PlayedSocket>> {
    const sockets = { control: await this.socket(to), log: await this.socket(to), bulk: await this.socket(to) };
    for (const lane of lanes) sockets[lane].say({ kind: 'hello', hello: this.hello(lane, of) });
    for (const lane of lanes) await sockets[lane].heard(1);
    for (const lane of lanes) sockets[lane].say({ kind: 'ready' });
    return sockets;
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }
}

export class PlayedSocket {
  readonly ws: WebSocket;
  readonly opened: Promise<void>;
  readonly messages: unknown[] = [];
  isClosed = false;
  error: Error | null = null;

  constructor(ws: WebSocket) {
    this.ws = ws;
    this.opened = new Promise((resolve, reject) => {
      ws.once('open', () => resolve());
      ws.once('error', reject);
    });
    ws.on('message', (data) => this.messages.push(unpack(data as Buffer)));
    ws.on('error', (error) => {
      this.error = error;
    });
    ws.on('close', () => {
      this.isClosed = true;
    });
  }

  say(said: Handshake): void {
    this.ws.send(pack(encodeHandshake(said)));
  }

  bytes(bytes: Uint8Array): void {
    this.ws.send(bytes);
  }

  frames(...frames: Frame[]): void {
    this.ws.send(pack(frames));
  }

  async heard(count: number): Promise<void> {
    await until(() => this.messages.length >= count || this.isClosed, `${count} messages`);
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, 'the socket is closed');
  }

  /** What it was refused with; null: it was not. */
  get refusedWith(): string | null {
    for (const message of this.messages) {
      const said = decodeHandshake(message, 256);
      if (typeof said !== 'string' && said.kind === 'refused') return said.refusal.code;
    }
    return null;
  }
}
