/** What a node of ours has counted since it started: the one place that knows the names of its metrics. */
import { parseMetrics, sumOf } from '../measure/prometheus.ts';
import { httpGet } from './http-get.ts';

/** NaN: it does not tell. */
export interface NodeCounts {
  /** Answered with `250` by its own edge. */
  readonly mails: number;
  readonly commits: number;
  /** Log entries in them, of shards that it leads or follows. */
  readonly entries: number;
  /** Application bytes that came over the mesh, all lanes. */
  readonly meshBytesIn: number;
  readonly meshBytesOut: number;
}

const scrapeMsMax = 10_000;

/** @throws {Error} when it does not answer */
export async function nodeCounts(name: string, httpPort: number): Promise<NodeCounts> {
  const answer = await httpGet(httpPort, '/metrics', scrapeMsMax);
  if (answer?.status !== 200) throw new Error(`${name} does not show its metrics: ${answer?.status ?? 'no answer'}`);
  return countsIn(answer.text);
}

export function countsIn(text: string): NodeCounts {
  const samples = parseMetrics(text);
  return {
    // A label is shown from the first time that it is counted.
    mails: sumOf(samples, 'ringpost_mails_accepted_total') || 0,
    commits: sumOf(samples, 'ringpost_commit_entries_count'),
    entries: sumOf(samples, 'ringpost_commit_entries_sum'),
    meshBytesIn: sumOf(samples, 'ringpost_mesh_in_bytes'),
    meshBytesOut: sumOf(samples, 'ringpost_mesh_out_bytes'),
  };
}
