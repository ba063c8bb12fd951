/**
 * Gathers the bytes of one mail and accounts for them in the edge's common budget.
 *
 * Promises: each byte of a body that came in large chunks is copied once, into a buffer of its own; memory stays within
 * twice the body's size however small the client's packets are; nothing is kept of a mail that will be refused.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import type { DataSink } from './data-scan.ts';

/** Bytes of mail that all sessions of an edge hold together. */
export interface MemoryBudget {
  usedBytes: number;
  readonly bytesMax: number;
}

export interface CollectedBody {
  /** Over an ArrayBuffer of its own, so that it can be handed to the core's thread without a copy. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 in base64url. */
  readonly hash: string;
}

/** A smaller piece is copied behind the one before it, since a Buffer of its own costs more than its bytes. */
const keptPieceBytesMin = 4096;
const blockBytes = 16 * 1024;
/** Above it the hash is computed as the bytes come in, so that a large mail does not stall the loop at its end. */
const hashedAtOnceBytesMax = 256 * 1024;

export class BodyCollector implements DataSink {
  sizeBytes = 0;
  /** Why the bytes are no longer kept; null while they are. */
  dropped: 'tooBig' | 'memoryFull' | 'unwanted' | null = null;
  readonly #bytesMax: number;
  readonly #budget: MemoryBudget;
  #pieces: Buffer[] = [];
  #block: Buffer | null = null;
  #blockFrom = 0;
  #blockUsed = 0;
  #heldBytes = 0;
  #hash: Hash | null = null;

  constructor(bytesMax: number, budget: MemoryBudget) {
    this.#bytesMax = bytesMax;
    this.#budget = budget;
  }

  take(bytes: Buffer, from: number, to: number): void {
    const count = to - from;
    this.sizeBytes += count;
    if (this.dropped !== null) return;
    if (this.sizeBytes > this.#bytesMax) return this.drop('tooBig');
    if (this.#budget.usedBytes + count > this.#budget.bytesMax) return this.drop('memoryFull');
    this.#budget.usedBytes += count;
    this.#heldBytes += count;
    // Offset 0 of the first piece: a mail that came in one chunk is kept as it is until its one copy.
    if (count >= keptPieceBytesMin || this.#pieces.length === 0) {
      this.#closeBlock();
      this.#pieces.push(bytes.subarray(from, to));
    } else {
      this.#append(bytes, from, to);
    }
    if (this.sizeBytes > hashedAtOnceBytesMax) this.#hashOn(bytes, from, to);
  }

  /** Forgets the bytes and takes no more; they are still counted, to know when enough is enough. */
  drop(why: 'tooBig' | 'memoryFull' | 'unwanted'): void {
    this.dropped ??= why;
    this.#pieces = [];
    this.#block = null;
    this.release();
  }

  /** Gives the bytes back to the budget: once the mail is committed or refused. */
  release(): void {
    this.#budget.usedBytes -= this.#heldBytes;
    this.#heldBytes = 0;
  }

  finish(): CollectedBody {
    this.#closeBlock();
    const bytes = Buffer.allocUnsafeSlow(this.sizeBytes);
    let at = 0;
    for (const piece of this.#pieces) at += piece.copy(bytes, at);
    this.#pieces = [];
    this.#block = null;
    return { bytes, hash: this.#hash?.digest('base64url') ?? hash('sha256', bytes, 'base64url') };
  }

  #append(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#block === null || this.#blockUsed === this.#block.length) {
        this.#closeBlock();
        this.#block = Buffer.allocUnsafeSlow(blockBytes);
        this.#blockFrom = 0;
        this.#blockUsed = 0;
      }
      const copied = bytes.copy(this.#block, this.#blockUsed, at, to);
      this.#blockUsed += copied;
      at += copied;
    }
  }

  #closeBlock(): void {
    if (this.#block === null || this.#blockUsed === this.#blockFrom) return;
    this.#pieces.push(this.#block.subarray(this.#blockFrom, this.#blockUsed));
    this.#blockFrom = this.#blockUsed;
  }

  #hashOn(bytes: Buffer, from: number, to: number): void {
    if (this.#hash === null) {
      this.#hash = createHash('sha256');
      this.#closeBlock();
      for (const piece of this.#pieces) this.#hash.update(piece);
      return;
    }
    this.#hash.update(bytes.subarray(from, to));
  }
}
