/**
 * What a leader knows of one other member's log, and what is on its way there.
 *
 *             refused: look further back
 *               +----+
 *               v    |   taken                      linkReset, no answer, refused
 *   start --> probe -+---------> replicate ------------------------------> probe
 *               |  one msg          |  msgs one after another, up to a window
 *               |                   |
 *               +--- the log that it needs is gone, or its copy must begin again ---> snapshot
 *                                                             taken, or `base` is there --> replicate
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { LogHeads } from './log-heads.ts';
import type { Position } from './protocol.ts';

export class Progress {
  readonly node: NodeId;
  isVoter = false;
  isWitness = false;
  /** Not suspect. What a suspect does not answer is not asked again until it lives. */
  isAlive: boolean;
  state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** Known to be equal and durable over there, up to here. */
  match = 0;
  /** The first entry that was not sent. */
  next: number;
  /** Probe: the place that was asked for and not answered. */
  asked: number | null = null;
  /** The copy that it was told to begin, until what came of it is known; `isCopied`: the host says it is done. */
  snapshotBase: Position | null = null;
  isCopied = false;
  /** By its last answer. Its acks count neither for commits nor for catching up. */
  isInstalling = false;
  /** The commit index that it was told, as far as it could take it. */
  toldCommitted = 0;
  /** An empty append that tells the commit index is on its way. */
  hasNotice = false;
  /** When what is on its way is sent again; null: nothing is. */
  dueAtMs: number | null = null;

  constructor(node: NodeId, next: number, isAlive: boolean) {
    this.node = node;
    this.next = next;
    this.isAlive = isAlive;
  }

  /** Up to here it counts for a commit. */
  get counts(): number {
    return this.isInstalling ? 0 : this.match;
  }

  get isOwedAnswer(): boolean {
    if (this.state === 'snapshot' || this.asked !== null || this.hasNotice) return true;
    return this.next - 1 > this.match || (this.isCopied && this.isInstalling);
  }

  /** Not acked bytes on their way. */
  flightBytes(log: LogHeads): number {
    return log.bytesBetween(this.match, this.next - 1);
  }

  /** What was on its way may be lost: look where it stands. A probe is asked again at the place that it was asked at. */
  becomeProbe(): void {
    if (this.state === 'snapshot') return;
    this.next = this.asked === null ? this.match + 1 : this.asked + 1;
    this.state = 'probe';
    this.asked = null;
    this.hasNotice = false;
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.asked = null;
    if (this.next <= this.match) this.next = this.match + 1;
  }

  /** The timer runs from the first msg that is not answered; an answer that brings something winds it up again. */
  expectAnswer(nowMs: number, retryMs: number): void {
    this.dueAtMs ??= nowMs + retryMs;
  }

  answered(nowMs: number, retryMs: number): void {
    this.dueAtMs = this.isOwedAnswer ? nowMs + retryMs : null;
  }
}
