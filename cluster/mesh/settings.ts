/** Every number of the mesh with its reason. Sizes of frames are in `runtime/base/limits.ts`. */
import { limits } from '../../runtime/base/limits.ts';
import type { Lane } from './transport.ts';

const mebibyte = 1024 * 1024;

export interface MeshSettings {
  /** From the first SYN to three lanes that have said hello. A peer that lives needs some milliseconds. */
  readonly connectMsMax: number;
  /** From an accepted socket to a link: a peer that says nothing holds its place no longer. */
  readonly helloMsMax: number;
  /** One bare TCP connect. */
  readonly probeMsMax: number;
  /**
   * When a node that does not dial looks whether the peer's machine refuses, after the link was lost. More than once: the
   * sockets of a dying process do not all close in the same moment.
   */
  readonly probeDelaysMs: readonly number[];
  /** Wait before the second try; doubles up to the next. The first comes at once. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** After a refusal by name: what cures it is an operator, or a map that is still on its way. */
  readonly refusedRetryMs: number;
  /** A link that stood so long was sound: the next break is tried again at once. */
  readonly steadyMs: number;
  /** How often a node that does not dial says where it is to a peer that does and cannot find it: first, and at most. */
  readonly knockMsMin: number;
  readonly knockMsMax: number;
  /**
   * Each lane is looked at so often, and given up after so many looks in a row at which nothing had come, or nothing had come over there. TCP alone
   * would go on for a quarter of an hour, and after a long cut wait as long again before it tries.
   */
  readonly lookMs: number;
  readonly silentLooksMax: number;
  /** Bytes that wait for a peer that does not read; beyond: the link is broken. A slow peer is held back long before. */
  readonly queuedBytesMax: Readonly<Record<Lane, number>>;
  /** One message as it comes in. Larger than what we send: a frame is measured before it is packed. */
  readonly messageBytesMax: number;
  /** Numbers, texts, lists and all else in one message: an empty list is one byte here and thirty in memory. */
  readonly messageValuesMax: number;
  /** Of a hello. */
  readonly helloBytesMax: number;
  /** Marks that a hello tells: a peer that was away for more starts than these believes. */
  readonly helloMarksMax: number;
  /** Nodes that hold a certificate and are in no list yet. */
  readonly guestsMax: number;
  /** Connections that have not shown a certificate: beyond, the oldest goes. A node has shown its own in milliseconds. */
  readonly strangersMax: number;
  /** Until a stranger has shaken hands; until it has said what it wants. */
  readonly handshakeMsMax: number;
  readonly requestMsMax: number;
  /** A polite end waits so long for the peer to take what was sent before. */
  readonly farewellMsMax: number;
  /** The same refusal of the same peer is logged again after so long. */
  readonly refusalLogMs: number;
}

export const meshSettings: MeshSettings = {
  connectMsMax: 2_000,
  helloMsMax: 3_000,
  probeMsMax: 500,
  probeDelaysMs: [0, 50, 150],
  retryMsMin: 50,
  retryMsMax: 1_000,
  refusedRetryMs: 1_000,
  steadyMs: 1_000,
  knockMsMin: 500,
  knockMsMax: 5_000,
  lookMs: 1_000,
  silentLooksMax: 4,
  queuedBytesMax: { control: 4 * mebibyte, log: 64 * mebibyte, bulk: 64 * mebibyte },
  messageBytesMax: 2 * limits.frameBytesMax,
  messageValuesMax: 1_000_000,
  helloBytesMax: 64 * 1024,
  helloMarksMax: 256,
  guestsMax: 64,
  strangersMax: 128,
  handshakeMsMax: 5_000,
  requestMsMax: 10_000,
  farewellMsMax: 500,
  refusalLogMs: 600_000,
};
