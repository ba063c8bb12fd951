/**
 * Every bound of the core, in one place, with its reason and its unit last in the name.
 *
 * Promises: whatever grows with load, with time or with what a peer sends has a bound here, and the bounds agree with
 * one another (`assertLimits`, called at start).
 * Leaves to others: bounds that an operator may move (`runtime/config/`, keys `limits.*`, `smtp.*`, `store.*`).
 */
import { invariant } from './invariant.ts';

export interface Limits {
  // ---- actors ----------------------------------------------------------------------------------------------------
  /** Commands that wait for one activation. One hot mailbox must not take the whole shard's share; beyond: `busy`. */
  readonly backlogCommandsMax: number;
  /** Commands that wait on one shard, all actors together: at 100 us a turn a full one is a second of work. */
  readonly shardBacklogCommandsMax: number;
  /**
   * Bytes appended and not yet durable, all shards together. Covers about half a second of a slow disk; beyond it new
   * commands get `busy`, so that a hung disk costs memory only up to here.
   */
  readonly pendingBytesMax: number;
  /** Rows that one turn may read. Bulk work continues in another turn: the loop also carries the heartbeats. */
  readonly turnRowsReadMax: number;
  /** Bytes of rows that one turn may write, bodies not counted. */
  readonly turnWriteBytesMax: number;
  /** A turn that took longer is logged as slow. Two of them in a row would already be felt by other sessions. */
  readonly turnMsWarn: number;
  /**
   * Activations kept in memory; the least recently used idle one goes first. At about 2 KiB each: 16 MB. With 50,000 of
   * them a node that had just taken in 100,000 accounts stood at 605 MiB, with 8,000 at 366.
   */
  readonly activationsMax: number;
  /** An activation without a command for so long is forgotten. It is a cache: activating again is one small read. */
  readonly activationIdleMs: number;
  /** Bytes of an actor's key in UTF-8. An address is at most 254 (RFC 5321 §4.5.3.1.3); store keys end at 1,978. */
  readonly actorKeyBytesMax: number;
  /** A notice that threw so often becomes a dead letter, so that it never blocks those behind it. */
  readonly noticeAttemptsMax: number;
  /** Notices that one turn may send. A mail to more mailboxes is spread over several turns. */
  readonly turnNoticesMax: number;

  // ---- store and log ---------------------------------------------------------------------------------------------
  /** Bytes of one transaction. Bounds the time that one fsync takes, thus the latency of whoever waits behind it. */
  readonly groupCommitBytesMax: number;
  /** Entries of one transaction: small ones cost by number, not by bytes. */
  readonly groupCommitEntriesMax: number;
  /** A body is kept in rows of so many bytes at most: a larger one goes through LMDB's overflow pages unevenly. */
  readonly bodyChunkBytes: number;
  /** A body up to this travels with the entry that names it; a larger one is staged beforehand (plan §6). */
  readonly bodyInlineBytesMax: number;
  /** Rows that one `range` call may return. A long read keeps old pages alive and stalls the loop. */
  readonly rangeRowsMax: number;

  // ---- threads ---------------------------------------------------------------------------------------------------
  /** Calls without an answer on one port and direction; beyond: `busy`. Bounds the memory of a core that lags. */
  readonly callsInFlightMax: number;
  /** How long an ask waits when the caller does not say. SMTP clients give the final dot 10 minutes (RFC 5321 §4.5.3.2.6). */
  readonly askTimeoutMs: number;
  /** Topics that one worker may follow. */
  readonly subscriptionsMax: number;
  /** Nested objects and arrays in what crosses a thread: deeper is a bug, or a mail that was built to hurt. */
  readonly valueDepthMax: number;
  /** A worker that did not come up in this time is killed and counted as crashed. */
  readonly workerStartMs: number;
  /** Wait before the first restart of a crashed worker; doubles with each crash in a row up to the next. */
  readonly workerRestartMsMin: number;
  readonly workerRestartMsMax: number;
  /** A worker that served for so long is healthy: its next crash starts again from the shortest wait. */
  readonly workerHealthyMs: number;
  /** V8 heap of one worker, without the buffers of mails. Above it the worker dies alone and is restarted. */
  readonly workerHeapMegabytesMax: number;

  // ---- wire (the mesh) -------------------------------------------------------------------------------------------
  /** One frame on the control and log sockets. */
  readonly frameBytesMax: number;
  /** Messages in one frame. */
  readonly frameMessagesMax: number;
  /** Nested lists in a frame: what nests deeper comes from a broken peer. Commands travel in frames, some lists down. */
  readonly frameDepthMax: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

export const limits: Limits = {
  backlogCommandsMax: 1_000,
  shardBacklogCommandsMax: 10_000,
  pendingBytesMax: 64 * mebibyte,
  turnRowsReadMax: 10_000,
  turnWriteBytesMax: 4 * mebibyte,
  turnMsWarn: 20,
  activationsMax: 8_000,
  activationIdleMs: 60_000,
  actorKeyBytesMax: 320,
  noticeAttemptsMax: 5,
  turnNoticesMax: 1_000,

  groupCommitBytesMax: 4 * mebibyte,
  groupCommitEntriesMax: 1_000,
  bodyChunkBytes: 64 * kibibyte,
  bodyInlineBytesMax: 64 * kibibyte,
  rangeRowsMax: 10_000,

  callsInFlightMax: 10_000,
  askTimeoutMs: 30_000,
  subscriptionsMax: 1_000,
  valueDepthMax: 32,
  workerStartMs: 30_000,
  workerRestartMsMin: 100,
  workerRestartMsMax: 30_000,
  workerHealthyMs: 60_000,
  workerHeapMegabytesMax: 512,

  frameBytesMax: 8 * mebibyte,
  frameMessagesMax: 10_000,
  frameDepthMax: 48,
};

/**
 * Called once at start.
 * @throws InvariantError when two bounds contradict each other
 */
export function assertLimits(of: Limits = limits): void {
  for (const [name, value] of Object.entries(of)) {
    invariant(Number.isSafeInteger(value) && value > 0, `limit ${name} is a whole number above 0`);
  }
  invariant(of.backlogCommandsMax <= of.shardBacklogCommandsMax, 'an actor may not queue more than its shard');
  invariant(of.turnWriteBytesMax <= of.groupCommitBytesMax, 'the largest turn fits into one transaction');
  invariant(of.groupCommitBytesMax <= of.pendingBytesMax, 'a full transaction may be pending');
  invariant(
    of.bodyInlineBytesMax <= of.groupCommitBytesMax,
    'the largest body inside an entry fits into one transaction',
  );
  invariant(of.bodyChunkBytes <= of.bodyInlineBytesMax, 'a chunk of a body fits into an entry');
  invariant(of.turnRowsReadMax <= of.rangeRowsMax, 'a turn may spend its budget in one read');
  invariant(
    of.turnWriteBytesMax + of.bodyInlineBytesMax < of.frameBytesMax,
    'the largest entry with its body fits into one frame',
  );
  invariant(of.backlogCommandsMax <= of.callsInFlightMax, 'a worker may fill one backlog');
  invariant(of.valueDepthMax + 8 <= of.frameDepthMax, 'what may cross a thread may cross the mesh');
  invariant(of.workerRestartMsMin <= of.workerRestartMsMax, 'back-off grows');
  invariant(of.workerRestartMsMax <= of.workerHealthyMs, 'a worker that crashes steadily keeps its long wait');
}
