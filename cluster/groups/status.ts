/** What an operator may see of a replica. */
import type { LogIndex, NodeId, ShardId, Term } from '../../runtime/base/ids.ts';
import type { Configuration, Role } from '../raft/protocol.ts';
import type { HostedGroup } from './hosted-group.ts';

export interface GroupStatus {
  readonly shard: ShardId;
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | null;
  readonly isServed: boolean;
  readonly first: LogIndex;
  readonly last: LogIndex;
  readonly committed: LogIndex;
  readonly applied: LogIndex;
  readonly hash: number;
  readonly configuration: Configuration;
  /** Of a leader: a change of the members is in its log and not committed yet. */
  readonly isChanging: boolean;
  /** Of a leader that hands over: to whom. */
  readonly transferTo: NodeId | null;
  readonly isInstalling: boolean;
  readonly damagedFrom: LogIndex | null;
  /** Of a leader. */
  readonly followers: readonly {
    readonly node: NodeId;
    readonly match: number;
    readonly state: 'probe' | 'replicate' | 'snapshot';
    readonly isAlive: boolean;
    readonly isInstalling: boolean;
  }[];
}

export function statusOf(group: HostedGroup): GroupStatus {
  const { shard, raft, isServed, firstIndex, last, committed, applied } = group;
  const { role, term, leader, configuration, isInstalling, damagedFrom } = raft;
  const followers = role === 'leader' ? [...raft.followers.values()] : [];
  return {
    shard,
    role,
    term,
    leader,
    isServed,
    first: firstIndex,
    last,
    committed,
    applied: applied.index,
    hash: applied.hash,
    configuration,
    isChanging: role === 'leader' && raft.isChanging,
    transferTo: raft.transfer?.to ?? null,
    isInstalling,
    damagedFrom,
    followers: followers.map(({ node, match, state, isAlive, isInstalling: isCopied }) => ({
      node,
      match,
      state,
      isAlive,
      isInstalling: isCopied,
    })),
  };
}
