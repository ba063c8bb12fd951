/**
 * Takes a replica whose state is not that of the others out of the count, until it has a copy of theirs.
 *
 * Promises: it keeps its term and its vote, gives no vote by a log that it has dropped, and serves nothing meanwhile.
 * Leaves to others: who is right (`state-hashes.ts`), the copy (`copy-receiving.ts`; its leader begins it when it hears
 * of the state at the next append).
 */
import { logIndex } from '../../runtime/base/ids.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import { restoreGroup } from '../raft/group.ts';
import type { Settings } from '../raft/protocol.ts';
import type { Applying } from './applying.ts';
import { hardStateOf } from './batch.ts';
import type { CopyReceiving } from './copy-receiving.ts';
import type { Gathering } from './gathering.ts';
import { headOf, type HostedGroup } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import type { ReadRounds } from './read-rounds.ts';
import type { Roles } from './roles.ts';
import type { Verdict } from './state-hashes.ts';
import type { GroupWatch } from './stepping.ts';
import { encodeHost } from './wire.ts';

export interface QuarantineOptions {
  readonly settings: Settings;
  readonly gathering: Gathering;
  readonly outgoing: Outgoing;
  readonly applying: Applying;
  readonly roles: Roles;
  readonly reads: ReadRounds;
  readonly bodies: BodyTracker;
  readonly copying: CopyReceiving;
  readonly watch: GroupWatch | undefined;
}

export class Quarantine {
  readonly #o: QuarantineOptions;

  constructor(options: QuarantineOptions) {
    this.#o = options;
  }

  judge(group: HostedGroup, verdict: Verdict): void {
    const { outgoing, roles } = this.#o;
    switch (verdict.kind) {
      case 'reinstall': {
        const message = encodeHost(group.shard, { kind: 'quarantine', index: verdict.index });
        for (const node of verdict.nodes) outgoing.send(node, 'control', message, 0);
        return;
      }
      case 'reinstallLeader':
        return this.reinstall(group);
      case 'stop':
        group.isStopped = true;
        roles.changed(group, { serves: false });
    }
  }

  /** Its own state is rotten; where other voters have one it is given up for theirs. */
  rotten(group: HostedGroup): void {
    const { voters, witness } = group.raft.configuration;
    if (voters.some((node) => node !== group.self && node !== witness)) this.reinstall(group);
  }

  /** What is applied here is given up; entries behind it stay. */
  reinstall(group: HostedGroup): void {
    if (group.mark.installing !== null) return;
    // Votes go by what is applied from now on. A follower may have acked more, with which its leader has committed.
    const isMute = !group.raft.serves && group.last > group.applied.index;
    const { settings, gathering, applying, roles, reads, bodies, copying, watch } = this.#o;
    roles.changed(group, { serves: false });
    reads.lost(group);
    for (const entry of group.notApplied) applying.notPending(entry);
    const { index, term } = group.applied;
    for (const { hashes } of group.compact(index)) {
      for (const hash of hashes) gathering.add(bodies.entryReleases(hash));
    }
    const base = { index, term };
    const { configuration } = group.mark;
    group.beginCopy(null, base, configuration, isMute);
    group.raft = restoreGroup(
      {
        self: group.self,
        hardState: hardStateOf(group.mark),
        base,
        configuration,
        entries: group.entries.map(headOf),
        committed: logIndex(index),
        isInstalling: true,
        damagedFrom: null,
      },
      settings,
    );
    watch?.roleChanged(group.shard, { role: 'follower', term: group.raft.term, leader: null });
    gathering.giveUp(group, base);
    applying.moved(group, 0);
    gathering.marked(group);
    copying.begin(group, null);
  }
}
