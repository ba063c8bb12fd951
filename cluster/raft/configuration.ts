/**
 * Changes of the membership, one node at a time [R §4.1].
 *
 * Promises: old and new majorities always meet, since they differ by one voter and there is one change at a time; a
 * change is in force from the moment that it is appended; the group keeps a voter that holds mail.
 * Leaves to others: which nodes should hold a shard (`placement/`), and hand-over before a leader removes itself.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import { hasLivingMajority } from './members.ts';
import { appendOwn } from './proposals.ts';
import type { Configuration, ConfigurationChange, Refusal } from './protocol.ts';
import { isWitnessAhead, witnessLimit } from './witness.ts';

export function onChangeConfiguration(group: RaftGroup, out: Draft, change: ConfigurationChange): void {
  const reason = whyNot(group, change);
  if (reason !== null) {
    out.refuse('changeConfiguration', reason);
    return;
  }
  const next = changed(group.configuration, change);
  invariant(
    Math.abs(next.voters.length - group.configuration.voters.length) <= 1,
    'voters change one at a time [R §4.1]',
  );
  invariant(!group.isChanging, 'there is one pending configuration change [R §4.1]');
  appendOwn(group, out, 'configuration', 0, next, null);
}

function whyNot(group: RaftGroup, change: ConfigurationChange): Refusal['reason'] | null {
  if (group.role !== 'leader') return 'notLeader';
  if (group.transfer !== null) return 'transferring';
  // Ongaro, raft-dev 2015: a new leader may hold a change of an older term that is not committed; until an entry of its
  // own term is, its next change could be the second one at once, and two majorities could miss each other.
  if (!group.serves || group.isChanging) return 'changePending';
  switch (change.kind) {
    case 'addLearner':
      return isMember(group.configuration, change.node) ? 'alreadyThere' : null;
    case 'promote':
      return whyNotPromote(group, change);
    case 'remove':
      return whyNotRemove(group, change.node);
  }
}

/** [R §4.2.1] A new voter must not hold commits up while it catches up. */
function whyNotPromote(
  group: RaftGroup,
  change: Extract<ConfigurationChange, { kind: 'promote' }>,
): Refusal['reason'] | null {
  const { configuration } = group;
  if (configuration.voters.includes(change.node)) return 'alreadyThere';
  if (!configuration.learners.includes(change.node)) return 'noSuchNode';
  if (change.isWitness && configuration.witness !== null) return 'alreadyThere';
  const progress = group.followers.get(change.node);
  const isCaughtUp = progress !== undefined && progress.isAlive && progress.counts >= group.committedIndex;
  if (!isCaughtUp) return 'notCaughtUp';
  return change.isWitness && progress.next - 1 > witnessLimit(group) ? 'notCaughtUp' : null;
}

function whyNotRemove(group: RaftGroup, node: NodeId): Refusal['reason'] | null {
  if (!isMember(group.configuration, node)) return 'noSuchNode';
  if (!group.isVoter(node)) return null;
  const next = changed(group.configuration, { kind: 'remove', node });
  const holdsMail = next.voters.some((voter) => voter !== next.witness);
  // A change that the nodes left could never commit would only stop the group.
  if (!holdsMail || !hasLivingMajority(group, next.voters)) return 'lastVoter';
  return node === group.self && isWitnessAhead(group) ? 'notCaughtUp' : null;
}

function changed(configuration: Configuration, change: ConfigurationChange): Configuration {
  const { node } = change;
  const voters = configuration.voters.filter((voter) => voter !== node);
  const learners = configuration.learners.filter((learner) => learner !== node);
  const witness = configuration.witness === node ? null : configuration.witness;
  switch (change.kind) {
    case 'addLearner':
      return { voters, learners: [...learners, node], witness };
    case 'promote':
      return { voters: [...voters, node], learners, witness: change.isWitness ? node : witness };
    case 'remove':
      return { voters, learners, witness };
  }
}

function isMember(configuration: Configuration, node: NodeId): boolean {
  return configuration.voters.includes(node) || configuration.learners.includes(node);
}
