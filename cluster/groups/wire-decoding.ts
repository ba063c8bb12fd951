/**
 * Frames of peers, taken apart.
 *
 * Promises: what `decodeFrame` gives is of the right shape in every field and within bounds, whoever sent it; a frame that
 * is not is refused as a whole, by name.
 * Leaves to others: checksums of entries and hashes of bodies (`entry-packing.ts`).
 */
import { logIndex, nodeId, term } from '../../runtime/base/ids.ts';
import type { Configuration, RaftMessage } from '../raft/protocol.ts';
import { kindOf, positionOf, type StateEnd } from './batch.ts';
import { frameRefused } from './codes.ts';
import {
  firstHostKind,
  frameVersion,
  hostKinds,
  type HostMessage,
  type Incoming,
  raftKinds,
  type WireEntry,
} from './wire.ts';

/** More replicas than any shard has. */
const membersMax = 32;
const hashBytesMax = 64;

/** @throws {OperationError} `frameRefused` */
export function decodeFrame(frame: unknown, bounds: { shardCount: number; messagesMax: number }): readonly Incoming[] {
  const [version, messages] = array(frame, 'frame', 2);
  if (version !== frameVersion) throw frameRefused(`version ${String(version)} is not known here`);
  return array(messages, 'messages', bounds.messagesMax).map((message) => {
    const fields = new Fields(array(message, 'message', 16));
    const kind = fields.count('kind');
    const shard = fields.count('shard');
    if (shard >= bounds.shardCount) throw frameRefused(`shard ${shard} does not exist`);
    const raftKind = raftKinds[kind];
    if (raftKind !== undefined) return decodeRaft(raftKind, shard, fields);
    const hostKind = hostKinds[kind - firstHostKind];
    if (hostKind === undefined) throw frameRefused(`a message of kind ${kind} is not known here`);
    return { kind: 'host', shard, message: decodeHost(hostKind, fields) };
  });
}

const noEntries: readonly WireEntry[] = [];

function decodeRaft(kind: RaftMessage['kind'], shard: number, fields: Fields): Incoming {
  const at = term(fields.count('term'));
  const raft = (message: RaftMessage, entries = noEntries): Incoming => ({ kind: 'raft', shard, message, entries });
  switch (kind) {
    case 'append': {
      const previous = fields.position();
      const committed = logIndex(fields.count('committed'));
      const entries = array(fields.next(), 'entries', 100_000).map((entry) => decodeEntry(array(entry, 'entry', 9)));
      return raft({ kind, term: at, previous, entries: [], committed }, entries);
    }
    case 'appendAnswer': {
      const isTaken = fields.flag('isTaken');
      const place = fields.position();
      const refused = fields.next();
      const isInstalling = fields.flag('isInstalling');
      const index = refused === null ? null : logIndex(count(refused, 'refused'));
      return raft({ kind, term: at, isTaken, at: place, refused: index, isInstalling });
    }
    case 'preVote':
      return raft({ kind, term: at, last: fields.position() });
    case 'vote':
      return raft({ kind, term: at, last: fields.position(), isTransfer: fields.flag('isTransfer') });
    case 'preVoteAnswer':
    case 'voteAnswer':
      return raft({ kind, term: at, isGranted: fields.flag('isGranted'), last: fields.position() });
    case 'wake':
    case 'timeoutNow':
      return raft({ kind, term: at });
    case 'readProbe':
    case 'readAnswer':
      return raft({ kind, term: at, round: fields.count('round') });
    case 'install': {
      const base = fields.position();
      const configuration = decodeConfiguration(fields.next());
      return raft({ kind, term: at, base, configuration, committed: logIndex(fields.count('committed')) });
    }
  }
}

function decodeHost(kind: HostMessage['kind'], fields: Fields): HostMessage {
  switch (kind) {
    case 'bodiesWanted':
      return {
        kind,
        wanted: array(fields.next(), 'wanted', 10_000).map((item) => {
          const [hash, offset] = array(item, 'wanted', 2);
          return [hashText(hash), count(offset, 'offset')] as const;
        }),
      };
    case 'bodies':
      return {
        kind,
        pieces: array(fields.next(), 'pieces', 10_000).map((item) => {
          const [hash, size, offset, piece] = array(item, 'piece', 4);
          const of = size === -1 ? -1 : count(size, 'size');
          return { hash: hashText(hash), size: of, offset: count(offset, 'offset'), bytes: bytes(piece) };
        }),
      };
    case 'copyWanted':
      return { kind, base: fields.count('base'), after: textOrNull(fields.next()) };
    case 'copy': {
      const base = fields.count('base');
      const after = textOrNull(fields.next());
      const rows = array(fields.next(), 'rows', 100_000).map((part, at) => (at % 2 === 0 ? text(part) : bytes(part)));
      if (rows.length % 2 !== 0) throw frameRefused('a row has a key and a value');
      const next = text(fields.next());
      return { kind, base, after, part: { rows, next, end: decodeEnd(fields.next()) } };
    }
    case 'copied':
      return { kind, base: fields.count('base') };
    case 'hash':
      return { kind, index: fields.count('index'), hash: fields.count('hash') };
    case 'quarantine':
      return { kind, index: fields.count('index') };
  }
}

function decodeEnd(value: unknown): StateEnd | null {
  if (value === null) return null;
  const [index, hash, timeMs] = array(value, 'end', 3);
  return { index: count(index, 'index'), hash: count(hash, 'hash'), timeMs: time(timeMs) };
}

function decodeEntry(fields: readonly unknown[]): WireEntry {
  const [at, kind, size, timeMs, sum, hashes, packed, configuration, bodies] = fields;
  if (kindOf(kind) === undefined) throw frameRefused('an entry has a kind that is known');
  if (kindOf(kind) === 'configuration' && configuration === null) throw frameRefused('a configuration is missing');
  return [
    count(at, 'term'),
    kind as number,
    count(size, 'bytes'),
    time(timeMs),
    count(sum, 'sum'),
    array(hashes, 'hashes', 100_000).map(hashText),
    packed === null ? null : bytes(packed),
    configuration === null ? null : decodeConfiguration(configuration),
    array(bodies, 'bodies', 100_000).map((body) => {
      const [hash, of] = array(body, 'body', 2);
      return [hashText(hash), bytes(of)] as const;
    }),
  ];
}

function decodeConfiguration(value: unknown): Configuration {
  if (typeof value !== 'object' || value === null) throw frameRefused('a configuration is an object');
  const { voters, learners, witness } = value as Record<string, unknown>;
  const nodes = (list: unknown) => array(list, 'nodes', membersMax).map((node) => nodeId(text(node)));
  return {
    voters: nodes(voters),
    learners: nodes(learners),
    witness: witness === null ? null : nodeId(text(witness)),
  };
}

/** The fields of one msg, read one after another. */
class Fields {
  readonly #of: readonly unknown[];
  #at = 0;

  constructor(of: readonly unknown[]) {
    this.#of = of;
  }

  next(): unknown {
    return this.#of[this.#at++];
  }

  count(name: string): number {
    return count(this.next(), name);
  }

  flag(name: string): boolean {
    const value = this.next();
    if (typeof value !== 'boolean') throw frameRefused(`${name} is true or false`);
    return value;
  }

  position() {
    const index = this.count('index');
    return positionOf(index, this.count('term'));
  }
}

function array(value: unknown, name: string, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value)) throw frameRefused(`${name} is no array`);
  if (value.length > lengthMax) throw frameRefused(`${name} has ${value.length} parts of at most ${lengthMax}`);
  return value;
}

function count(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw frameRefused(`${name} is no number from 0 on`);
}

function time(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw frameRefused('a time is no number');
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value.length > 4_096) throw frameRefused('a text is missing or too long');
  return value;
}

const textOrNull = (value: unknown): string | null => (value === null ? null : text(value));

function hashText(value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= hashBytesMax && /^[\w-]+$/.test(value))
    return value;
  throw frameRefused('a hash is base64url');
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw frameRefused('bytes are missing');
}
