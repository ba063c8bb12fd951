/**
 * What operators do with items: in pages, one a turn, so that a queue of a million never stops the others.
 *
 * Promises: `preview` counts what the same command would change now and changes nothing; a drop can be undone until its
 * time is up. What is being attempted is left alone (but for its next route): its mail may be on its way already.
 */
import { Continue } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import { parseHostPort } from '../mail/host-port.ts';
import type { DeliveryDomainAnswers, DeliveryDomainCommand, ItemFilter } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { itemKey, type ItemRow, type StateRow } from './rows.ts';

type Control = DeliveryDomainCommand & { readonly kind: 'control' };
type Changes = (queue: Queue, item: Item, command: Control) => Partial<StateRow> | null;

const itemsPerTurn = 100;
/** How long a drop can be undone. */
const dropHoldMs = 3_600_000;

/** Waits for its time. */
const rests = ({ state }: Item): boolean => state.state === 'queued' || state.state === 'inDoubt';
const isDropped = ({ state }: Item): boolean => state.droppedUntilMs !== null;
// The last attempt stays: should its result come after all, it still counts.
const dueNow = (queue: Queue) => ({ state: 'queued', dueMs: queue.turn.nowMs }) as const;

const actions: Readonly<Record<Control['action'], Changes>> = {
  retry: (queue, item) => (rests(item) ? dueNow(queue) : null),
  hold: (_, item) => (rests(item) ? { state: 'held', dueMs: null } : null),
  release: (queue, item) => (item.state.state === 'held' && !isDropped(item) ? dueNow(queue) : null),
  drop: (queue, item) =>
    rests(item) || (item.state.state === 'held' && !isDropped(item))
      ? { state: 'held', dueMs: null, droppedUntilMs: queue.turn.nowMs + dropHoldMs }
      : null,
  undrop: (queue, item) => (isDropped(item) ? { ...dueNow(queue), droppedUntilMs: null } : null),
  reroute: (_, item, { route = null }) => (item.state.route === route ? null : { route }),
};

/** @throws {OperationError} `badRoute` */
export function control(queue: Queue, command: Control): DeliveryDomainAnswers['control'] | Continue<Control> {
  const { turn, head } = queue;
  const { filter, preview, action, progress } = command;
  if (action === 'reroute' && typeof command.route === 'string' && parseHostPort(command.route) === null) {
    throw refused('badRoute', 'a route is host:port, e.g. mx2.example.org:25, or none for the usual way');
  }
  const after = progress?.after ?? null;
  const ids = filter.itemIds ?? nextIds(queue, after);
  let count = progress?.count ?? 0;
  for (const id of ids) {
    const item = queue.item(id);
    if (item === null || !matches(item, filter, turn.nowMs)) continue;
    const changes = actions[action](queue, item, command);
    if (changes === null) continue;
    count++;
    if (preview) continue;
    queue.change(item, changes);
    const detail = { domain: turn.key, item: id, by: `${turn.principal.kind}:${turn.principal.id}` };
    turn.record({ subject: item.row.message.mailId, kind: words[action], detail });
  }
  if (!preview && action !== 'hold' && action !== 'drop') {
    head.unreached = 0;
    head.unreachedUntilMs = 0;
  }
  const last = ids.at(-1);
  if (filter.itemIds !== undefined || ids.length < itemsPerTurn || last === undefined) return { count };
  return new Continue({ ...command, progress: { after: last, count } });
}

const words: Readonly<Record<Control['action'], string>> = {
  retry: 'retried',
  hold: 'held',
  release: 'released',
  drop: 'dropped',
  undrop: 'undropped',
  reroute: 'rerouted',
};

function nextIds({ turn }: Queue, after: string | null): string[] {
  const from = after === null ? {} : { from: itemKey(after) };
  return turn.range<ItemRow>({ prefix: ['i'], ...from, limit: itemsPerTurn }).map(({ key }) => String(key[1]));
}

function matches({ row, state }: Item, filter: ItemFilter, nowMs: number): boolean {
  if (filter.mailId !== undefined && row.message.mailId !== filter.mailId) return false;
  if (filter.sender !== undefined && row.message.envelope.reversePath !== filter.sender) return false;
  if (filter.state !== undefined && state.state !== filter.state) return false;
  return filter.olderThanMs === undefined || nowMs - row.enqueuedMs >= filter.olderThanMs;
}
