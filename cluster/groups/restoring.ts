/**
 * Makes the replicas of a node out of what its disk says.
 *
 * Promises: a damaged entry keeps its place in the log; where logs ended nobody knows any more, replicas are copied anew and
 * give no vote until then; a lone voter with either stops the node with the cure.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import { restoreGroup } from '../raft/group.ts';
import type { Settings } from '../raft/protocol.ts';
import { hardStateOf } from './batch.ts';
import { entryDamaged, logDamaged } from './codes.ts';
import type { EntryCache } from './entry-cache.ts';
import { baseOf, headOf, HostedGroup, type KeptEntry } from './hosted-group.ts';
import type { GivenUp } from './recovered-damage.ts';
import type { Recovered, RecoveredReplica } from './recovery.ts';

export interface RestoringOptions {
  readonly self: NodeId;
  readonly cache: EntryCache;
  readonly settings: Settings;
  /** Of entries that are given up with their log: somebody else may need them, or nobody. */
  readonly dropped: (hashes: readonly string[]) => void;
}

/** @throws {OperationError} `entryDamaged`, `logDamaged` */
export function restoreReplicas({ replicas, givenUp }: Recovered, o: RestoringOptions): readonly HostedGroup[] {
  return replicas.map((replica) => {
    const why = givenUp.get(replica.shard);
    if (why !== undefined) giveUp(replica, o, why);
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
function giveUp(replica: RecoveredReplica, { self, dropped }: RestoringOptions, { batch, isMute }: GivenUp): void {
  const { mark, applied, log } = replica;
  for (const { hashes } of log.entries) dropped(hashes);
  const { voters, learners } = mark.configuration;
  if (voters.length === 1 && learners.length === 0 && voters[0] === self) throw logDamaged(batch);
  const base = { index: applied.index, term: applied.term };
  log.truncate(0);
  // Who gives a copy already takes it for under way, and does not offer it again.
  const from = mark.installing?.from ?? null;
  const installing = { base, from, isCleared: false, copiedTo: null, end: null };
  // Of a whole one nobody knows what it acked; one that was being copied votes by its base, and acked nothing that counts.
  replica.mark = { ...mark, installing: { ...installing, isMute: isMute || (mark.installing?.isMute ?? true) } };
  replica.applied = { ...applied, hash: 0 };
}
