/**
 * Where the bytes of a body come from when they are sent: memory (a command's), or this node's store (a notice's).
 *
 * Leaves to others: the sending itself (`body-sending.ts`).
 */
import type { BodyAttachment } from '../../runtime/actor/actor.ts';
import type { BodySource } from './body-sending.ts';
import { inlineBytesMax, type SentBodies, splitBodies } from './wire-bodies.ts';

/** What a frame holds itself, and what comes in pieces ahead of it. */
export interface OutgoingBodies {
  readonly sent: SentBodies;
  readonly sources: readonly BodySource[];
}

/** Bodies as they lie here, read in pieces of at most a MiB. */
export interface StoredBodies {
  /** Undefined: it is not here. */
  size(hash: string): number | undefined;
  read(hash: string, offset: number, length: number): Uint8Array | undefined;
}

export const noBodies: OutgoingBodies = { sent: { inline: [], staged: [] }, sources: [] };

export function bodiesInMemory(bodies: readonly BodyAttachment[]): OutgoingBodies {
  if (bodies.length === 0) return noBodies;
  const sent = splitBodies(bodies);
  const sources = sent.staged.map(({ hash, sizeBytes }): BodySource => {
    const { bytes } = bodies.find((body) => body.hash === hash)!;
    return { hash, sizeBytes, read: (offset, length) => bytes.subarray(offset, offset + length) };
  });
  return { sent, sources };
}

/** Null: one of them is not here. @throws what `stored` throws */
export function bodiesInStore(hashes: Iterable<string>, stored: StoredBodies): OutgoingBodies | null {
  const inline: BodyAttachment[] = [];
  const sources: BodySource[] = [];
  let room = inlineBytesMax;
  for (const hash of new Set(hashes)) {
    const sizeBytes = stored.size(hash);
    if (sizeBytes === undefined) return null;
    if (sizeBytes > room) {
      sources.push({ hash, sizeBytes, read: (offset, length) => stored.read(hash, offset, length) });
      continue;
    }
    const bytes = stored.read(hash, 0, sizeBytes);
    if (bytes === undefined) return null;
    inline.push({ hash, bytes });
    room -= sizeBytes;
  }
  return { sent: { inline, staged: sources.map(({ hash, sizeBytes }) => ({ hash, sizeBytes })) }, sources };
}
