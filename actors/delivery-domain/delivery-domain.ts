/**
 * The delivery-domain actor: the queue, the schedule and the rates of mail for one remote domain, and the record of
 * every attempt.
 *
 * Promises: what `protocol.ts` says. Nothing here looks through the queue: what is due, late or dropped is found by
 * index rows.
 * Leaves to others: talking to servers (`courier/`), writing DSNs (`courier/reports.ts`), what the settings say
 * (`policy.ts`; whoever asks brings it).
 */
import { isDeepStrictEqual } from 'node:util';
import type { ActorKind, View } from '../../runtime/actor/actor.ts';
import { Continue } from '../../runtime/actor/actor.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { control } from './control.ts';
import { enqueue } from './enqueue.ts';
import { forget, forgetTimer } from './memory.ts';
import type {
  DeliveryDomainAnswers,
  DeliveryDomainCommand,
  DeliveryDomainProtocol,
  DeliveryDomainQuery,
  Work,
} from './protocol.ts';
import { confirm, inDoubt, item, items, summary } from './queries.ts';
import { Queue } from './queue.ts';
import { reported, reportOfMailbox } from './reports.ts';
import { hasWorkNow, wakeTimer } from './wake.ts';
import { begin, endDrops, finish, keepHouse } from './work.ts';

const commands: CommandTable<Queue, DeliveryDomainCommand, DeliveryDomainAnswers> = {
  enqueue: (queue, { message, recipients }) => enqueue(queue, message, recipients, true),
  begin,
  finish,
  reported(queue, { reportIds }) {
    reported(queue, reportIds);
    return {};
  },
  pause: (queue) => setPaused(queue, true),
  resume: (queue) => setPaused(queue, false),
  control,
};

const queries: CommandTable<View, DeliveryDomainQuery, DeliveryDomainAnswers> = {
  confirm,
  items,
  item,
  inDoubt,
  summary,
};

export const deliveryDomain: ActorKind<DeliveryDomainProtocol> = {
  kind: 'delivery-domain',
  rowVersion: 1,

  command(turn, command) {
    const queue = new Queue(turn);
    const before = { ...queue.head };
    const answer = runCommand(commands, queue, command);
    // A courier that finds nothing leaves no trace.
    const isIdle =
      command.kind === 'begin' && (answer as Work).reports.length === 0 && isDeepStrictEqual(queue.head, before);
    if (isIdle) return answer;
    queue.save();
    if (leavesWork(command, answer) && hasWorkNow(queue)) turn.announce();
    return answer;
  },

  query: (view, query) => runCommand(queries, view, query),

  notice(turn, notice) {
    const queue = new Queue(turn);
    if (notice.kind === 'report') reportOfMailbox(queue, notice);
    else enqueue(queue, notice.message, notice.recipients, false);
    queue.save();
    if (hasWorkNow(queue)) turn.announce();
  },

  timer(turn, name) {
    const queue = new Queue(turn);
    if (name === forgetTimer) forget(queue);
    if (name === wakeTimer) wake(queue);
    queue.save();
  },
};

function wake(queue: Queue): void {
  const { head, turn } = queue;
  head.wakeMs = null;
  endDrops(queue);
  if (head.policy !== null) keepHouse(queue, null, head.policy);
  if (!hasWorkNow(queue)) return;
  turn.announce();
  head.announced++;
}

/** Whether somebody has to be told of work that is there: not while the courier that asks goes on with it. */
function leavesWork(command: DeliveryDomainCommand, answer: unknown): boolean {
  if (command.kind === 'finish') return (answer as Work).dialogue === null;
  return command.kind !== 'reported' && !(answer instanceof Continue);
}

function setPaused({ head, turn }: Queue, isPaused: boolean): { readonly changed: boolean } {
  const changed = head.isPaused !== isPaused;
  head.isPaused = isPaused;
  if (!isPaused) {
    head.unreached = 0;
    head.unreachedUntilMs = 0;
  }
  if (changed) turn.record({ subject: `queue ${turn.key}`, kind: isPaused ? 'paused' : 'resumed', detail: {} });
  return { changed };
}
