/**
 * Bodies that are not on this node, or rotten here: read from the others, piece by piece.
 *
 * Promises: a whole body that is given out is equal to its hash; of a part, each piece was checked by its checksum where
 * it lies. `bodyMissing` is said only when every other member has said so.
 * Leaves to others: bodies that are here (`CoreTarget.readBody`).
 */
import { errorData, OperationError, type ErrorData } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { bodyHash, bodyReadBytesMax } from '../../runtime/store/body-rows.ts';
import type { BodyRange } from '../../runtime/threads/core-target.ts';
import { bodyElsewhere, bodyMissing, frameRefused } from './codes.ts';
import { Fields } from './fields.ts';
import type { PeerCalls, ReceivedCall } from './peer-calls.ts';
import { refusal } from './peer-calls.ts';
import { kind } from './wire.ts';
import { bodyBytesMax } from './wire-bodies.ts';

export interface RemoteBodiesOptions {
  readonly calls: PeerCalls;
  readonly isAlive: (node: NodeId) => boolean;
  /** All others that are in the cluster, linked or not. */
  readonly members: () => readonly NodeId[];
  /** Of this node alone. @throws {OperationError} `bodyMissing`, `bodyDamaged` */
  readonly readHere: (hash: string, range: BodyRange) => Promise<Uint8Array>;
  /** Undefined: it is not here. */
  readonly sizeHere: (hash: string) => number | undefined;
}

const pieceMsMax = 5_000;

export class RemoteBodies {
  readonly #o: RemoteBodiesOptions;

  constructor(options: RemoteBodiesOptions) {
    this.#o = options;
    options.calls.serve(kind.readBody, (call) => this.#serve(call));
  }

  /** @throws {OperationError} `bodyMissing`; `bodyElsewhere`: not on any node that answers */
  async read(hash: string, range: BodyRange | undefined): Promise<Uint8Array> {
    let isMissingEverywhere = true;
    for (const member of this.#inOrder()) {
      const read = await this.#readFrom(member, hash, range);
      if (read instanceof Uint8Array) return read;
      if (read?.code !== 'bodyMissing') isMissingEverywhere = false;
    }
    throw isMissingEverywhere ? bodyMissing(hash) : bodyElsewhere(hash);
  }

  /** Those that answer first. */
  #inOrder(): NodeId[] {
    const { calls, isAlive, members } = this.#o;
    const isOpen = (member: NodeId): boolean => calls.isLinked(member) && isAlive(member);
    return [...members()].sort((a, b) => Number(isOpen(b)) - Number(isOpen(a)));
  }

  /** An error, or null where no answer came or it was not the body. */
  async #readFrom(member: NodeId, hash: string, range: BodyRange | undefined): Promise<Uint8Array | ErrorData | null> {
    if (!this.#o.calls.isLinked(member)) return null;
    const start = range?.offset ?? 0;
    const first = await this.#piece(member, hash, start, Math.min(bodyReadBytesMax, range?.length ?? bodyReadBytesMax));
    if (first === null || 'code' in first) return first;
    const { sizeBytes } = first;
    const end = Math.min(sizeBytes, start + (range?.length ?? sizeBytes));
    const bytes = new Uint8Array(Math.max(0, end - start));
    let piece = first;
    for (let at = 0; at < bytes.byteLength; ) {
      if (piece.sizeBytes !== sizeBytes || piece.bytes.byteLength === 0) return null;
      if (piece.bytes.byteLength > bytes.byteLength - at) return null;
      bytes.set(piece.bytes, at);
      at += piece.bytes.byteLength;
      if (at === bytes.byteLength) break;
      const next = await this.#piece(member, hash, start + at, Math.min(bodyReadBytesMax, bytes.byteLength - at));
      if (next === null || 'code' in next) return next;
      piece = next;
    }
    const isWhole = start === 0 && bytes.byteLength === sizeBytes;
    return isWhole && bodyHash(bytes) !== hash ? null : bytes;
  }

  #piece(member: NodeId, hash: string, offset: number, length: number): Promise<PieceRead | ErrorData | null> {
    return new Promise((resolve) => {
      this.#o.calls.call(member, kind.readBody, [hash, offset, length], pieceMsMax, (ending) => {
        if (ending.kind !== 'answered') return resolve(null);
        const { outcome } = ending.value;
        if (!outcome.ok) return resolve(outcome.error);
        resolve(pieceOf(outcome.answer));
      });
    });
  }

  #serve({ fields, reply }: ReceivedCall): void {
    const hash = fields.hash();
    const offset = fields.count('offset', bodyBytesMax);
    const length = fields.count('length', bodyReadBytesMax);
    const sizeBytes = this.#o.sizeHere(hash);
    if (sizeBytes === undefined) return reply(refusal(bodyMissing(hash)));
    this.#o.readHere(hash, { offset, length }).then(
      (bytes) => reply({ outcome: { ok: true, answer: [sizeBytes, bytes] }, hint: null, doubt: 'none' }, 'bulk'),
      (error: unknown) => {
        // The asker tries another node. Anything but an operating error is a bug, which must not pass unseen.
        reply(refusal(error));
        if (!(error instanceof OperationError)) throw error;
      },
    );
  }
}

interface PieceRead {
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

function pieceOf(answer: unknown): PieceRead | ErrorData {
  try {
    const fields = new Fields(answer);
    return { sizeBytes: fields.count('size', bodyBytesMax), bytes: fields.bytes('piece', bodyReadBytesMax) };
  } catch (error) {
    // A broken peer: the next one is asked.
    return errorData(error instanceof OperationError ? error : frameRefused('it is no piece of a body'));
  }
}
