/**
 * What replicas must not do, judged from outside: by the frames that leave them and by what their status shows (plan §15).
 *
 * Checked: term and acked log never go back over a restart; one vote a term; a candidate has been able to ask somebody (PreVote); one
 * configuration change at a time; a leader commits by entries of its own term; nobody votes who is being copied; a witness
 * is told only what the other full node has.
 */
import type { GroupStatus } from '../../../cluster/groups/status.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';

interface Promised {
  term: number;
  /** Of the last term in which it acked. */
  ackTerm: number;
  acked: number;
  votedIn: number;
  votedFor: NodeId | null;
}

interface Seen {
  readonly status: GroupStatus;
  /** The change before the one in force: its entry is at this index or later. */
  readonly changedAt: number;
  /** A leader's first entry is at this index or later. */
  readonly firstOwn: number;
}

// As `encodeRaft` writes them: kind, shard, term, and then
//   append        index and term of the place before, committed, entries
//   appendAnswer  isTaken, index
//   voteAnswer    isGranted
const appendKind = 0;
const appendAnswerKind = 1;
const voteKind = 4;
const voteAnswerKind = 5;

export class RaftLedger {
  /** None after many commits would say that frames are not read rightly here. */
  acks = 0;
  /** Told of each vote that leaves a voter. */
  onVote: ((voter: NodeId, candidate: NodeId) => void) | null = null;
  /** Some group has one, or may. */
  hasWitness = false;
  readonly #fail: (text: string) => void;
  readonly #promised = new Map<string, Promised>();
  readonly #seen = new Map<string, Seen>();

  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  /** A life of the node begins with this on its disk. @param disk what was done to it before */
  started(
    node: NodeId,
    groups: readonly GroupStatus[],
    disk: { readonly hasRottenLog: boolean; readonly hasOldDisk: boolean },
  ): void {
    for (const status of groups) {
      const { shard, term, last, isInstalling } = status;
      this.#seen.set(`${node} ${shard}`, { status, changedAt: 0, firstOwn: 0 });
      const promised = this.#promised.get(`${node} ${shard}`);
      // One whose log is damaged beyond that answers no vote until it has taken a copy: it does not know what it promised.
      if (promised === undefined || disk.hasOldDisk || (disk.hasRottenLog && isInstalling)) continue;
      if (term < promised.term)
        this.#fail(`shard ${shard}: ${node} was in term ${promised.term} and is back in ${term}`);
      if (term === promised.ackTerm && last < promised.acked) {
        this.#fail(`shard ${shard}: ${node} had acked ${promised.acked} and its log ends at ${last}`);
      }
    }
  }

  /** @param leader status of the sender's replicas */
  sent(
    node: NodeId,
    to: NodeId,
    messages: readonly (readonly unknown[])[],
    leader: (shard: number) => GroupStatus,
  ): void {
    for (const [kind, shard, term, fourth, fifth, , seventh] of messages) {
      // Who asks for votes has given its own.
      if (kind === voteKind) this.#vote(node, node, shard as number, term as number);
      if (kind === voteAnswerKind && fourth === true) {
        this.#vote(node, to, shard as number, term as number);
        this.onVote?.(node, to);
      }
      if (kind === appendAnswerKind && fourth === true) {
        this.acks++;
        this.#ack(node, shard as number, term as number, fifth as number);
      }
      if (kind !== appendKind || !this.hasWitness || leader(shard as number).configuration.witness !== to) continue;
      // Without entries it asks what the witness has, and tells it nothing.
      const entries = (seventh as readonly unknown[]).length;
      if (entries > 0) this.#toWitness(node, leader(shard as number), (fourth as number) + entries);
    }
  }

  /** @param isCutOff it has had no way to any other node for a while */
  looked(node: NodeId, now: GroupStatus, isCutOff: () => boolean): void {
    const { shard } = now;
    const name = `${node} ${shard}`;
    const seen = this.#seen.get(name);
    if (seen === undefined) {
      this.#seen.set(name, { status: now, changedAt: 0, firstOwn: 0 });
      return;
    }
    const { status: before } = seen;
    if (now.term < before.term) this.#fail(`shard ${shard}: ${node} went back from term ${before.term} to ${now.term}`);
    if (now.committed < before.committed) this.#fail(`shard ${shard}: ${node} takes a commit back`);
    const isNewCandidate = now.role === 'candidate' && now.term > before.term;
    if (isNewCandidate && now.configuration.voters.length > 1 && isCutOff()) {
      this.#fail(`shard ${shard}: ${node} became a candidate in term ${now.term}, and nobody could hear it ask`);
    }
    const becameLeader = now.role === 'leader' && (before.role !== 'leader' || before.term !== now.term);
    const firstOwn = becameLeader ? before.last + 1 : seen.firstOwn;
    // From a member that is being copied it may learn what earlier leaders had committed (`raft/snapshot.ts`).
    const mayLearn = now.followers.some(({ isInstalling }) => isInstalling);
    if (now.role === 'leader' && now.committed > before.committed && now.committed < firstOwn && !mayLearn) {
      this.#fail(`shard ${shard}: ${node} committed ${now.committed} in term ${now.term}, before an entry of its own`);
    }
    this.#seen.set(name, { status: now, firstOwn, changedAt: this.#changes(node, seen, now) });
  }

  #changes(node: NodeId, { status: before, changedAt }: Seen, now: GroupStatus): number {
    if (now.role !== 'leader' || before.configuration === now.configuration) return changedAt;
    if (membersOf(before) === membersOf(now)) return changedAt;
    const { shard, committed, configuration, followers } = now;
    if (before.role !== 'leader') return before.last + 1;
    if (committed < changedAt) this.#fail(`shard ${shard}: ${node} changes the members twice at once`);
    for (const voter of configuration.voters) {
      const isCopied = followers.some((follower) => follower.node === voter && follower.isInstalling);
      if (isCopied && !before.configuration.voters.includes(voter)) {
        this.#fail(`shard ${shard}: ${voter} was made a voter while it was being copied`);
      }
    }
    return before.last + 1;
  }

  #toWitness(node: NodeId, { shard, configuration, followers }: GroupStatus, last: number): void {
    for (const { node: other, match, state, isAlive, isInstalling } of followers) {
      if (other === configuration.witness || !configuration.voters.includes(other)) continue;
      if (!isAlive || isInstalling || state === 'snapshot' || last <= match) continue;
      this.#fail(`shard ${shard}: ${node} tells the witness of ${last}, and ${other}, which lives, has ${match}`);
    }
  }

  #promise(node: NodeId, shard: number, term: number): Promised {
    const name = `${node} ${shard}`;
    let promised = this.#promised.get(name);
    if (promised === undefined)
      this.#promised.set(name, (promised = { term: 0, ackTerm: 0, acked: 0, votedIn: 0, votedFor: null }));
    promised.term = Math.max(promised.term, term);
    return promised;
  }

  #vote(node: NodeId, candidate: NodeId, shard: number, term: number): void {
    const promised = this.#promise(node, shard, term);
    if (promised.votedIn === term && promised.votedFor !== candidate) {
      this.#fail(`shard ${shard}: ${node} voted for ${promised.votedFor} and for ${candidate} in term ${term}`);
    }
    promised.votedIn = term;
    promised.votedFor = candidate;
  }

  #ack(node: NodeId, shard: number, term: number, index: number): void {
    const promised = this.#promise(node, shard, term);
    promised.acked = term > promised.ackTerm ? index : Math.max(promised.acked, index);
    promised.ackTerm = Math.max(promised.ackTerm, term);
  }
}

const membersOf = ({ configuration: { voters, learners, witness } }: GroupStatus): string =>
  `${voters.join(' ')} / ${learners.join(' ')} / ${witness ?? ''}`;
