/**
 * The leader's table of the other members, made anew when the configuration changes.
 *
 * Promises: it is that of the newest configuration in the log, committed or not [R §4.1].
 */
import type { RaftGroup } from './group.ts';
import { Progress } from './progress.ts';

export function followConfiguration(group: RaftGroup): void {
  const { configuration, followers } = group;
  if (group.membersOf === configuration) return;
  group.membersOf = configuration;
  const nodes = [...configuration.voters, ...configuration.learners].filter((node) => node !== group.self);
  for (const node of followers.keys()) if (!nodes.includes(node)) followers.delete(node);
  for (const node of nodes) {
    const isAlive = !group.suspects.has(node);
    const progress = followers.get(node) ?? new Progress(node, group.log.lastIndex + 1, isAlive);
    progress.isVoter = configuration.voters.includes(node);
    progress.isWitness = configuration.witness === node;
    followers.set(node, progress);
  }
  group.others = [...followers.values()];
}

/** [R §6.2] Whether a majority of `voters` lives, as far as it is known here. */
export function hasLivingMajority(group: RaftGroup, voters: RaftGroup['configuration']['voters']): boolean {
  let living = 0;
  for (const node of voters) if (node === group.self || !group.suspects.has(node)) living++;
  return living > voters.length / 2;
}
