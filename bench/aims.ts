/** What the numbers should be (plan §17). A verdict compares with these; nothing is refused because of them. */
import type { SessionMode } from './load/session.ts';
import type { ServerName } from './peers/server.ts';

/** smtp-in: our throughput over that of the peer, in the same rounds of this combination. */
interface ThroughputAim {
  readonly peer: ServerName;
  readonly mode: SessionMode;
  readonly sizeKib: number;
  readonly sessions: number;
  /** Of ours; left out: one. */
  readonly nodes?: number;
  readonly ratioMin: number;
  /** What we would like; `ratioMin` is what must be. */
  readonly ratioWish?: number;
}

const throughput: readonly ThroughputAim[] = [
  { peer: 'postfix', mode: 'open', sizeKib: 10, sessions: 10, ratioMin: 3.5 },
  { peer: 'postfix', mode: 'open', sizeKib: 10, sessions: 50, ratioMin: 7 },
  { peer: 'postfix', mode: 'open', sizeKib: 100, sessions: 10, ratioMin: 4 },
  { peer: 'postfix', mode: 'one-per-connection', sizeKib: 10, sessions: 50, ratioMin: 4 },
  // Three copies of each mail, against a peer that keeps one.
  { peer: 'postfix', mode: 'open', sizeKib: 10, sessions: 50, nodes: 3, ratioMin: 3, ratioWish: 5 },
  { peer: 'bare', mode: 'open', sizeKib: 10, sessions: 10, ratioMin: 0.6, ratioWish: 0.8 },
  { peer: 'bare', mode: 'open', sizeKib: 10, sessions: 50, ratioMin: 0.6, ratioWish: 0.8 },
];

/** Undefined where nothing is aimed at. */
export function throughputAim(peer: ServerName, load: Omit<ThroughputAim, 'peer' | 'ratioMin'>) {
  const { nodes = 1 } = load;
  return throughput.find(
    (aim) =>
      aim.peer === peer &&
      aim.mode === load.mode &&
      aim.sizeKib === load.sizeKib &&
      aim.sessions === load.sessions &&
      (aim.nodes ?? 1) === nodes,
  );
}

export const aims = {
  /** The load generator must not be what is measured: its own CPU for a mail of 10 KiB on an open connection. */
  loadCpuUsPerMailMax: 90,
  /** smtp-in: share of all cores that other work may take before the numbers are worth nothing. */
  othersShareMax: 0.15,
  /** Scaling scenarios: how much dearer or slower the largest case may be than the smallest. */
  growthMax: 0.2,
  /** Scaling scenarios: RssAnon under load in the largest case. */
  rssAnonMibMax: 400,
  /** restart: from the start of the process until it is ready. */
  startMsMax: 3000,
  /** smtp-out: ours over Postfix, in the same rounds. */
  smtpOut: { deliveryRatioMin: 3, submissionRatioMin: 3, submissionSessions: 10 },
  /** queue-scale: RssAnon with the whole queue. */
  queueRssAnonMibMax: 500,
  /** queue-scale: p99 of others' mail while one domain is dead, over p99 without it. */
  deadDomainP99RatioMax: 1.5,
  /** idle-connections: RssAnon for each, in KiB: 30 KB. */
  idleConnectionKibMax: 29.3,
  /** cluster-latency: at this share of the highest throughput; slower than `paceShareMin` of that pace is not at it. */
  clusterLatency: { loadShare: 0.7, p99MsMax: 200, paceShareMin: 0.97 },
  /** cluster-idle: of each node, 150 MB; application bytes of both directions together. */
  clusterIdle: { cpuShareMax: 0.03, rssAnonMibMax: 143, bytesPerSecondMax: 10_000 },
  /** idle-groups: of each node at rest, 150 MB; of each survivor of a takeover, until all groups are served again. */
  idleGroups: { cpuShareMax: 0.02, rssAnonMibMax: 143, voteTransactions: 1, transactionsMax: 3 },
} as const;
