/**
 * How far a long command is, on standard error: one line that rewrites itself on a terminal, or, where `--progress`
 * asks for it in a script's log, a line now and then.
 */
import type { Clock } from '../base/clock.ts';
import type { CliIo } from './io.ts';
import { formatCount } from './units.ts';

const redrawMs = 100;
const lineMs = 5_000;

export interface Progress {
  /** `share` of the whole: 0 … 1, or null where it is not known. */
  report(done: number, share: number | null): void;
  /** Ends the line. The command prints its own summary. */
  end(): void;
}

export function startProgress(io: CliIo, clock: Clock, noun: string, isForced: boolean): Progress {
  if (!io.isErrTerminal && !isForced) return { report() {}, end() {} };
  const startedMs = clock.monotonicMs();
  const stepMs = io.isErrTerminal ? redrawMs : lineMs;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let latest = '';

  const draw = (): void => io.err(io.isErrTerminal ? `\r\x1b[K${latest}` : `${latest}\n`);
  return {
    report(done, share) {
      const nowMs = clock.monotonicMs();
      const perSecond = Math.round((done * 1000) / Math.max(1, nowMs - startedMs));
      const percent = share === null ? '' : ` (${Math.floor(100 * share)} %)`;
      latest = `${formatCount(done)} ${noun}${percent}, ${formatCount(perSecond)}/s`;
      if (nowMs - drawnMs < stepMs) return;
      drawnMs = nowMs;
      draw();
    },
    end() {
      if (latest === '') return;
      draw();
      if (io.isErrTerminal) io.err('\n');
    },
  };
}
