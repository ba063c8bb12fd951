/**
 * What a data entry holds: a write-set as the engine made it, and as the bytes that are stored and sent.
 *
 * Promises: packed at most once, however many followers and rows it goes to; what came from outside is checked before
 * anybody applies it.
 * Leaves to others: bodies (`body-staging.ts`), where entries are kept (`hosted-group.ts`).
 */
import { crc32 } from 'node:zlib';
import type { BodyAttachment } from '../../runtime/actor/actor.ts';
import type { BodyHold, WriteSet } from '../../runtime/actor/log.ts';
import { pack, unpack } from '../../runtime/codec/codec.ts';
import { RottenRowError } from '../../runtime/codec/row.ts';
import { keyBytesMax } from '../../runtime/store/sound-ops.ts';
import { keyspace } from '../../runtime/store/keys.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import { opsOf, type StoredOps, storedOps } from './stored-ops.ts';

const noBodies: readonly BodyAttachment[] = [];
const noHashes: readonly string[] = [];
/** Owner of a body: shard, kind, actor key, tag; one more than these comes from a broken peer. */
const ownerPartsMax = 8;
/**
 * Keyspaces whose rows entries may write, all below `[keyspace, shard]`; the others belong to the host itself. A copy of a shard
 * brings the rows of exactly these, in this order.
 */
export const entryKeyspaces = [
  keyspace.state,
  keyspace.timer,
  keyspace.timerName,
  keyspace.outbox,
  keyspace.outboxHead,
  keyspace.inbox,
  keyspace.dedup,
  keyspace.event,
  keyspace.deadLetter,
];
const writable = new Set<string>(entryKeyspaces);

export type PayloadParts = readonly [rows: StoredOps, holds: readonly BodyHold[]];

export class Payload {
  readonly timeMs: number;
  readonly rows: readonly StoreOp[];
  readonly holds: readonly BodyHold[];
  /** All bodies that must be here before the entry is taken. */
  readonly hashes: readonly string[];
  /** Those of them that it brings, until they are durable. */
  bodies: readonly BodyAttachment[];
  /** Bytes of rows as they count against limits. */
  readonly rowBytes: number;
  /** Whether what it holds is here: not at a witness. */
  readonly isWhole: boolean;
  #packed: Uint8Array | undefined;
  #sum = 0;

  constructor(
    writeSet: Pick<WriteSet, 'timeMs' | 'rows' | 'holds' | 'bodies'>,
    hashes: readonly string[],
    packed?: Uint8Array,
    sum = 0,
    isWhole = true,
  ) {
    this.isWhole = isWhole;
    this.timeMs = writeSet.timeMs;
    this.rows = writeSet.rows;
    this.holds = writeSet.holds;
    this.bodies = writeSet.bodies;
    this.hashes = hashes;
    this.rowBytes = packed?.byteLength ?? bytesOfRows(this.rows);
    this.#packed = packed;
    this.#sum = sum;
  }

  /** To be stored where nobody else has a copy: as part of its batch, whose row has a checksum. */
  get parts(): PayloadParts {
    return [storedOps(this.rows), this.holds];
  }

  get isPacked(): boolean {
    return this.#packed !== undefined;
  }

  get packed(): Uint8Array {
    if (this.#packed === undefined) {
      this.#packed = pack(this.parts);
      this.#sum = crc32(this.#packed);
    }
    return this.#packed;
  }

  /** CRC-32 of the packed bytes. */
  get sum(): number {
    if (this.#packed === undefined) void this.packed;
    return this.#sum;
  }

  /** Bytes of bodies that travel with it. */
  inlineBytes(bodyBytesMax: number): number {
    let bytes = 0;
    for (const body of this.bodies) if (body.bytes.byteLength <= bodyBytesMax) bytes += body.bytes.byteLength;
    return bytes;
  }

  get bodyBytes(): number {
    let bytes = 0;
    for (const body of this.bodies) bytes += body.bytes.byteLength;
    return bytes;
  }
}

/** Of a turn that ran here. */
export function payloadOf(writeSet: WriteSet): Payload {
  return new Payload(writeSet, namedBodies(writeSet));
}

function bytesOfRows(rows: readonly StoreOp[]): number {
  let bytes = 0;
  for (const { key, value } of rows) bytes += key.length + (value?.byteLength ?? 0);
  return bytes;
}

const nothing = new Uint8Array(0);

/** All that a witness keeps of one. */
export function headOnly(timeMs: number, sum: number): Payload {
  return new Payload({ timeMs, rows: [], holds: [], bodies: noBodies }, noHashes, nothing, sum, false);
}

/**
 * From the disk or a peer.
 * @throws {RottenRowError} when the bytes are not what was written
 */
export function readPayload(
  packed: Uint8Array | PayloadParts,
  of: { readonly timeMs: number; readonly sum: number; readonly hashes: readonly string[] },
  bodies: readonly BodyAttachment[] = noBodies,
): Payload {
  if (!(packed instanceof Uint8Array)) return payloadOfParts(packed, of, bodies);
  if (crc32(packed) !== of.sum) throw new RottenRowError('the checksum of an entry does not match its bytes');
  let value: unknown;
  try {
    value = unpack(packed);
  } catch (cause) {
    throw new RottenRowError('an entry with a good checksum does not unpack', { cause });
  }
  return payloadOfParts(value, of, bodies, packed);
}

function payloadOfParts(
  value: unknown,
  { timeMs, sum, hashes }: { readonly timeMs: number; readonly sum: number; readonly hashes: readonly string[] },
  bodies: readonly BodyAttachment[],
  packed?: Uint8Array,
): Payload {
  if (!Array.isArray(value) || !isStoredOps(value[0]) || !isHolds(value[1])) {
    throw new RottenRowError('an entry with a good checksum holds no write-set');
  }
  return new Payload({ timeMs, rows: opsOf(value[0]), holds: value[1], bodies }, hashes, packed, sum);
}

function isStoredOps(value: unknown): value is StoredOps {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  for (let at = 0; at < value.length; at += 2) {
    const key: unknown = value[at];
    if (typeof key !== 'string' || key.length < 3 || key.length > keyBytesMax) return false;
    if (!writable.has(key.charAt(0)) || key.charAt(1) !== '\0') return false;
    const bytes: unknown = value[at + 1];
    if (bytes !== null && !(bytes instanceof Uint8Array)) return false;
  }
  return true;
}

function isHolds(value: unknown): value is readonly BodyHold[] {
  return (
    Array.isArray(value) &&
    value.every((hold: unknown) => {
      if (typeof hold !== 'object' || hold === null) return false;
      const { hash, owner, held } = hold as Record<string, unknown>;
      if (typeof hash !== 'string' || typeof held !== 'boolean') return false;
      return Array.isArray(owner) && owner.length <= ownerPartsMax && owner.every(isKeyPart);
    })
  );
}

const isKeyPart = (part: unknown): boolean => typeof part === 'string' || typeof part === 'number';

function namedBodies({ bodies, holds }: WriteSet): readonly string[] {
  if (bodies.length === 0 && holds.length === 0) return noHashes;
  const hashes = new Set(bodies.map(({ hash }) => hash));
  for (const { hash, held } of holds) if (held) hashes.add(hash);
  return [...hashes];
}
