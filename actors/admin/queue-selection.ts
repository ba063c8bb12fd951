/** How a command line says which mail of the queues it means. */
import { parseDuration } from '../../runtime/base/durations.ts';
import type { OptionSpec } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import type { Input } from '../../runtime/cli/input.ts';
import type { QueueSelection } from './queue-reading.ts';

export const selectionOptions: readonly OptionSpec[] = [
  { flags: '--domain <domain>', summary: 'for this domain' },
  { flags: '--id <id>', summary: 'of this mail, or this one entry' },
  { flags: '--sender <address>', summary: 'from this sender; "<>" for reports' },
  { flags: '--older <duration>', summary: 'that waits at least so long, e.g. 2h' },
  { flags: '--state <state>', summary: 'queued, attempting, inDoubt or held' },
];

const states = ['queued', 'attempting', 'inDoubt', 'held'] as const;

/** @throws {OperationError} `wrongUsage` */
export function selectionOf(input: Input): QueueSelection {
  const older = input.option('older');
  const olderThanMs = older === null ? null : parseDuration(older);
  if (older !== null && olderThanMs === null) throw wrongUsage(`"${older}" is no duration; write 30m, 2h or 5d`);
  const given = input.option('state');
  const state = states.find((each) => each.toLowerCase() === given?.replaceAll('-', '').toLowerCase()) ?? null;
  if (given !== null && state === null) throw wrongUsage(`"${given}" is no state; it is one of ${states.join(', ')}`);
  const sender = input.option('sender');
  return {
    domain: input.option('domain'),
    id: input.option('id'),
    sender: sender === null ? null : sender.replace(/^<(.*)>$/, '$1'),
    olderThanMs,
    state,
  };
}
