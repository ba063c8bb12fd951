/**
 * The text that Prometheus scrapes. The only importer of prom-client, which meets our numbers at scrape time: on hot
 * paths it would cost a label hash for each addition.
 */
import { Gauge, type Metric, Counter as PromCounter, Registry } from 'prom-client';
import type { CounterFamily, Histogram } from './counters.ts';
import type { LoopDelay } from './event-loop.ts';
import {
  type CounterName,
  counterRows,
  type GaugeName,
  type GaugeRow,
  gaugeRows,
  type HistogramName,
  histogramRows,
  type LabelledNumbers,
  type NodeCounts,
  type Readings,
} from './metric-table.ts';

export interface MetricsOptions {
  readonly counts: NodeCounts;
  /** Called once at each scrape. */
  readonly read: () => Promise<Readings>;
  readonly loopDelay: LoopDelay;
  /** Constant labels, e.g. {node: 'n1'}. */
  readonly labels: Readonly<Record<string, string>>;
}

export class Metrics {
  readonly #o: MetricsOptions;
  readonly #registry = new Registry();
  readonly #delay: Gauge<'quantile'>;
  readonly #memory: Gauge;
  readonly #cpu: PromCounter;
  #readings: Readings = {};

  constructor(options: MetricsOptions) {
    this.#o = options;
    const registers = [this.#registry];
    this.#registry.setDefaultLabels({ ...options.labels });
    for (const name of Object.keys(counterRows) as CounterName[]) {
      this.#show(name, () => shownCounters(name, options.counts.family(name)));
    }
    for (const name of Object.keys(histogramRows) as HistogramName[]) {
      this.#show(name, () => shownHistogram(name, options.counts.histogram(name)));
    }
    for (const name of Object.keys(gaugeRows) as GaugeName[]) {
      this.#show(name, () => shownGauge(name, this.#readings[name] ?? null));
    }
    const delayHelp = 'Time by which the core loop was late since the last scrape.';
    this.#delay = new Gauge({
      name: 'ringpost_event_loop_delay_seconds',
      help: delayHelp,
      labelNames: ['quantile'],
      registers,
    });
    this.#memory = new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory, all threads.',
      registers,
    });
    this.#cpu = new PromCounter({
      name: 'process_cpu_seconds_total',
      help: 'User and system time, all threads.',
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async scrape(): Promise<string> {
    this.#readings = await this.#o.read();
    for (const [quantile, seconds] of Object.entries(this.#o.loopDelay.take())) this.#delay.set({ quantile }, seconds);
    this.#memory.set(process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    this.#cpu.reset();
    this.#cpu.inc((user + system) / 1_000_000);
    return await this.#registry.metrics();
  }

  #show(name: string, show: () => object): void {
    const metric = { name, get: () => Promise.resolve(show()) };
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}

// What a registry needs of a metric (`registerMetric` and `get`, prom-client 15.1), showing what ours counted: its own
// counters and gauges would have to be filled label by label, and its histogram has no way to be set.

function shownGauge(name: GaugeName, reading: number | LabelledNumbers | null): object {
  const { help, label = '' }: GaugeRow = gaugeRows[name];
  const numbers = typeof reading === 'number' ? [['', reading] as const] : (reading ?? []);
  const values = numbers.map(([text, value]) => ({ labels: label === '' ? {} : { [label]: text }, value }));
  return { name, help, type: 'gauge', aggregator: 'sum', values };
}

function shownCounters(name: CounterName, family: CounterFamily): object {
  const { help, label } = counterRows[name];
  const values = [...family].map(([text, { value }]) => ({ labels: { [label]: text }, value }));
  return { name, help, type: 'counter', aggregator: 'sum', values };
}

function shownHistogram(name: HistogramName, { bounds, counts, sum, count }: Histogram): object {
  let below = 0;
  const buckets = [...bounds, '+Inf'].map((le, bucket) => {
    below += counts[bucket]!;
    return { metricName: `${name}_bucket`, labels: { le }, value: below };
  });
  const totals = [
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
  return {
    name,
    help: histogramRows[name].help,
    type: 'histogram',
    aggregator: 'sum',
    values: [...buckets, ...totals],
  };
}
