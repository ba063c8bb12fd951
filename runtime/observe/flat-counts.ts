/**
 * What a worker counts for itself, as plain numbers that cross a thread and can be added up over workers:
 *
 *     ringpost_sessions   ringpost_deferrals_total 451 4.7.1   ringpost_attempt_seconds 3   ringpost_attempt_seconds sum
 *
 * Each is the name of a metric, and behind a space the value of its label, or the bucket of a histogram. Counting through a
 * port would cost more than the count, so workers are asked now and then.
 */
import type { EdgeStats } from '../threads/control-channel.ts';
import type { Counter, Histogram } from './counters.ts';
import {
  type CounterName,
  counterRows,
  type GaugeName,
  type GaugeRow,
  gaugeRows,
  type HistogramName,
  histogramRows,
  type NodeCounts,
  type Readings,
} from './metric-table.ts';

export interface WorkerCounts {
  /** Label value and number of each. */
  readonly counters: Partial<Record<CounterName, Iterable<readonly [string, number]>>>;
  readonly histograms: Partial<Record<HistogramName, Histogram>>;
  readonly gauges: Readings;
}

/** The name of one flat number. @param detail a label value; '' where there is no label */
export function flatName(name: CounterName | GaugeName | HistogramName, detail: string | number): string {
  return detail === '' ? name : `${name} ${detail}`;
}

/** The worker's end. */
export function flatCounts({ counters, histograms, gauges }: WorkerCounts): EdgeStats {
  const flat: Record<string, number> = {};
  for (const [name, numbers] of Object.entries(counters)) {
    for (const [label, value] of numbers) flat[flatName(name as CounterName, label)] = value;
  }
  for (const [name, { counts, sum }] of Object.entries(histograms)) {
    for (const [bucket, count] of counts.entries()) flat[flatName(name as HistogramName, bucket)] = count;
    flat[flatName(name as HistogramName, sumDetail)] = sum;
  }
  for (const [name, reading] of Object.entries(gauges)) {
    const numbers = typeof reading === 'number' ? [['', reading] as const] : (reading ?? []);
    for (const [label, value] of numbers) flat[flatName(name as GaugeName, label)] = value;
  }
  return flat;
}

/**
 * The core's end: takes over counters and histograms, and answers the gauges. What a worker that is down has counted stays as
 * it was; other numbers are left alone.
 */
export function takeFlat(counts: NodeCounts, flat: EdgeStats): Readings {
  const gauges: Record<string, number | [string, number][]> = {};
  // Beyond the bound on label values, several of them are one counter.
  const taken = new Map<Counter, number>();
  for (const [key, value] of Object.entries(flat)) {
    const [name, label] = partsOf(key);
    if (Object.hasOwn(counterRows, name)) {
      const counter = counts.counter(name as CounterName, label);
      taken.set(counter, (taken.get(counter) ?? 0) + value);
    } else if (Object.hasOwn(gaugeRows, name)) {
      const { label: hasLabel }: GaugeRow = gaugeRows[name as GaugeName];
      if (hasLabel === undefined) gauges[name] = value;
      else gauges[name] = [...((gauges[name] as [string, number][] | undefined) ?? []), [label, value]];
    }
  }
  for (const [counter, value] of taken) counter.value = value;
  for (const name of Object.keys(histogramRows) as HistogramName[]) {
    const sum = flat[flatName(name, sumDetail)];
    if (sum === undefined) continue;
    const histogram = counts.histogram(name);
    histogram.set(
      histogram.counts.map((_, bucket) => flat[flatName(name, bucket)] ?? 0),
      sum,
    );
  }
  return gauges;
}

const sumDetail = 'sum';

function partsOf(key: string): [name: string, detail: string] {
  const space = key.indexOf(' ');
  return space < 0 ? [key, ''] : [key.slice(0, space), key.slice(space + 1)];
}
