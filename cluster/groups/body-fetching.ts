/**
 * Bodies that an entry or a copied row names and that are not here: asked of a peer, piece by piece.
 *
 *     wanted ──> bodiesWanted [hash, offset]… ──> peer reads up to 4 MiB ──> bodies ──> staged, durable ──> the next ask
 *
 * Who lacks them asks, on a lane of its own; so a large body is pulled while the leader's own disk takes it, is asked for
 * once more from where it stood after a broken link, and needs no state at the sender.
 *
 * Promises: one ask at a time to a peer, so that its answers fit in memory; `arrived` is called when something is here, or
 * when nobody who was named has it.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { RottenRowError } from '../../runtime/codec/row.ts';
import { bodyInfo, bodyReadBytesMax, chunkBytesMax, readBody } from '../../runtime/store/body-rows.ts';
import type { ReadableStore } from '../../runtime/store/layered-store.ts';
import { type BodyStaging, pieceBytesMax } from './body-staging.ts';
import type { Gathering } from './gathering.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import { type BodyPiece, encodeHost } from './wire.ts';

/** Without an answer, asked again. */
const askedMsMax = 5_000;
/** Hashes in one ask. */
const askedMax = 1_000;

interface Peer {
  readonly wanted: Set<string>;
  isAsked: boolean;
  cancel: (() => void) | undefined;
}

export interface BodyFetchingOptions {
  readonly store: ReadableStore;
  readonly staging: BodyStaging;
  readonly gathering: Gathering;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  /** Their entries may bring what is not in the tree yet. */
  readonly groups: readonly HostedGroup[];
  /** A body is whole, or nobody can give it. */
  readonly arrived: (hash: string, isHere: boolean) => void;
  /** Something is to be sent or written. */
  readonly wake: () => void;
}

export class BodyFetching {
  readonly #o: BodyFetchingOptions;
  readonly #peers = new Map<NodeId, Peer>();
  /** Who is asked next when a peer has it not. */
  readonly #others = new Map<string, NodeId[]>();

  constructor(options: BodyFetchingOptions) {
    this.#o = options;
  }

  /** @param others who may have them, too: asked one after another when `from` has not, since its disk may be rotten */
  want(from: NodeId, hashes: readonly string[], others: readonly NodeId[]): void {
    for (const hash of hashes) this.#others.set(hash, [...others]);
    this.#want(from, hashes);
  }

  #want(from: NodeId, hashes: readonly string[]): void {
    let peer = this.#peers.get(from);
    if (peer === undefined) {
      peer = { wanted: new Set(), isAsked: false, cancel: undefined };
      this.#peers.set(from, peer);
    }
    for (const hash of hashes) peer.wanted.add(hash);
    this.#ask(from, peer);
  }

  /** What was on its way is lost. */
  linked(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    peer.isAsked = false;
    this.#ask(node, peer);
  }

  /** @returns what is asked for, as far as it fits into one frame */
  piecesFor(wanted: readonly (readonly [hash: string, offset: number])[]): readonly BodyPiece[] {
    const pieces: BodyPiece[] = [];
    let room = pieceBytesMax;
    for (const [hash, offset] of wanted) {
      if (room < bodyReadBytesMax && pieces.length > 0) break;
      const piece = this.#piece(hash, offset, room);
      pieces.push(piece);
      room -= piece.bytes.byteLength;
    }
    return pieces;
  }

  received(from: NodeId, pieces: readonly BodyPiece[]): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) return;
    const { staging, gathering, arrived } = this.#o;
    for (const piece of pieces) {
      if (!peer.wanted.has(piece.hash)) continue;
      if (piece.size === -1) {
        peer.wanted.delete(piece.hash);
        this.#notThere(piece.hash);
        continue;
      }
      staging.take(piece);
      if (!staging.isWhole(piece.hash)) continue;
      peer.wanted.delete(piece.hash);
      this.#others.delete(piece.hash);
      arrived(piece.hash, true);
    }
    // Not before it is durable: so a slow disk slows the sender.
    gathering.whenDurable(() => {
      peer.isAsked = false;
      this.#ask(from, peer);
    });
  }

  #notThere(hash: string): void {
    const next = this.#others.get(hash)?.shift();
    if (next !== undefined) {
      this.#want(next, [hash]);
      return;
    }
    this.#others.delete(hash);
    this.#o.arrived(hash, false);
  }

  stop(): void {
    for (const { cancel } of this.#peers.values()) cancel?.();
  }

  #ask(to: NodeId, peer: Peer): void {
    if (peer.isAsked || peer.wanted.size === 0) return;
    const { staging, outgoing, clock, wake } = this.#o;
    const wanted: (readonly [string, number])[] = [];
    for (const hash of peer.wanted) {
      if (wanted.length >= askedMax) break;
      wanted.push([hash, staging.received(hash)]);
    }
    peer.isAsked = true;
    outgoing.send(to, 'bulk', encodeHost(0, { kind: 'bodiesWanted', wanted }), 64 * wanted.length);
    peer.cancel?.();
    peer.cancel = clock.after(askedMsMax, () => {
      peer.cancel = undefined;
      if (!peer.isAsked) return;
      peer.isAsked = false;
      this.#ask(to, peer);
    });
    wake();
  }

  #piece(hash: string, offset: number, room: number): BodyPiece {
    const { store, groups } = this.#o;
    const whole = broughtBody(groups, hash);
    if (whole !== undefined) {
      const bytes = whole.subarray(offset, offset + pieceLength(whole.byteLength - offset, room));
      return { hash, size: whole.byteLength, offset, bytes };
    }
    try {
      return storedPiece(store, hash, offset, room) ?? notHere(hash);
    } catch (error) {
      // Another replica has to give it; who serves a mail from here finds the damage, too.
      if (error instanceof RottenRowError || error instanceof OperationError) return notHere(hash);
      throw error;
    }
  }
}

const notHere = (hash: string): BodyPiece => ({ hash, size: -1, offset: 0, bytes: new Uint8Array(0) });

/** @throws {RottenRowError} */
function storedPiece(store: ReadableStore, hash: string, offset: number, room: number): BodyPiece | undefined {
  const info = bodyInfo(store, hash);
  if (info === undefined || offset > info.sizeBytes) return undefined;
  const length = pieceLength(info.sizeBytes - offset, room);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < length; at += bodyReadBytesMax) {
    const part = readBody(store, hash, { offset: offset + at, length: Math.min(bodyReadBytesMax, length - at) }, info);
    if (part !== undefined) parts.push(part);
  }
  return { hash, size: info.sizeBytes, offset, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) };
}

/** All of the rest, or whole rows of it. */
function pieceLength(rest: number, room: number): number {
  if (rest <= room) return Math.max(0, rest);
  return Math.min(pieceBytesMax, Math.floor(room / chunkBytesMax) * chunkBytesMax);
}

/** Of an entry that is not applied yet. Rare: a follower lacks a large body that has just come. */
function broughtBody(groups: readonly HostedGroup[], hash: string): Uint8Array | undefined {
  for (const group of groups) {
    for (const { payload } of group.notApplied) {
      const body = payload?.bodies.find((of) => of.hash === hash);
      if (body !== undefined) return body.bytes;
    }
  }
  return undefined;
}
