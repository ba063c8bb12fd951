/**
 * Entries on their way between hosts: what goes into an append, and what comes out of one.
 *
 * A body that an entry *brings* travels with it when it is small. One that it only names lies at the follower already, as
 * a rule (a mail that moves from one mailbox to another); who lacks it asks (`body-fetching.ts`). So a small body
 * crosses each link once, also where the follower had it from another entry: about 10 KiB for a mail that was sent to two
 * shards, against a round trip for each mail that came to one.
 */
import { type LogIndex, logIndex, type NodeId, term } from '../../runtime/base/ids.ts';
import { bodyHash } from '../../runtime/store/body-rows.ts';
import type { Entry, Position } from '../raft/protocol.ts';
import { kindNumber, kindOf } from './batch.ts';
import { frameRefused } from './codes.ts';
import type { EntryCache } from './entry-cache.ts';
import type { HostedGroup } from './hosted-group.ts';
import { headOnly, type Payload, readPayload } from './payload.ts';
import type { WireEntry } from './wire.ts';

export interface PackedEntries {
  readonly entries: readonly WireEntry[];
  readonly bytes: number;
}

/** Bytes of bodies in one append; more are asked for. */
const appendBodyBytesMax = 2 * 1024 * 1024;

/** null: an entry cannot be read back, or is not the one that the core means any more. */
export function encodeEntries(
  group: HostedGroup,
  heads: readonly Entry[],
  of: {
    readonly cache: EntryCache;
    readonly bodyInlineBytesMax: number;
    /**
     * Whether the follower is the witness at that place of the log. Before the entry that made it one, it is a learner like
     * others and may have lost that entry: it is sent all that those before it hold.
     */
    readonly isWitnessAt: (index: LogIndex) => boolean;
  },
): PackedEntries | null {
  const entries: WireEntry[] = [];
  let bytes = 0;
  let bodyBytes = 0;
  for (const head of heads) {
    const kept = group.entry(head.index);
    if (kept === undefined || kept.term !== head.term) return null;
    const { kind, timeMs, configuration } = kept;
    let { sum } = kept;
    let packed: Uint8Array | null = null;
    const bodies: (readonly [string, Uint8Array])[] = [];
    const isWitness = of.isWitnessAt(head.index);
    if (kind === 'data' && isWitness) {
      sum = kept.payload?.sum ?? sum;
    } else if (kind === 'data') {
      const payload = kept.payload ?? of.cache.readBack(group, kept);
      if (payload === null || !payload.isWhole) return null;
      ({ packed, sum } = payload);
      for (const { hash, bytes: body } of payload.bodies) {
        if (body.byteLength > of.bodyInlineBytesMax || bodyBytes + body.byteLength > appendBodyBytesMax) continue;
        bodies.push([hash, body]);
        bodyBytes += body.byteLength;
      }
      bytes += packed.byteLength;
    }
    const hashes = isWitness ? [] : kept.hashes;
    entries.push([kept.term, kindNumber(kind), kept.bytes, timeMs, sum, hashes, packed, configuration, bodies]);
  }
  return { entries, bytes: bytes + bodyBytes };
}

/**
 * @param self who reads it; it may become the witness by an entry among them
 * @param wasWitness by what it has in its log
 * @throws {OperationError} `frameRefused`
 * @throws {RottenRowError} when the bytes of an entry are not what its checksum says
 */
export function decodeEntries(
  previous: Position,
  wire: readonly WireEntry[],
  self: NodeId,
  wasWitness: boolean,
): readonly Entry[] {
  let isWitness = wasWitness;
  return wire.map(([at, kindOfWire, bytes, timeMs, sum, hashes, packed, configuration, bodies], i): Entry => {
    const kind = kindOf(kindOfWire) ?? 'data';
    if (configuration !== null) isWitness = configuration.witness === self;
    const head = { index: logIndex(previous.index + 1 + i), term: term(at), kind, bytes, configuration };
    if (kind !== 'data') return { ...head, payload: null };
    return { ...head, payload: payloadOf({ timeMs, sum, hashes, packed, bodies, isWitness }) };
  });
}

function payloadOf(of: {
  readonly timeMs: number;
  readonly sum: number;
  readonly hashes: readonly string[];
  readonly packed: Uint8Array | null;
  readonly bodies: WireEntry[8];
  readonly isWitness: boolean;
}): Payload {
  const { timeMs, sum, hashes, packed, bodies, isWitness } = of;
  if (isWitness) return headOnly(timeMs, sum);
  if (packed === null) throw frameRefused('an entry comes without what it holds, and this node is no witness');
  for (const [hash, bytes] of bodies) {
    if (!hashes.includes(hash)) throw frameRefused('a body comes that its entry does not name');
    if (bodyHash(bytes) !== hash) throw frameRefused('a body is not what its hash says');
  }
  return readPayload(
    packed,
    { timeMs, sum, hashes },
    bodies.map(([hash, bytes]) => ({ hash, bytes })),
  );
}
