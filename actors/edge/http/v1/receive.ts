/**
 * Takes in the body of a request: within a size, within the memory that all requests share, and not for ever.
 *
 * Promises: a client that sends slower than `bytesPerSecondMin` is cut off; what was taken of the memory is given back
 * when `use` has ended, however it ends.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../../runtime/base/clock.ts';
import { OperationError } from '../../../../runtime/base/errors.ts';
import { readBody } from '../request-body.ts';
import type { ApiContext } from './api-context.ts';
import { connectionLost, tooSlow } from './codes.ts';

/** A phone on a bad line does ten times as much. */
const bytesPerSecondMin = 1_024;
/** From when on the rate counts, and how often it is looked at. */
const graceMs = 10_000;
const lookMs = 5_000;

export interface Received {
  readonly request: Request;
  readonly incoming: IncomingMessage;
  readonly bytesMax: number;
  /** What a byte of the request costs in memory until the mail is committed: text is held several times. */
  readonly memoryFactor: number;
}

/** @throws {OperationError} `requestTooLarge`, `busy`, `tooSlow`; and what `use` throws */
export async function received<Value>(
  { budget, clock }: Pick<ApiContext, 'budget' | 'clock'>,
  { request, incoming, bytesMax, memoryFactor }: Received,
  use: (bytes: Uint8Array<ArrayBuffer>) => Promise<Value>,
): Promise<Value> {
  const share = budget.open();
  try {
    const pace = watchPace(clock, () => incoming.destroy());
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await readBody(request, bytesMax, (count) => {
        pace.came(count);
        share.take(count * memoryFactor);
      });
    } catch (error) {
      if (error instanceof OperationError) throw error;
      throw pace.isTooSlow ? tooSlow() : connectionLost();
    } finally {
      pace.stop();
    }
    return await use(bytes);
  } finally {
    share.close();
  }
}

function watchPace(clock: Clock, cut: () => void) {
  const beganMs = clock.monotonicMs();
  let bytes = 0;
  const pace = {
    isTooSlow: false,
    came: (count: number): void => void (bytes += count),
    stop: (): void => cancel(),
  };
  const look = (): void => {
    const tookMs = clock.monotonicMs() - beganMs;
    if (tookMs > graceMs && bytes < ((tookMs - graceMs) / 1_000) * bytesPerSecondMin) {
      pace.isTooSlow = true;
      cut();
    } else cancel = clock.after(lookMs, look);
  };
  let cancel = clock.after(lookMs, look);
  return pace;
}
