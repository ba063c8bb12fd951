/**
 * Bodies in frames: small ones inside the frame that names them, large ones in pieces beside it.
 *
 * Leaves to others: whether the bytes are what their hash says (`body-assembly.ts`, and whoever takes those inside).
 */
import type { BodyAttachment } from '../../runtime/actor/actor.ts';
import { Fields } from './fields.ts';

/** A body whose pieces come beside the frame. */
export interface StagedBody {
  readonly hash: string;
  readonly sizeBytes: number;
}

export interface SentBodies {
  readonly inline: readonly BodyAttachment[];
  readonly staged: readonly StagedBody[];
}

/** Bodies of one frame together, and what one piece may hold. */
export const inlineBytesMax = 1024 * 1024;
export const pieceBytes = 256 * 1024;
/** More come from a broken peer. */
export const bodyBytesMax = 2 ** 30;
export const bodiesMax = 1_000;
const nothingSent: SentBodies = { inline: [], staged: [] };
/** Of frames, on both channels: a piece, and that no more of them come. */
export const pieceKind = 4;
export const piecesDroppedKind = 5;

/** Which bodies travel inside the frame: as many as fit. */
export function splitBodies(bodies: readonly BodyAttachment[]): SentBodies {
  if (bodies.length === 0) return nothingSent;
  let left = inlineBytesMax;
  const inline: BodyAttachment[] = [];
  const staged: StagedBody[] = [];
  const seen = new Set<string>();
  for (const { hash, bytes } of bodies) {
    if (seen.has(hash)) continue;
    seen.add(hash);
    if (bytes.byteLength > left) staged.push({ hash, sizeBytes: bytes.byteLength });
    else {
      inline.push({ hash, bytes });
      left -= bytes.byteLength;
    }
  }
  return { inline, staged };
}

export function wireBodies({ inline, staged }: SentBodies): unknown {
  if (inline.length === 0 && staged.length === 0) return null;
  return [...inline.map(({ hash, bytes }) => [hash, bytes]), ...staged.map(({ hash, sizeBytes }) => [hash, sizeBytes])];
}

/** @throws {OperationError} `frameRefused` */
export function decodeBodies(fields: Fields): SentBodies {
  const value = fields.next();
  if (value === null) return nothingSent;
  const inline: BodyAttachment[] = [];
  const staged: StagedBody[] = [];
  for (const item of new Fields([value]).list('bodies', bodiesMax)) {
    const body = new Fields(item);
    const hash = body.hash();
    const is = body.next();
    if (is instanceof Uint8Array) inline.push({ hash, bytes: is });
    else staged.push({ hash, sizeBytes: new Fields([is]).count('size', bodyBytesMax) });
  }
  return { inline, staged };
}

export interface Piece extends StagedBody {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export function pieceFrame(id: number, { hash, sizeBytes, offset, bytes }: Piece): unknown[] {
  return [pieceKind, id, hash, sizeBytes, offset, bytes];
}

/** @throws {OperationError} `frameRefused` */
export function decodePiece(fields: Fields): Piece {
  const hash = fields.hash();
  const sizeBytes = fields.count('size', bodyBytesMax);
  return { hash, sizeBytes, offset: fields.count('offset', bodyBytesMax), bytes: fields.bytes('piece', pieceBytes) };
}
