/** How late the loop of this thread is: the only importer of perf_hooks' delay monitor. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Quantile -> seconds. */
export type DelayQuantiles = Readonly<Record<'0.5' | '0.99' | '1', number>>;

export interface LoopDelay {
  /** Of the time since the last call. */
  take(): DelayQuantiles;
  stop(): void;
}

/** The monitor is a timer of its own, and late by its resolution even when the loop is idle. */
const resolutionMs = 10;

export function watchLoopDelay(): LoopDelay {
  const monitor = monitorEventLoopDelay({ resolution: resolutionMs });
  monitor.enable();
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3);
  return {
    take() {
      // Without a sample (the first turn) the monitor knows no percentiles.
      const isEmpty = monitor.count === 0;
      const quantiles = {
        '0.5': isEmpty ? 0 : seconds(monitor.percentile(50)),
        '0.99': isEmpty ? 0 : seconds(monitor.percentile(99)),
        '1': isEmpty ? 0 : seconds(monitor.max),
      };
      monitor.reset();
      return quantiles;
    },
    stop: () => void monitor.disable(),
  };
}
