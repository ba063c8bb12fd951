/**
 * Makes the replicas of a node out of what its disk says.
 *
 * Promises: a damaged entry keeps its place in the log; where logs ended nobody knows any more, replicas are copied anew and
 * give no vote until then; a lone voter with either stops the node with the cure.
 */
import { logIndex, type NodeId } from '../../runtime/base/ids.ts';
import { restoreGroup } from '../raft/group.ts';
import type { Settings } from '../raft/protocol.ts';
import { hardStateOf } from './batch.ts';
import { entryDamaged, logDamaged } from './codes.ts';
import type { EntryCache } from './entry-cache.ts';
import { baseOf, headOf, HostedGroup, type KeptEntry } from './hosted-group.ts';
import type { Recovered, RecoveredReplica } from './recovery.ts';

export interface RestoringOptions {
  readonly self: NodeId;
  readonly cache: EntryCache;
  readonly settings: Settings;
}

/** @throws {OperationError} `entryDamaged`, `logDamaged` */
export function restoreReplicas({ replicas, rottenHeads }: Recovered, o: RestoringOptions): readonly HostedGroup[] {
  return replicas.map((replica) => {
    if (rottenHeads.length > 0) giveUp(replica, o.self, rottenHeads);
    const group = restoreReplica(replica, o);
    const { damagedFrom } = group.raft;
    if (damagedFrom !== null && group.isAlone) throw entryDamaged(group.shard, damagedFrom);
    return group;
  });
}

function restoreReplica(replica: RecoveredReplica, { self, cache, settings }: RestoringOptions): HostedGroup {
  const { shard, mark, applied, log, treeApplied } = replica;
  const { entries } = log;
  const base = baseOf(entries, applied);
  const raftOf = (damagedFrom: KeptEntry | undefined) =>
    restoreGroup(
      {
        self,
        hardState: hardStateOf(mark),
        base,
        configuration: mark.configuration,
        entries: entries.map(headOf),
        committed: applied.index,
        isInstalling: mark.installing !== null,
        damagedFrom: damagedFrom?.index ?? null,
      },
      settings,
    );
  const from = { shard, self, mark, entries, applied, treeApplied };
  const group = new HostedGroup({ ...from, raft: raftOf(undefined) });
  const damaged = group.isWitness ? [] : group.notApplied.filter((entry) => !isWhole(cache, group, entry));
  if (damaged.length === 0) return group;
  for (const entry of damaged) {
    entry.batch = 0;
    entry.hashes = [];
  }
  return new HostedGroup({ ...from, raft: raftOf(damaged[0]) });
}

function isWhole(cache: EntryCache, group: HostedGroup, entry: KeptEntry): boolean {
  return entry.kind !== 'data' || entry.payload !== null || cache.readBack(group, entry) !== null;
}

/** @throws {OperationError} `logDamaged` */
function giveUp(replica: RecoveredReplica, self: NodeId, rottenHeads: readonly number[]): void {
  const { mark, applied, log } = replica;
  const { voters, learners } = mark.configuration;
  if (voters.length === 1 && learners.length === 0 && voters[0] === self) throw logDamaged(rottenHeads[0]!);
  const base = { index: applied.index, term: applied.term };
  log.truncate(0);
  replica.mark = {
    ...mark,
    installing: { base, from: null, isMute: true, isCleared: false, copiedTo: null, end: null },
  };
  replica.applied = { ...applied, index: logIndex(applied.index) };
}
