/** How a process is told to stop: SIGTERM of a service manager, SIGINT of a terminal. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../observe/logger.ts';

/** A service manager may signal twice for one stop, so what means "at once" comes later than this. */
const impatientMs = 1_000;

/** Settles at the first signal. A second one that comes no sooner than `impatientMs` after it ends the process at once. */
export function signalled(log: Pick<Logger, 'info' | 'warn' | 'flush'>, clock: Clock): Promise<void> {
  let firstMs: number | undefined;
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = clock.monotonicMs();
      if (firstMs === undefined) {
        firstMs = nowMs;
        log.info({ signal }, 'stopping');
        resolve();
      } else if (nowMs - firstMs > impatientMs) {
        log.warn({ signal }, 'stopping at once');
        log.flush();
        process.exit(1);
      }
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
