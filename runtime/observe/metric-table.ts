/**
 * Every metric of a node: its name for Prometheus, what it says, and where its number comes from. To add one, add a row
 * (and a field of `NodeReadings` if it is read at scrape time). Names are a promise to people's dashboards.
 */
import { type Counter, CounterFamily, Histogram } from './counters.ts';

export interface CounterRow {
  readonly help: string;
  /** Name of the one label. */
  readonly label: string;
}

/** Counted by the core, or by workers through `CoreApi.count(name, {[label]: value}, by)`. */
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

export const histogramRows = {
  ringpost_commit_seconds: { help: 'Time of one group commit, with its fsync.', bounds: secondBounds },
  ringpost_commit_entries: { help: 'Entries of one group commit.', bounds: sizeBounds },
  ringpost_commit_bytes: {
    help: 'Bytes of rows of one group commit.',
    bounds: Array.from({ length: 8 }, (_, i) => 1024 * 4 ** i),
  },
  ringpost_turn_seconds: { help: 'Time of one turn of an actor.', bounds: secondBounds.map((bound) => bound / 10) },
  ringpost_delivery_seconds: { help: 'From the receipt of a mail until it is in its mailbox.', bounds: secondBounds },
} as const satisfies Readonly<Record<string, HistogramRow>>;

export type HistogramName = keyof typeof histogramRows;

/** What is read at scrape time. Null: not known, and then not shown. */
export interface NodeReadings {
  readonly backlogCommands: number | null;
  readonly pendingBytes: number | null;
  readonly activations: number | null;
  readonly storeSizeBytes: number | null;
  readonly storeSizeBytesMax: number | null;
  readonly storeFreeBytes: number | null;
  readonly sessions: number | null;
}

export const gaugeRows: Readonly<Record<keyof NodeReadings, { readonly name: string; readonly help: string }>> = {
  backlogCommands: { name: 'ringpost_backlog_commands', help: 'Commands that wait for their turn.' },
  pendingBytes: { name: 'ringpost_pending_bytes', help: 'Bytes appended and not yet durable.' },
  activations: { name: 'ringpost_activations', help: 'Actors in memory.' },
  storeSizeBytes: { name: 'ringpost_store_size_bytes', help: 'Size of the store on disk.' },
  storeSizeBytesMax: { name: 'ringpost_store_size_bytes_max', help: 'Size up to which the store may grow.' },
  storeFreeBytes: { name: 'ringpost_store_free_bytes', help: 'Free bytes of the file system below the store.' },
  sessions: { name: 'ringpost_sessions', help: 'Open client sessions.' },
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
