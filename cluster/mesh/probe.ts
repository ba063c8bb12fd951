/** One bare TCP connect: whether somebody listens. Not a byte is said. */
import { connect } from 'node:net';
import type { Clock } from '../../runtime/base/clock.ts';
import { parseAddress } from './addresses.ts';
import type { Cancellable } from './dialler.ts';

/** @param done whether the machine over there refused; once, never from within this call */
export function probe(address: string, clock: Clock, msMax: number, done: (isRefused: boolean) => void): Cancellable {
  const place = parseAddress(address);
  if (place === null) {
    clock.soon(() => done(false));
    return { cancel: () => {} };
  }
  let isOver = false;
  const socket = connect(place);
  const end = (isRefused: boolean | null): void => {
    if (isOver) return;
    isOver = true;
    cancelDeadline();
    socket.destroy();
    if (isRefused !== null) done(isRefused);
  };
  const cancelDeadline = clock.after(msMax, () => end(false));
  socket.on('connect', () => end(false));
  socket.on('error', (error) => end(isNobodyListening(error)));
  return { cancel: () => end(null) };
}

/** Of a name with several addresses all were tried: one that cannot be reached from here says nothing. */
export function isNobodyListening(error: Error): boolean {
  const all: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  return all.some((one) => (one as NodeJS.ErrnoException).code === 'ECONNREFUSED');
}
