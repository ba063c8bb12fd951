/**
 * Frames between hosts: `[version, msgs]`, many msgs of one turn, each an array `[kind, shard, …]`.
 *
 * Leaves to others: taking them apart again (`wire-decoding.ts`), what msgs mean, the bytes of a frame (the transport).
 */
import type { Configuration, RaftMessage } from '../raft/protocol.ts';
import type { StateEnd } from './batch.ts';

export const frameVersion = 1;
/** One entry in an append. */
export type WireEntry = readonly [
  term: number,
  kind: number,
  bytes: number,
  timeMs: number,
  sum: number,
  hashes: readonly string[],
  packed: Uint8Array | null,
  configuration: Configuration | null,
  bodies: readonly (readonly [hash: string, bytes: Uint8Array])[],
];

export type WireMessage = readonly unknown[];

/** What hosts say to each other beside Raft. */
export type HostMessage =
  /** These are wanted, each from an offset on. */
  | { readonly kind: 'bodiesWanted'; readonly wanted: readonly (readonly [hash: string, offset: number])[] }
  | { readonly kind: 'bodies'; readonly pieces: readonly BodyPiece[] }
  /** The next rows of a copy, behind a key. */
  | { readonly kind: 'copyWanted'; readonly base: number; readonly after: string | null }
  | { readonly kind: 'copy'; readonly base: number; readonly after: string | null; readonly part: CopyPart }
  /** The copy is whole. */
  | { readonly kind: 'copied'; readonly base: number }
  /** At this index my state's hash is this. */
  | { readonly kind: 'hash'; readonly index: number; readonly hash: number }
  /** At this index your state is not that of the majority: take a copy. */
  | { readonly kind: 'quarantine'; readonly index: number };

export interface BodyPiece {
  readonly hash: string;
  /** Of the whole body; -1: the sender does not have it. */
  readonly size: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface CopyPart {
  /** Key, value, key, value. */
  readonly rows: readonly (string | Uint8Array)[];
  /** Where the next part begins. */
  readonly next: string;
  /** No rows follow: the sender's state at this moment. */
  readonly end: StateEnd | null;
}

export type Incoming =
  | {
      readonly kind: 'raft';
      readonly shard: number;
      readonly message: RaftMessage;
      readonly entries: readonly WireEntry[];
    }
  | { readonly kind: 'host'; readonly shard: number; readonly message: HostMessage };

export const raftKinds = [
  'append',
  'appendAnswer',
  'preVote',
  'preVoteAnswer',
  'vote',
  'voteAnswer',
  'wake',
  'timeoutNow',
  'readProbe',
  'readAnswer',
  'install',
] as const satisfies readonly RaftMessage['kind'][];
export const hostKinds = ['bodiesWanted', 'bodies', 'copyWanted', 'copy', 'copied', 'hash', 'quarantine'] as const;
export const firstHostKind = 32;

export function encodeRaft(shard: number, message: RaftMessage, entries: readonly WireEntry[]): WireMessage {
  const at = raftKinds.indexOf(message.kind);
  switch (message.kind) {
    case 'append': {
      const { term, previous, committed } = message;
      return [at, shard, term, previous.index, previous.term, committed, entries];
    }
    case 'appendAnswer': {
      const { term, isTaken, at: place, refused, isInstalling } = message;
      return [at, shard, term, isTaken, place.index, place.term, refused, isInstalling];
    }
    case 'preVote':
      return [at, shard, message.term, message.last.index, message.last.term];
    case 'vote':
      return [at, shard, message.term, message.last.index, message.last.term, message.isTransfer];
    case 'preVoteAnswer':
    case 'voteAnswer':
      return [at, shard, message.term, message.isGranted, message.last.index, message.last.term];
    case 'wake':
    case 'timeoutNow':
      return [at, shard, message.term];
    case 'readProbe':
    case 'readAnswer':
      return [at, shard, message.term, message.round];
    case 'install': {
      const { term, base, configuration, committed } = message;
      return [at, shard, term, base.index, base.term, configuration, committed];
    }
  }
}

export function encodeHost(shard: number, message: HostMessage): WireMessage {
  const at = firstHostKind + hostKinds.indexOf(message.kind);
  switch (message.kind) {
    case 'bodiesWanted':
      return [at, shard, message.wanted];
    case 'bodies':
      return [at, shard, message.pieces.map(({ hash, size, offset, bytes }) => [hash, size, offset, bytes])];
    case 'copyWanted':
      return [at, shard, message.base, message.after];
    case 'copy': {
      const { base, after, part } = message;
      const end = part.end === null ? null : [part.end.index, part.end.hash, part.end.timeMs];
      return [at, shard, base, after, part.rows, part.next, end];
    }
    case 'copied':
      return [at, shard, message.base];
    case 'hash':
      return [at, shard, message.index, message.hash];
    case 'quarantine':
      return [at, shard, message.index];
  }
}
