/**
 * Every metric of a node: its name for Prometheus, what it says, and its label if it has one. To add one, add a row.
 * Names are a promise to people's dashboards.
 *
 * Leaves to others: counting (`counters.ts`, and `flat-counts.ts` for workers that count for themselves), reading gauges at
 * scrape time (whoever composes the node).
 */
import { type Counter, CounterFamily, Histogram } from './counters.ts';

export interface CounterRow {
  readonly help: string;
  /** Name of the one label. */
  readonly label: string;
}

/** Counted by the core, by workers through `CoreApi.count(name, {[label]: value}, by)`, or by workers for themselves. */
export const counterRows = {
  ringpost_mails_accepted_total: { help: 'Mails answered with success after their commit.', label: 'edge' },
  ringpost_mails_refused_total: { help: 'Refusals of mails or recipients, by reply code.', label: 'reason' },
  ringpost_connections_refused_total: { help: 'Connections refused before a session began.', label: 'reason' },
  ringpost_commands_refused_total: {
    help: 'Commands and queries that an actor or the engine refused, by code.',
    label: 'code',
  },
  ringpost_turns_slow_total: {
    help: 'Turns that took longer than their warning limit, by kind of actor.',
    label: 'kind',
  },
  ringpost_dead_letters_total: { help: 'Notices that failed for good, by kind of actor.', label: 'kind' },
  ringpost_bugs_total: { help: 'Errors that nobody foresaw; each has a log line.', label: 'where' },
  ringpost_attempts_total: {
    help: 'Recipients of attempts at other servers, by outcome: delivered, deferred, failed, inDoubt.',
    label: 'outcome',
  },
  ringpost_deferrals_total: {
    help: 'Recipients that are tried again later, by reply code and enhanced code; code 0: no reply.',
    label: 'reason',
  },
  ringpost_reports_total: {
    help: 'Reports to senders (DSNs) that were handed in, by kind: failure, delay, success; refused: nobody takes it.',
    label: 'kind',
  },
  ringpost_worker_crashes_total: { help: 'Worker threads that ended unasked and were restarted.', label: 'thread' },
} as const satisfies Readonly<Record<string, CounterRow>>;

export type CounterName = keyof typeof counterRows;

export interface HistogramRow {
  readonly help: string;
  readonly bounds: readonly number[];
}

/** 0.25 ms to 8 s: an fsync on a good disk takes under 1 ms, one on a hanging disk takes seconds. */
const secondBounds = Array.from({ length: 16 }, (_, i) => 0.000_25 * 2 ** i);
const sizeBounds = Array.from({ length: 11 }, (_, i) => 2 ** i);

const [minute, hour] = [60, 3_600];
/** A mail is on its way for a moment, or for the days of the schedule; in between it waits. */
const outboundBounds = [0.1, 0.3, 1, 3, 10, 30, minute, 5 * minute, 15 * minute, hour, 4 * hour, 12 * hour, 24 * hour];
/** Up to the ten minutes that a server may take after the dot (RFC 5321 §4.5.3.2.6). */
const attemptBounds = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, minute, 2 * minute, 5 * minute, 10 * minute];

export const histogramRows = {
  ringpost_commit_seconds: { help: 'Time of one group commit, with its fsync.', bounds: secondBounds },
  ringpost_commit_entries: { help: 'Entries of one group commit.', bounds: sizeBounds },
  ringpost_commit_bytes: {
    help: 'Bytes of rows of one group commit.',
    bounds: Array.from({ length: 8 }, (_, i) => 1024 * 4 ** i),
  },
  ringpost_turn_seconds: { help: 'Time of one turn of an actor.', bounds: secondBounds.map((bound) => bound / 10) },
  ringpost_delivery_seconds: { help: 'From the receipt of a mail until it is in its mailbox.', bounds: secondBounds },
  ringpost_outbound_seconds: {
    help: 'From the entry into the queue until another server has it, by recipient.',
    bounds: outboundBounds,
  },
  ringpost_attempt_seconds: {
    help: 'Time of one attempt: from when a mail has its turn until its result.',
    bounds: attemptBounds,
  },
} as const satisfies Readonly<Record<string, HistogramRow>>;

export type HistogramName = keyof typeof histogramRows;

export interface GaugeRow {
  readonly help: string;
  /** Name of the one label; none: it is one number. */
  readonly label?: string;
}

/** Read at each scrape. */
export const gaugeRows = {
  ringpost_backlog_commands: { help: 'Commands that wait for their turn.' },
  ringpost_pending_bytes: { help: 'Bytes appended and not yet durable.' },
  ringpost_activations: { help: 'Actors in memory.' },
  ringpost_store_size_bytes: { help: 'Size of the store on disk.' },
  ringpost_store_size_bytes_max: { help: 'Size up to which the store may grow.' },
  ringpost_store_free_bytes: { help: 'Free bytes of the file system below the store.' },
  ringpost_shards_led: { help: 'Shards that this node leads.' },
  ringpost_mesh_in_bytes: { help: 'Bytes of frames that other nodes sent, since the start.', label: 'lane' },
  ringpost_mesh_out_bytes: { help: 'Bytes of frames sent to other nodes, since the start.', label: 'lane' },
  ringpost_mesh_links: { help: 'Other nodes that this one has a link with.' },
  ringpost_sessions: { help: 'Open client sessions.' },
  ringpost_courier_connections: { help: 'Connections to other servers, open or being opened.' },
  ringpost_courier_domains: {
    help: 'Domains that couriers know to have work: served (with a connection), waiting for a connection, or both.',
    label: 'state',
  },
  ringpost_courier_reports: { help: 'Reports to senders (DSNs) that are being written.' },
  ringpost_queue_mails: {
    help: 'Mail in the queues, by state: queued, attempting, inDoubt, held, dropped (can still be brought back).',
    label: 'state',
  },
  ringpost_queue_oldest_seconds: { help: 'Age of the oldest mail in the queues, in any state; 0: there is none.' },
  ringpost_queue_domains: { help: 'Domains with mail or reports in their queue.' },
  ringpost_queue_reports: { help: 'Reports that senders have not been sent yet.' },
  ringpost_queue_domain_mails: { help: 'Mail in the longest queues; of all others nothing is shown.', label: 'domain' },
  ringpost_queue_complete: {
    help: '1: all ringpost_queue_ numbers are of now. 0: some queues have not been read yet (again).',
  },
} as const satisfies Readonly<Record<string, GaugeRow>>;

export type GaugeName = keyof typeof gaugeRows;

/** Label value and number. */
export type LabelledNumbers = readonly (readonly [string, number])[];

/** Values of gauges. Left out, or null: not known, and then not shown. */
export type Readings = {
  readonly [Name in GaugeName]?: (typeof gaugeRows)[Name] extends { readonly label: string }
    ? LabelledNumbers
    : number | null;
};

/** All counters and histograms of a node, at zero. */
export class NodeCounts {
  readonly #counters = new Map<string, CounterFamily>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    for (const name of Object.keys(counterRows)) this.#counters.set(name, new CounterFamily());
    for (const [name, { bounds }] of Object.entries(histogramRows)) this.#histograms.set(name, new Histogram(bounds));
  }

  /** Look it up once and keep it. */
  counter(name: CounterName, label: string): Counter {
    return this.family(name).of(label);
  }

  family(name: CounterName): CounterFamily {
    return this.#counters.get(name)!;
  }

  histogram(name: HistogramName): Histogram {
    return this.#histograms.get(name)!;
  }

  /** `CoreTarget.count`: what workers add, or observe for a histogram. Answers false for a metric that is not in the table. */
  count(name: string, labels: Readonly<Record<string, string>>, by: number): boolean {
    if (Object.hasOwn(histogramRows, name)) {
      this.histogram(name as HistogramName).observe(by);
      return true;
    }
    if (!Object.hasOwn(counterRows, name)) return false;
    const known = name as CounterName;
    this.counter(known, labels[counterRows[known].label] ?? 'unknown').add(by);
    return true;
  }
}
