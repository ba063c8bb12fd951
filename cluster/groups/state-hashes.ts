/**
 * Whether replicas that applied the same entries have applied the same bytes (plan §15): the leader compares hashes now
 * and then, at an index that a follower has reached.
 *
 *     leader: my hash at index ──> follower: has it been there? its own hash ──> leader: what do most say?
 *
 *     most against a follower   it is reinstalled
 *     most against the leader   it steps aside and is reinstalled
 *     one against one           nobody knows who is right: the shard stops
 *
 * Leaves to others: doing it (`quarantine.ts`).
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import { encodeHost } from './wire.ts';

/** Applied entries of a group between two comparisons. */
export const comparedEvery = 1_024;

export type Verdict =
  | { readonly kind: 'reinstall'; readonly nodes: readonly NodeId[]; readonly index: number }
  | { readonly kind: 'reinstallLeader'; readonly index: number }
  | { readonly kind: 'stop'; readonly index: number };

interface Round {
  readonly index: number;
  readonly hash: number;
  readonly answers: Map<NodeId, number>;
}

export class StateHashes {
  readonly #outgoing: Outgoing;
  readonly #judge: (group: HostedGroup, verdict: Verdict) => void;
  /** Follower: hash at the last index that is a multiple of `comparedEvery`. */
  readonly #marks = new Map<HostedGroup, { readonly index: number; readonly hash: number }>();
  readonly #asked = new Map<HostedGroup, { readonly from: NodeId; readonly index: number }>();
  readonly #rounds = new Map<HostedGroup, Round>();

  constructor(outgoing: Outgoing, judge: (group: HostedGroup, verdict: Verdict) => void) {
    this.#outgoing = outgoing;
    this.#judge = judge;
  }

  /** Each applied entry of a group with other members. */
  applied(group: HostedGroup): void {
    const { index, hash } = group.applied;
    if (index % comparedEvery !== 0 || group.isAlone) return;
    this.#marks.set(group, { index, hash });
    const { raft } = group;
    if (raft.role === 'leader') {
      this.#rounds.set(group, { index, hash, answers: new Map() });
      for (const { node, isWitness, isInstalling } of raft.followers.values()) {
        if (!isWitness && !isInstalling) this.#say(group, node, index, hash);
      }
      return;
    }
    const asked = this.#asked.get(group);
    if (asked?.index === index) this.#say(group, asked.from, index, hash);
  }

  /** Follower: the question. Leader: an answer. */
  received(group: HostedGroup, from: NodeId, index: number, hash: number): void {
    const round = this.#rounds.get(group);
    if (group.raft.role === 'leader') {
      if (round?.index !== index || !group.raft.followers.has(from)) return;
      round.answers.set(from, hash);
      this.#decide(group, round);
      return;
    }
    if (group.mark.installing !== null) return;
    const mark = this.#marks.get(group);
    if (mark?.index === index) this.#say(group, from, index, mark.hash);
    else if (group.applied.index < index) this.#asked.set(group, { from, index });
  }

  #decide(group: HostedGroup, { index, hash, answers }: Round): void {
    const others = [...group.raft.followers.values()].filter(({ isWitness, isVoter }) => !isWitness && isVoter);
    const counts = new Map([[hash, 1]]);
    for (const { node } of others) {
      const of = answers.get(node);
      if (of !== undefined) counts.set(of, (counts.get(of) ?? 0) + 1);
    }
    const majority = [...counts].find(([, count]) => count > (others.length + 1) / 2)?.[0];
    if (majority === hash) {
      const nodes = [...answers].filter(([, of]) => of !== hash).map(([node]) => node);
      // Who answers later is judged then.
      for (const node of nodes) answers.delete(node);
      if (nodes.length > 0) this.#judge(group, { kind: 'reinstall', nodes, index });
      return;
    }
    const isDecided = majority !== undefined || others.every(({ node }) => answers.has(node));
    if (!isDecided) return;
    this.#rounds.delete(group);
    this.#judge(group, { kind: majority === undefined ? 'stop' : 'reinstallLeader', index });
  }

  #say(group: HostedGroup, to: NodeId, index: number, hash: number): void {
    this.#outgoing.send(to, 'control', encodeHost(group.shard, { kind: 'hash', index, hash }), 0);
  }
}
