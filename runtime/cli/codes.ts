/** Every code that the command line itself refuses with, and the exit status that a code leads to. */
import { type ErrorData, type OperationError, refused, tryLater } from '../base/errors.ts';

/** What scripts may rely on: 0 done, 1 refused, 2 wrong usage. */
export const exitStatus = { done: 0, refused: 1, wrongUsage: 2 } as const;

/** `badArguments` is the admin API's word for the same thing: the command was put wrongly, nothing was tried. */
const usageCodes: ReadonlySet<string> = new Set(['wrongUsage', 'badArguments', 'badAddress']);

export function exitStatusOf(error: ErrorData): number {
  return usageCodes.has(error.code) ? exitStatus.wrongUsage : exitStatus.refused;
}

export const wrongUsage = (text: string): OperationError => refused('wrongUsage', text);

export const badArguments = (command: string, what: string): OperationError =>
  refused('badArguments', `${command}: ${what}`);

export const notRunning = (dataDirectory: string): OperationError =>
  refused(
    'notRunning',
    `no node runs on the data directory ${dataDirectory}. Cure: ringpost start --data ${dataDirectory}, ` +
      'or name the right directory with --data DIR',
  );

export const notPermitted = (socketPath: string): OperationError =>
  refused(
    'notPermitted',
    `${socketPath} belongs to another user. Cure: run this as the user that started the node, e.g. with sudo -u`,
  );

export const nodeWentAway = (cause: unknown): OperationError =>
  tryLater(
    'nodeWentAway',
    'the node ended the connection before it answered; what was asked may have happened. ' +
      'Cure: look at ringpost status, then repeat the command, which is safe',
    cause,
  );

export const foreignAnswer = (command: string): OperationError =>
  refused(
    'foreignAnswer',
    `what listens on the admin socket does not know "${command}". Cure: run the ringpost command of the same ` +
      'version as the node',
  );

export const socketPathTooLong = (path: string): OperationError =>
  refused(
    'socketPathTooLong',
    `${path} is longer than the ${socketPathBytesMax} bytes that a unix socket's path may have. ` +
      'Cure: choose a data directory with a shorter path, or start Ringpost from inside it',
  );

/** `sun_path` is 108 bytes with its final NUL (unix(7)). */
export const socketPathBytesMax = 107;

export const badFile = (path: string, why: string): OperationError => refused('badFile', `${path}: ${why}`);
