/** Every code that the way between two threads itself answers with. `busy` and `deadlinePassed` mean what the engine's mean. */
import { type ErrorData, type OperationError, refused, tryLater } from '../base/errors.ts';

export const callsBusy = (): OperationError =>
  tryLater('busy', 'too many calls wait for the core; try again in a moment');

export const deadlinePassed = (): OperationError =>
  tryLater('deadlinePassed', 'no answer came in time; whether it happened is unknown; try again');

/** The thread at the other end ended before it answered: nobody knows whether the call had its effect. */
export const workerLost = (name: string): OperationError =>
  tryLater('workerLost', `${name} ended before it answered; it is restarted by itself; try again`);

/** A caller's bug: something in the value is no plain data (a function, a promise), or it is nested too deep. */
export const notSendable = (what: string): OperationError =>
  refused('notSendable', `${what} cannot cross to another thread`);

export const workerStartFailed = (name: string, cause: ErrorData): OperationError =>
  cause.transient
    ? tryLater(cause.code, `${name} did not start: ${cause.text}`)
    : refused(cause.code, `${name} did not start: ${cause.text}`);
