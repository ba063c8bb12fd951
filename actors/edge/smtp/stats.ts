/** What the edge counts, and how that crosses a thread. */
import { Histogram } from '../../../runtime/observe/counters.ts';
import { flatCounts } from '../../../runtime/observe/flat-counts.ts';
import { histogramRows } from '../../../runtime/observe/metric-table.ts';
import type { EdgeStats as FlatStats } from '../../../runtime/threads/control-channel.ts';

/** What the edge counts. Plain numbers, so that they can cross a thread as they are. */
export interface EdgeStats {
  /** Open sessions. */
  sessions: number;
  sessionsTotal: number;
  accepted: number;
  acceptedBytes: number;
  /** From the final dot to the commit. */
  readonly deliverySeconds: Histogram;
  /** Bytes of mail in memory: on the way in, or waiting for their commit. */
  dataBytes: number;
  /** Connections refused before a session was made, by reason. */
  readonly connectionsRefused: Record<string, number>;
  /** 4xx and 5xx replies, by code and enhanced code: `550 5.1.1`. Bounded by the table of replies. */
  readonly refused: Record<string, number>;
}

export function newStats(): EdgeStats {
  return {
    sessions: 0,
    sessionsTotal: 0,
    accepted: 0,
    acceptedBytes: 0,
    deliverySeconds: new Histogram(histogramRows.ringpost_delivery_seconds.bounds),
    dataBytes: 0,
    connectionsRefused: {},
    refused: {},
  };
}

const keysMax = 200;

export function countIn(counts: Record<string, number>, key: string): void {
  const count = counts[key];
  if (count !== undefined) counts[key] = count + 1;
  // An actor's error may carry any code; a flood of new ones must not grow the table.
  else if (Object.keys(counts).length < keysMax) counts[key] = 1;
}

/** For metrics and status. */
export function flatStats({ sessions, accepted, refused, connectionsRefused, deliverySeconds }: EdgeStats): FlatStats {
  return flatCounts({
    counters: {
      ringpost_mails_accepted_total: [['smtp', accepted]],
      ringpost_mails_refused_total: Object.entries(refused),
      ringpost_connections_refused_total: Object.entries(connectionsRefused),
    },
    histograms: { ringpost_delivery_seconds: deliverySeconds },
    gauges: { ringpost_sessions: sessions },
  });
}
