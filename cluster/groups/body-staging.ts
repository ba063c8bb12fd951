/**
 * Bodies that are here before anybody names them: whole ones that an entry will claim, and parts of large ones.
 *
 * A body's bytes go into the tree at once, under a number of their own, so that claiming it later writes its head alone.
 * `['u', hash]` says that they are nobody's yet: after a restart, or when nobody claims them in time, they go again.
 *
 * Promises: a body is whole and equal to its hash before it can be claimed; one piece is durable before the next is asked
 * for (`body-fetching.ts`).
 */
import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Clock } from '../../runtime/base/clock.ts';
import { encodeRow, decodeRow } from '../../runtime/codec/row.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import { bodyKey, chunkBytesMax } from '../../runtime/store/body-rows.ts';
import { below, keyspace, type RowKey, rowKey } from '../../runtime/store/keys.ts';
import type { ReadableStore } from '../../runtime/store/layered-store.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import type { Gathering } from './gathering.ts';
import type { BodyPiece } from './wire.ts';

/** Bytes of one piece: whole rows, and below 4 MiB. */
export const pieceBytesMax = 64 * chunkBytesMax;
/** A body that nobody claims goes after this. */
const stagedMsMax = 600_000;
/** More come from a broken peer. */
const bodyBytesMax = 2 ** 30;

interface Staged {
  readonly number: number;
  readonly size: number;
  readonly sums: number[];
  readonly hash: Hash;
  received: number;
  isWhole: boolean;
  /** When the last piece came. */
  atMs: number;
}

export interface BodyStagingOptions {
  readonly tree: ReadableStore;
  readonly bodies: BodyTracker;
  readonly gathering: Gathering;
  readonly clock: Clock;
  /** Something is to be written. */
  readonly wake: () => void;
}

export class BodyStaging {
  readonly #o: BodyStagingOptions;
  readonly #staged = new Map<string, Staged>();
  #cancel: (() => void) | undefined;

  constructor(options: BodyStagingOptions) {
    this.#o = options;
  }

  get count(): number {
    return this.#staged.size;
  }

  isWhole(hash: string): boolean {
    return this.#staged.get(hash)?.isWhole ?? false;
  }

  /** Bytes of it that are here. */
  received(hash: string): number {
    return this.#staged.get(hash)?.received ?? 0;
  }

  /** False: it does not fit to what is here, or is no piece of that body. */
  take({ hash, size, offset, bytes }: BodyPiece): boolean {
    const { bodies, gathering, clock } = this.#o;
    let staged = this.#staged.get(hash);
    if (staged === undefined) {
      if (offset !== 0 || size > bodyBytesMax) return false;
      const hasher = createHash('sha256');
      staged = { number: bodies.reserve(), size, sums: [], hash: hasher, received: 0, isWhole: false, atMs: 0 };
      this.#staged.set(hash, staged);
      this.#expireLater();
      gathering.direct({ key: stagedKey(hash), value: encodeRow(1, [staged.number, size]) });
    }
    if (staged.isWhole || offset !== staged.received || size !== staged.size) return false;
    const end = offset + bytes.byteLength;
    const isLast = end === size;
    if (end > size || (!isLast && (bytes.byteLength === 0 || bytes.byteLength % chunkBytesMax !== 0))) return false;
    for (let at = 0; at < bytes.byteLength; at += chunkBytesMax) {
      const value = bytes.subarray(at, at + chunkBytesMax);
      gathering.direct({ key: bodyKey(staged.number, staged.sums.length), value });
      staged.sums.push(crc32(value));
    }
    staged.hash.update(bytes);
    staged.received = end;
    staged.atMs = clock.monotonicMs();
    if (!isLast) return true;
    if (staged.hash.digest('base64url') === hash) {
      staged.isWhole = true;
      return true;
    }
    this.#drop(hash, staged);
    return false;
  }

  /** An entry or a reference that is being written names it: from now on it is a body as any other. */
  claim(hash: string): StoreOp[] {
    const staged = this.#staged.get(hash);
    if (staged === undefined || !staged.isWhole) return [];
    const { bodies } = this.#o;
    if (bodies.has(hash)) {
      this.#drop(hash, staged);
      return [];
    }
    this.#staged.delete(hash);
    const { number, size, sums } = staged;
    return [{ key: stagedKey(hash), value: null }, ...bodies.attachReserved(hash, number, size, sums)];
  }

  stop(): void {
    this.#cancel?.();
  }

  /** What nobody claimed in time goes. One timer, however many there are. */
  #expireLater(): void {
    const { clock, wake } = this.#o;
    this.#cancel ??= clock.after(stagedMsMax, () => {
      this.#cancel = undefined;
      const beforeMs = clock.monotonicMs() - stagedMsMax;
      for (const [hash, staged] of this.#staged) if (staged.atMs <= beforeMs) this.#drop(hash, staged);
      if (this.#staged.size > 0) this.#expireLater();
      wake();
    });
  }

  /** What an earlier life left goes: who needs it asks again. */
  recover(): void {
    const { tree, gathering } = this.#o;
    for (const { key, value } of tree.range({ ...below(rowKey([keyspace.staged])), limit: 10_000 })) {
      const [number, size] = decodeRow(value).value as [number, number];
      gathering.direct({ key, value: null });
      this.#deleteRows(number, size);
    }
  }

  #drop(hash: string, { number, size }: Staged): void {
    this.#staged.delete(hash);
    this.#o.gathering.direct({ key: stagedKey(hash), value: null });
    this.#deleteRows(number, size);
  }

  #deleteRows(number: number, size: number): void {
    for (let chunk = 0; chunk * chunkBytesMax < size; chunk++) {
      this.#o.gathering.direct({ key: bodyKey(number, chunk), value: null });
    }
  }
}

const stagedKey = (hash: string): RowKey => rowKey([keyspace.staged, hash]);
