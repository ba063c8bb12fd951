/** Every code of starting and stopping a node. */
import { type OperationError, refused, tryLater } from '../base/errors.ts';

export const stageTooSlow = (name: string, limitMs: number): OperationError =>
  tryLater('stageTooSlow', `"${name}" did not come up within ${limitMs} ms; the log says what it did last`);

export const stoppedMeanwhile = (): OperationError => tryLater('stopping', 'this node was stopped while it started');

export const badCertificate = (what: string, cause?: unknown): OperationError =>
  refused('badCertificate', cause instanceof Error ? `${what}: ${cause.message}` : what);
