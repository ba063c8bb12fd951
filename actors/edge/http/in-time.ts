/** Waits for an answer, but not for ever. */
import type { Clock } from '../../../runtime/base/clock.ts';
import type { OperationError } from '../../../runtime/base/errors.ts';

/** What `value` comes to; rejects with `late` after `msMax`, and what comes then is nobody's. */
export function inTime<Value>(
  clock: Clock,
  msMax: number,
  value: Promise<Value>,
  late: () => OperationError,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(msMax, () => reject(late()));
    value.then(resolve, reject).finally(cancel);
  });
}
