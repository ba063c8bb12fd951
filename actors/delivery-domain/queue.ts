/**
 * A delivery domain opened for one turn: its head, its items, and the counters that every change keeps right.
 *
 * Promises: an item is in exactly one state, its index row says the same as its state row, and the head's numbers are
 * those of the rows; `save` writes the head and sets the timer.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { ItemId, ItemState } from './protocol.ts';
import {
  attemptKey,
  droppedKey,
  dueKey,
  firstHead,
  type HeadRow,
  headKey,
  type ItemRow,
  itemKey,
  type Key,
  type Mutable,
  type StateRow,
  stateKey,
} from './rows.ts';
import { firesSoon, nextWakeMs, wakeTimer } from './wake.ts';

/** Recipients of one turn's housework: at some 1.5 KB each, report and ledger, half of what a turn may write. */
const houseworkMax = 1_200;
/** What an item costs beside its recipients. */
const itemWork = 4;

export interface Item {
  readonly id: ItemId;
  readonly row: ItemRow;
  readonly state: StateRow;
}

export class Queue {
  readonly turn: Turn;
  readonly head: Mutable<HeadRow>;
  /** There is more to be done by time alone than one turn may do: nothing new is begun, and the next turn comes at once. */
  isBehind = false;
  #housework = houseworkMax;
  /** The earliest time to come of what this turn has entered. */
  #enteredMs = Number.POSITIVE_INFINITY;

  constructor(turn: Turn) {
    this.turn = turn;
    // A row of before has not every field.
    this.head = { ...firstHead, ...turn.get<HeadRow>(headKey) };
  }

  /** Whether this turn may also give up or doubt this item: each recipient is a line in a ledger or a report. */
  mayGoOn({ row, state }: Item): boolean {
    this.#housework -= itemWork + (state.left ?? row.recipients).length;
    this.isBehind ||= this.#housework < 0;
    return !this.isBehind;
  }

  item(id: ItemId): Item | null {
    const state = this.turn.get<StateRow>(stateKey(id));
    if (state === undefined) return null;
    const row = this.turn.get<ItemRow>(itemKey(id));
    invariant(row, 'an item that has a state is there');
    return { id, row, state };
  }

  add(id: ItemId, row: ItemRow, state: StateRow): void {
    this.turn.put(itemKey(id), row);
    this.turn.holdBody(row.message.body, id);
    this.#enter(id, state);
  }

  /** Moves the item into another state. */
  change(item: Item, changes: Partial<StateRow>): void {
    this.#leave(item);
    this.#enter(item.id, { ...item.state, ...changes });
  }

  remove(item: Item): void {
    this.#leave(item);
    this.turn.delete(itemKey(item.id));
    this.turn.delete(stateKey(item.id));
    this.turn.releaseBody(item.row.message.body.hash, item.id);
  }

  /** Recipients that are not settled, with their positions. */
  left({ row, state }: Item): readonly (readonly [number, ItemRow['recipients'][number]])[] {
    const positions = state.left ?? row.recipients.keys();
    return [...positions].map((position) => [position, row.recipients[position]!]);
  }

  save(): void {
    const { head, turn } = this;
    // A timer that fires too early looks again and costs one turn; moving it costs four rows a command.
    const wakeMs = firesSoon(this) ? this.#enteredMs : nextWakeMs(this);
    if (wakeMs !== null && wakeMs < (head.wakeMs ?? Number.POSITIVE_INFINITY)) {
      head.wakeMs = wakeMs;
      turn.setTimer(wakeTimer, wakeMs);
    }
    turn.put(headKey, head);
  }

  #enter(id: ItemId, state: StateRow): void {
    this.turn.put(stateKey(id), state);
    this.#count(state, 1);
    for (const key of indexKeys(id, state)) {
      this.turn.put(key, null);
      const timeMs = Number(key[1]);
      if (timeMs > this.turn.nowMs) this.#enteredMs = Math.min(this.#enteredMs, timeMs);
    }
  }

  #leave({ id, state }: Item): void {
    this.#count(state, -1);
    for (const key of indexKeys(id, state)) this.turn.delete(key);
  }

  #count({ state, droppedUntilMs }: StateRow, by: 1 | -1): void {
    const counter = droppedUntilMs === null ? counters[state] : 'dropped';
    this.head[counter] += by;
    invariant(this.head[counter] >= 0, 'a counter of a queue is never below nothing');
  }
}

const counters = {
  queued: 'queued',
  attempting: 'attempting',
  inDoubt: 'inDoubt',
  held: 'held',
} as const satisfies Record<ItemState, keyof HeadRow>;

function indexKeys(id: ItemId, { state, dueMs, attempt, droppedUntilMs }: StateRow): Key[] {
  if (droppedUntilMs !== null) return [droppedKey(droppedUntilMs, id)];
  if (state === 'attempting' && attempt !== null) return [attemptKey(attempt.untilMs, id)];
  return dueMs === null ? [] : [dueKey(dueMs, id)];
}
