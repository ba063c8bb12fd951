/** What both sinks, ours and Postfix's, give to a scenario. */
import type { SinkCounts } from './counts.ts';

export interface RunningSink {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Since the start, or the last `reset`. */
  counts(): Promise<SinkCounts>;
  reset(): Promise<void>;
  stop(): Promise<void>;
}
