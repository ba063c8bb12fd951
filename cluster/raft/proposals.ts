/**
 * What a leader appends to its own log.
 *
 * Promises: it is sent in the same step (`replication.ts`) and counted once it is durable here.
 */
import { logIndex } from '../../runtime/base/ids.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import type { Configuration, EntryHead, RaftEvent } from './protocol.ts';

export function onPropose(group: RaftGroup, out: Draft, event: Extract<RaftEvent, { kind: 'propose' }>): void {
  if (group.role !== 'leader') out.refuse('propose', 'notLeader');
  // [R §3.10, step 1] Else the target would never have the whole log.
  else if (group.transfer !== null) out.refuse('propose', 'transferring');
  else for (const { bytes, payload } of event.entries) appendOwn(group, out, 'data', bytes, null, payload);
}

export function appendOwn(
  group: RaftGroup,
  out: Draft,
  kind: EntryHead['kind'],
  bytes: number,
  configuration: Configuration | null,
  payload: unknown,
): void {
  const entry = { index: logIndex(group.log.lastIndex + 1), term: group.term, kind, bytes, configuration, payload };
  group.log.append(entry);
  out.add(entry);
}
