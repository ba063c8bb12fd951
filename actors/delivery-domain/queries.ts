/** What can be asked of a delivery domain without changing it. */
import type { View } from '../../runtime/actor/actor.ts';
import type { DeliveryDomainAnswers, DeliveryDomainQuery, ItemId, QueueItem } from './protocol.ts';
import {
  firstHead,
  type HeadRow,
  headKey,
  type ItemRow,
  itemKey,
  type LedgerRow,
  type StateRow,
  stateKey,
} from './rows.ts';

const pageMax = 500;

type Asked<Kind extends DeliveryDomainQuery['kind']> = DeliveryDomainQuery & { readonly kind: Kind };

export function confirm(view: View, { itemId, attemptId }: Asked<'confirm'>): DeliveryDomainAnswers['confirm'] {
  const state = view.get<StateRow>(stateKey(itemId));
  return { go: state?.state === 'attempting' && state.attempt?.id === attemptId };
}

export function items(view: View, { after, limit }: Asked<'items'>): DeliveryDomainAnswers['items'] {
  const rowsMax = Math.max(1, Math.min(pageMax, limit));
  const from = after === null ? {} : { from: itemKey(after) };
  const rows = view.range<StateRow>({
    prefix: ['s'],
    ...(after === null ? {} : { from: stateKey(after) }),
    limit: rowsMax,
  });
  const found = view.range<ItemRow>({ prefix: ['i'], ...from, limit: rowsMax });
  const states = new Map(rows.map(({ key, value }) => [String(key[1]), value]));
  const expireMs = view.get<HeadRow>(headKey)?.policy?.expireMs ?? null;
  const page = found.flatMap(({ key, value }): QueueItem[] => {
    const id = String(key[1]);
    const state = states.get(id);
    return state === undefined ? [] : [queueItem(id, value, state, expireMs)];
  });
  return { items: page, next: found.length < rowsMax ? null : String(found.at(-1)!.key[1]) };
}

export function item(view: View, { itemId }: Asked<'item'>): DeliveryDomainAnswers['item'] {
  const row = view.get<ItemRow>(itemKey(itemId));
  const state = view.get<StateRow>(stateKey(itemId));
  if (row === undefined || state === undefined) return null;
  return queueItem(itemId, row, state, view.get<HeadRow>(headKey)?.policy?.expireMs ?? null);
}

/** Newest last, as they came. */
export function inDoubt(view: View, { after, limit }: Asked<'inDoubt'>): DeliveryDomainAnswers['inDoubt'] {
  const rowsMax = Math.max(1, Math.min(pageMax, limit));
  const rows = view.range<LedgerRow>({
    prefix: ['l'],
    ...(after === null ? {} : { from: ['l', after] }),
    limit: rowsMax,
  });
  return {
    entries: rows.map(({ value }) => value),
    next: rows.length < rowsMax ? null : rows.at(-1)!.value.entryId,
  };
}

export function summary(view: View): DeliveryDomainAnswers['summary'] {
  const head = view.get<HeadRow>(headKey) ?? firstHead;
  const { queued, attempting, inDoubt: doubtful, held, dropped, reports, isPaused } = head;
  const [due] = view.range({ prefix: ['d'], limit: 1 });
  const [oldest] = view.range<ItemRow>({ prefix: ['i'], limit: 1 });
  return {
    items: queued + attempting + doubtful + held + dropped,
    byState: { queued, attempting, inDoubt: doubtful, held },
    dropped,
    reports,
    isPaused,
    nextDueMs: due === undefined ? null : Number(due.key[1]),
    oldestMs: oldest?.value.enqueuedMs ?? null,
  };
}

function queueItem(itemId: ItemId, row: ItemRow, state: StateRow, expireMs: number | null): QueueItem {
  const { message, recipients, enqueuedMs } = row;
  const positions = state.left ?? [...recipients.keys()];
  return {
    itemId,
    mailId: message.mailId,
    state: state.state,
    droppedUntilMs: state.droppedUntilMs,
    sender: message.envelope.reversePath,
    recipients: positions.map((position) => recipients[position]!.address),
    attempts: state.attempts,
    enqueuedAtMs: enqueuedMs,
    nextAttemptAtMs: state.droppedUntilMs === null ? state.dueMs : null,
    expiresAtMs: expireMs === null ? null : enqueuedMs + expireMs,
    lastReply: state.lastReply,
    sizeBytes: message.prefix.byteLength + message.body.sizeBytes,
  };
}
