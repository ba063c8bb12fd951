/**
 * The effects of one step while they gather.
 *
 * Promises: what is empty costs nothing (empty lists are one shared frozen array).
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Effects, Entry, HardState, Outgoing, RaftMessage, Refusal, RoleChange } from './protocol.ts';

// Never written to: what fills a list makes one first.
const none: never[] = [];
Object.freeze(none);

export class Draft implements Effects {
  hardState: HardState | null = null;
  truncateFrom: Effects['truncateFrom'] = null;
  append: Entry[] = none;
  installing: Effects['installing'] = null;
  messages: Outgoing[] = none;
  committed: Effects['committed'] = null;
  role: RoleChange | null = null;
  reads: Effects['reads'][number][] = none;
  readsLost: number[] = none;
  snapshotFor: Effects['snapshotFor'] = null;
  refused: Refusal | null = null;

  /** Something to be made durable. */
  add(entry: Entry): void {
    if (this.append === none) this.append = [entry];
    else this.append.push(entry);
  }

  /** `waits`: it promises something that must be durable first. */
  send(to: NodeId, message: RaftMessage, waits: boolean): void {
    const outgoing = { to, message, waits };
    if (this.messages === none) this.messages = [outgoing];
    else this.messages.push(outgoing);
  }

  answerRead(token: number, index: Effects['reads'][number]['index']): void {
    if (this.reads === none) this.reads = [{ token, index }];
    else this.reads.push({ token, index });
  }

  loseRead(token: number): void {
    if (this.readsLost === none) this.readsLost = [token];
    else this.readsLost.push(token);
  }

  refuse(event: Refusal['event'], reason: Refusal['reason']): void {
    this.refused = { event, reason };
  }
}
