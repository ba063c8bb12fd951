/** What a courier counts, and how that crosses a thread. */
import { CounterFamily, Histogram } from '../../runtime/observe/counters.ts';
import { flatCounts } from '../../runtime/observe/flat-counts.ts';
import { histogramRows } from '../../runtime/observe/metric-table.ts';
import type { EdgeStats } from '../../runtime/threads/control-channel.ts';
import type { AttemptResult, Job, RecipientResult, Report } from '../delivery-domain/protocol.ts';

/** What became of a report: handed in, as what it is; or nobody takes it. */
export type ReportFate = Report['kind'] | 'refused';

export class CourierCounts {
  /** Recipients. One whose attempt was not made (this thread stops) is not among them. */
  readonly attempts: Record<RecipientResult['outcome'], number> = { delivered: 0, deferred: 0, failed: 0, inDoubt: 0 };
  /** By reply code and enhanced code, `451 4.7.1`. Remote servers choose them, so there is a bound on how many. */
  readonly deferrals = new CounterFamily();
  readonly reports: Record<ReportFate, number> = { failure: 0, delay: 0, success: 0, refused: 0 };
  readonly attemptSeconds = new Histogram(histogramRows.ringpost_attempt_seconds.bounds);
  readonly outboundSeconds = new Histogram(histogramRows.ringpost_outbound_seconds.bounds);

  countAttempt({ enqueuedMs }: Job, { recipients, tookMs }: AttemptResult, nowMs: number): void {
    if (recipients.length === 0) return;
    this.attemptSeconds.observe(tookMs / 1_000);
    for (const { outcome, code, enhanced } of recipients) {
      this.attempts[outcome]++;
      if (outcome === 'deferred') this.deferrals.of(enhanced === '' ? `${code}` : `${code} ${enhanced}`).add();
      // Wall clocks jump.
      if (outcome === 'delivered') this.outboundSeconds.observe(Math.max(0, nowMs - enqueuedMs) / 1_000);
    }
  }
}

export interface CourierStats {
  readonly connections: number;
  readonly domainsServed: number;
  readonly domainsWaiting: number;
  /** Reports that wait here or are being written. */
  readonly reportsInHand: number;
  readonly counts: CourierCounts;
}

/** For metrics. */
export function flatStats({
  counts,
  connections,
  domainsServed,
  domainsWaiting,
  reportsInHand,
}: CourierStats): EdgeStats {
  const { attempts, deferrals, reports, attemptSeconds, outboundSeconds } = counts;
  return flatCounts({
    counters: {
      ringpost_attempts_total: Object.entries(attempts),
      ringpost_deferrals_total: [...deferrals].map(([reason, { value }]) => [reason, value] as const),
      ringpost_reports_total: Object.entries(reports),
    },
    histograms: { ringpost_attempt_seconds: attemptSeconds, ringpost_outbound_seconds: outboundSeconds },
    gauges: {
      ringpost_courier_connections: connections,
      ringpost_courier_domains: [
        ['served', domainsServed],
        ['waiting', domainsWaiting],
      ],
      ringpost_courier_reports: reportsInHand,
    },
  });
}
