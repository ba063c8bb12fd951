/** What the numbers should be. A verdict compares with these; nothing is refused because of them. */

export const aims = {
  /** smtp-in: our throughput over that of the peer, in the same rounds. */
  throughputRatioMin: { postfix: 1, bare: 0.5 },
  /** The load generator must not be what is measured: its own CPU for a mail of 10 KiB on an open connection. */
  loadCpuUsPerMailMax: 90,
  /** smtp-in: share of all cores that other work may take before the numbers are worth nothing. */
  othersShareMax: 0.15,
  /** Scaling scenarios: how much dearer or slower the largest case may be than the smallest. */
  growthMax: 0.2,
  /** restart: from the start of the process until it is ready. */
  startMsMax: 3000,
  /** idle-connections: RssAnon for each. */
  idleConnectionKibMax: 32,
} as const;
