/** Waits for what sockets and other processes bring about in real time. */
import { setTimeout as pause } from 'node:timers/promises';

const waitMsMax = 15_000;

/** @throws {Error} when it is not so after a long while */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const endMs = performance.now() + waitMsMax; !isSo(); ) {
    if (performance.now() > endMs) throw new Error(`${what} never became so`);
    await pause(2);
  }
}
