/**
 * Large bodies that peers send in pieces, put together again until what names them has come as well.
 *
 * Pieces and the frame that names them travel on two lanes, so either may be first.
 *
 * Promises: a body is handed on whole and equal to its hash, or not at all; what a peer may fill is bounded; what nobody
 * asks for is gone with the link, or after a minute.
 * Leaves to others: the sending end (`body-sending.ts`).
 */
import { createHash, type Hash } from 'node:crypto';
import type { BodyAttachment } from '../../runtime/actor/actor.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { type ErrorData } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { bodiesBusy, bodyBroken, frameRefused } from './codes.ts';
import type { Piece, StagedBody } from './wire-bodies.ts';

/** Memory that one peer may fill, if not with one body alone. */
const bytesPerPeerMax = 128 * 1024 * 1024;
const transfersPerPeerMax = 1_000;
const bodiesPerTransferMax = 1_000;
/** Without a piece, and without the frame that names it. */
const idleMsMax = 60_000;
const sweepEveryMs = 5_000;

export type Assembled = readonly BodyAttachment[] | ErrorData;

interface Part {
  readonly bytes: Uint8Array;
  readonly hasher: Hash;
  received: number;
  isWhole: boolean;
}

interface Transfer {
  readonly parts: Map<string, Part>;
  bytes: number;
  expiresMs: number;
  /** Why nothing comes of it: told to whoever names it. */
  failure: ErrorData | null;
  wanted: { readonly bodies: readonly StagedBody[]; readonly done: (assembled: Assembled) => void } | null;
}

interface OfPeer {
  readonly transfers: Map<number, Transfer>;
  bytes: number;
}

export class BodyAssembly {
  readonly #clock: Clock;
  readonly #peers = new Map<NodeId, OfPeer>();
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes that are held for a peer. */
  bytesOf(peer: NodeId): number {
    return this.#peers.get(peer)?.bytes ?? 0;
  }

  /** @throws {OperationError} `frameRefused` */
  take(from: NodeId, id: number, { hash, sizeBytes, offset, bytes }: Piece): void {
    const peer = this.#ofPeer(from);
    const transfer = this.#transfer(peer, id);
    if (transfer.failure !== null) return;
    let part = transfer.parts.get(hash);
    if (part === undefined) {
      if (peer.bytes > 0 && peer.bytes + sizeBytes > bytesPerPeerMax)
        return this.#fail(peer, id, transfer, bodiesBusy().data);
      if (transfer.parts.size >= bodiesPerTransferMax) throw frameRefused('a call has too many bodies');
      part = { bytes: new Uint8Array(sizeBytes), hasher: createHash('sha256'), received: 0, isWhole: false };
      transfer.parts.set(hash, part);
      transfer.bytes += sizeBytes;
      peer.bytes += sizeBytes;
    }
    const isNext = sizeBytes === part.bytes.byteLength && offset === part.received && !part.isWhole;
    if (!isNext || offset + bytes.byteLength > sizeBytes) {
      this.#fail(peer, id, transfer, bodyBroken().data);
      throw frameRefused('a piece of a body does not fit to those before it');
    }
    part.bytes.set(bytes, offset);
    part.hasher.update(bytes);
    part.received += bytes.byteLength;
    if (transfer.wanted === null) transfer.expiresMs = this.#clock.monotonicMs() + idleMsMax;
    if (part.received < sizeBytes) return;
    if (part.hasher.digest('base64url') !== hash) return this.#fail(peer, id, transfer, bodyBroken().data);
    part.isWhole = true;
    this.#finish(peer, id, transfer);
  }

  /** @param done once all of them are whole; an error: nothing comes of it; not at all when the link is lost before */
  want(
    from: NodeId,
    id: number,
    of: { readonly bodies: readonly StagedBody[]; readonly timeoutMs: number },
    done: (assembled: Assembled) => void,
  ): void {
    const peer = this.#ofPeer(from);
    const transfer = this.#transfer(peer, id);
    if (transfer.wanted !== null) throw frameRefused('an id is used twice');
    transfer.wanted = { bodies: of.bodies, done };
    transfer.expiresMs = this.#clock.monotonicMs() + of.timeoutMs;
    if (transfer.failure !== null) this.#fail(peer, id, transfer, transfer.failure);
    else this.#finish(peer, id, transfer);
  }

  /** The sender has given it up. */
  dropped(from: NodeId, id: number): void {
    const peer = this.#peers.get(from);
    const transfer = peer?.transfers.get(id);
    if (peer !== undefined && transfer !== undefined) this.#fail(peer, id, transfer, bodyBroken().data);
  }

  unlinked(from: NodeId): void {
    this.#peers.delete(from);
  }

  stop(): void {
    this.#cancelSweep?.();
    this.#peers.clear();
  }

  #ofPeer(from: NodeId): OfPeer {
    let peer = this.#peers.get(from);
    if (peer === undefined) this.#peers.set(from, (peer = { transfers: new Map(), bytes: 0 }));
    return peer;
  }

  #transfer(peer: OfPeer, id: number): Transfer {
    const known = peer.transfers.get(id);
    if (known !== undefined) return known;
    if (peer.transfers.size >= transfersPerPeerMax) throw frameRefused('too many bodies are on their way');
    const expiresMs = this.#clock.monotonicMs() + idleMsMax;
    const transfer: Transfer = { parts: new Map(), bytes: 0, expiresMs, failure: null, wanted: null };
    peer.transfers.set(id, transfer);
    this.#cancelSweep ??= this.#clock.after(sweepEveryMs, () => this.#sweep());
    return transfer;
  }

  #finish(peer: OfPeer, id: number, transfer: Transfer): void {
    const { wanted, parts } = transfer;
    if (wanted === null) return;
    const whole: BodyAttachment[] = [];
    for (const { hash, sizeBytes } of wanted.bodies) {
      const part = parts.get(hash);
      if (part === undefined || !part.isWhole) return;
      if (part.bytes.byteLength !== sizeBytes) return this.#fail(peer, id, transfer, bodyBroken().data);
      whole.push({ hash, bytes: part.bytes });
    }
    this.#free(peer, transfer);
    peer.transfers.delete(id);
    wanted.done(whole);
  }

  /** Its bytes are free; that it failed is kept for who names it, unless he did so already. */
  #fail(peer: OfPeer, id: number, transfer: Transfer, failure: ErrorData): void {
    this.#free(peer, transfer);
    transfer.failure = failure;
    if (transfer.wanted === null) return;
    peer.transfers.delete(id);
    transfer.wanted.done(failure);
  }

  #free(peer: OfPeer, transfer: Transfer): void {
    peer.bytes -= transfer.bytes;
    transfer.bytes = 0;
    transfer.parts.clear();
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    const nowMs = this.#clock.monotonicMs();
    let isAnyLeft = false;
    for (const peer of this.#peers.values()) {
      for (const [id, transfer] of peer.transfers) {
        if (transfer.expiresMs > nowMs) isAnyLeft = true;
        else {
          this.#fail(peer, id, transfer, bodyBroken().data);
          peer.transfers.delete(id);
        }
      }
    }
    if (isAnyLeft) this.#cancelSweep ??= this.#clock.after(sweepEveryMs, () => this.#sweep());
  }
}
