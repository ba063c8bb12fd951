/**
 * What is durable now is told to the core, and what was known to be committed before is applied.
 *
 * Leaves to others: the transaction (`writer.ts`), and what follows from a commit (`applying.ts`).
 */
import { logIndex } from '../../runtime/base/ids.ts';
import type { Applying } from './applying.ts';
import type { GatheredEntry } from './gathering.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { Stepping } from './stepping.ts';

export function settlePersisted(entries: readonly GatheredEntry[], stepping: Stepping, applying: Applying): void {
  for (const group of noted(entries)) {
    // As it is before the steps, which may change it.
    const { durable } = group;
    tellRepaired(group, stepping);
    const term = group.raft.termAt(durable);
    if (term !== null) stepping.step(group, { kind: 'persisted', upTo: { index: logIndex(durable), term } });
    applying.apply(group);
  }
}

/** @returns the groups, once each */
function noted(entries: readonly GatheredEntry[]): Iterable<HostedGroup> {
  const groups = new Set<HostedGroup>();
  for (const { group, entry } of entries) {
    groups.add(group);
    // It was truncated while it was on its way to the disk.
    if (group.entry(entry.index) === entry && entry.index > group.durable) group.durable = entry.index;
  }
  return groups;
}

/** How far the leader has brought damaged entries again. */
function tellRepaired(group: HostedGroup, stepping: Stepping): void {
  const { damagedFrom } = group.raft;
  if (damagedFrom === null) return;
  const next = group.notApplied.find(({ kind, batch }) => kind === 'data' && batch === 0);
  if (next !== undefined && next.index <= damagedFrom) return;
  stepping.step(group, { kind: 'repaired', damagedFrom: next?.index ?? null });
}
