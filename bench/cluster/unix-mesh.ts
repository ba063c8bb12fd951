/**
 * The mesh of a bench: a Unix socket a node, one connection each way between two of them, all lanes on it.
 *
 * It stands for the sockets of the real mesh in what they cost at least: packing, a write and a read a frame. What one
 * has and this has not: TLS, a socket a lane, bounds, back-off. Each node opens the connection that it sends on, so that
 * a peer that was killed refuses each of the others by itself.
 */
import type { Buffer } from 'node:buffer';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Frame, Lane, Transport, TransportEvents } from '../../cluster/mesh/transport.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { FrameReader, packFrame } from './frame-stream.ts';

const redialMs = 100;

export interface UnixMeshOptions {
  readonly self: NodeId;
  readonly members: readonly NodeId[];
  /** Of the sockets; all nodes name the same one. */
  readonly directory: string;
  readonly clock: Clock;
}

/** What was sent. */
export interface Sent {
  readonly frames: number;
  readonly bytes: number;
}

export class UnixMesh implements Transport {
  readonly #o: UnixMeshOptions;
  readonly #server: Server;
  readonly #links = new Map<NodeId, Socket>();
  /** Accepted ones and those that are being opened, too. */
  readonly #sockets = new Set<Socket>();
  #events: TransportEvents | undefined;
  #isClosed = false;
  #frames = 0;
  #bytes = 0;

  constructor(options: UnixMeshOptions) {
    this.#o = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get sent(): Sent {
    return { frames: this.#frames, bytes: this.#bytes };
  }

  /** Settles when peers can connect. */
  async open(): Promise<void> {
    this.#server.listen(this.#path(this.#o.self));
    await once(this.#server, 'listening');
  }

  /** Begins to connect to the others, and goes on until it is closed. */
  dial(): void {
    for (const node of this.#o.members) if (node !== this.#o.self) this.#dial(node);
  }

  close(): void {
    this.#isClosed = true;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  listen(events: TransportEvents): void {
    this.#events = events;
  }

  send(to: NodeId, lane: Lane, frame: Frame): void {
    const socket = this.#links.get(to);
    if (socket === undefined) return;
    const bytes = packFrame(lane, frame);
    this.#frames++;
    this.#bytes += bytes.length;
    socket.write(bytes);
  }

  isLinked(peer: NodeId): boolean {
    return this.#links.has(peer);
  }

  bytesInFlight(peer: NodeId): number {
    return this.#links.get(peer)?.writableLength ?? 0;
  }

  #path(node: NodeId): string {
    return join(this.#o.directory, `${node}.sock`);
  }

  #dial(node: NodeId): void {
    if (this.#isClosed) return;
    const socket = this.#keep(createConnection(this.#path(node)));
    socket.once('connect', () => {
      // Its name comes first, since all that connect to a node look alike to it.
      socket.write(packFrame('control', this.#o.self));
      this.#links.set(node, socket);
      this.#events?.linked(node);
    });
    socket.once('close', () => {
      if (this.#isClosed) return;
      if (this.#links.delete(node)) {
        this.#events?.unlinked(node);
        this.#dial(node);
        return;
      }
      this.#events?.linkRefused?.(node);
      this.#o.clock.after(redialMs, () => this.#dial(node));
    });
  }

  #accept(socket: Socket): void {
    let from: NodeId | undefined;
    const reader = new FrameReader((lane, frame) => {
      if (from === undefined) from = nodeId(frame as string);
      else this.#events?.received(from, lane, frame);
    });
    this.#keep(socket).on('data', (chunk: Buffer) => reader.take(chunk));
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Its end is told by `close`.
    return socket.on('error', () => undefined);
  }
}
