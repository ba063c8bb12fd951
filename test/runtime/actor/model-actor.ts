/** An actor whose rows tell what happened to it, and which notices by itself what must never happen. */
import assert from 'node:assert/strict';
import { type ActorKind, Continue, defineActor, type Turn } from '../../../runtime/actor/actor.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';

/** Bodies that commands bring: one fits into a row, one needs two. */
export const contents = ['', 'one', 'two', 'x'.repeat(70_000)].map((text) => Buffer.from(text));
export const hashes = contents.map(bodyHash);

export const rowsMax = 20;

export interface Effects {
  readonly op: string;
  readonly puts: readonly (readonly [row: number, value: number | null])[];
  readonly tells: readonly { readonly to: string; readonly id: string; readonly body: number | null }[];
  /** `delayMs` null: cleared. */
  readonly timers: readonly { readonly name: string; readonly delayMs: number | null }[];
  /** `body` null: released. */
  readonly holds: readonly { readonly tag: string; readonly body: number | null }[];
  /** So many rows more, which make a checkpoint long. */
  readonly bulk: number;
  readonly ending: 'answer' | 'refuse' | 'bug' | 'unpackable';
}

export type ModelCommand =
  | ({ readonly kind: 'do' } & Effects)
  /** `life`: the one in which it was asked first; only a crash lets a chain begin anew. */
  | { readonly kind: 'chain'; readonly op: string; readonly times: number; readonly life: number }
  /** Sets a timer, and nothing else. */
  | { readonly kind: 'wake'; readonly op: string; readonly delayMs: number }
  | {
      readonly kind: 'look';
      readonly from: number;
      readonly to: number;
      readonly limit: number;
      readonly reverse: boolean;
    };

type ModelNotice = {
  readonly kind: 'note';
  readonly id: string;
  readonly from: string;
  readonly number: number;
  readonly body: number | null;
};

export interface ModelProtocol {
  command: ModelCommand;
  query: { readonly kind: 'all' };
  notice: ModelNotice;
  answers: object;
}

export const actors = defineActor<ModelProtocol>('model');

/** What a test knows and an actor does not. */
export interface Fate {
  /** Actors whose notices and timers fail for the moment. */
  readonly sick: Set<string>;
  /** Number of crashes so far. */
  life: number;
  readonly violations: string[];
}

const count = (turn: Turn, key: readonly (string | number)[]): number => {
  const times = (turn.get<number>(key) ?? 0) + 1;
  turn.put(key, times);
  return times;
};

const bodyOf = (index: number) => ({ hash: hashes[index]!, sizeBytes: contents[index]!.byteLength });

function hold(turn: Turn, tag: string, body: number | null): void {
  const key = ['held', tag];
  const before = turn.get<number>(key);
  if (before !== undefined && before !== body) turn.releaseBody(hashes[before]!, tag);
  if (body === null) return turn.delete(key);
  turn.holdBody(bodyOf(body), tag);
  turn.put(key, body);
}

function setTimer(turn: Turn, name: string, delayMs: number | null): void {
  if (delayMs === null) {
    turn.clearTimer(name);
    turn.delete(['timer', name]);
  } else {
    turn.setTimer(name, turn.nowMs + delayMs);
    turn.put(['timer', name], turn.nowMs + delayMs);
  }
}

function act(turn: Turn, effects: Effects, fate: Fate): unknown {
  const { op, ending } = effects;
  if (count(turn, ['done', op]) > 1) fate.violations.push(`${op} ran twice`);
  const sum = count(turn, ['sum']);
  for (const [row, value] of effects.puts) {
    if (value === null) turn.delete(['row', row]);
    else turn.put(['row', row], value);
  }
  for (let i = 0; i < effects.bulk; i++) turn.put(['bulk', i], op);
  for (const { to, id, body } of effects.tells) {
    const number = count(turn, ['told', to]);
    const notice: ModelNotice = { kind: 'note', id, from: turn.key, number, body };
    turn.tell(actors.ref(to), notice, body === null ? [] : [bodyOf(body)]);
  }
  for (const { name, delayMs } of effects.timers) setTimer(turn, name, delayMs);
  for (const { tag, body } of effects.holds) hold(turn, tag, body);
  turn.record({ subject: op, kind: 'done', detail: { sum } });
  if (ending === 'refuse') throw refused('no', `after ${sum}`);
  if (ending === 'bug') throw new Error('a bug');
  return ending === 'unpackable' ? Symbol(op) : { op, sum };
}

/** A range says what its rows say one by one. */
function look(turn: Turn, { from, to, limit, reverse }: ModelCommand & { readonly kind: 'look' }, fate: Fate): null {
  const seen = turn.range<number>({ prefix: ['row'], from: ['row', from], to: ['row', to], limit, reverse });
  const expected: [number, number][] = [];
  for (let i = 0; i < rowsMax; i++) {
    const value = turn.get<number>(['row', i]);
    if (value !== undefined && (reverse ? i < from && i > to : i > from && i < to)) expected.push([i, value]);
  }
  if (reverse) expected.reverse();
  try {
    assert.deepEqual(
      seen.map(({ key, value }) => [key[1], value]),
      expected.slice(0, limit),
    );
  } catch (error) {
    fate.violations.push(`a range of ${turn.key}: ${String(error)}`);
  }
  return null;
}

function takeNotice(turn: Turn, { id, from, number, body }: ModelNotice, fate: Fate): void {
  if (count(turn, ['got', id]) > 1) fate.violations.push(`notice ${id} came twice`);
  if (body !== null) hold(turn, `note ${id}`, body);
  // A dead letter comes when an operator sends it again; all others come in the order in which they were told.
  if (turn.principal.kind === 'node') {
    const last = turn.get<number>(['heard', from]) ?? 0;
    if (number <= last) fate.violations.push(`notice ${number} of ${from} came after ${last}`);
    turn.put(['heard', from], number);
  }
  if (fate.sick.has(turn.key)) throw new Error('too sick for a notice');
}

function ring(turn: Turn, name: string, fate: Fate): void {
  if (name.startsWith('once ')) {
    if (count(turn, ['rung', name.slice(5)]) > 1) fate.violations.push(`timer ${name} of ${turn.key} fired twice`);
    if (fate.sick.has(turn.key)) throw new Error('too sick to wake');
    return;
  }
  const dueMs = turn.get<number>(['timer', name]);
  if (dueMs === undefined) fate.violations.push(`timer ${name} of ${turn.key} fired, though cleared or fired before`);
  else if (turn.nowMs < dueMs) fate.violations.push(`timer ${name} of ${turn.key} fired too early`);
  turn.delete(['timer', name]);
  count(turn, ['sum']);
  if (fate.sick.has(turn.key)) throw new Error('too sick for a timer');
}

export function modelKind(fate: Fate): ActorKind<ModelProtocol> {
  return {
    kind: 'model',
    rowVersion: 1,
    command(turn, command) {
      if (command.kind === 'do') return act(turn, command, fate);
      if (command.kind === 'look') return look(turn, command, fate);
      if (command.kind === 'wake') {
        turn.setTimer(`once ${command.op}`, turn.nowMs + command.delayMs);
        return command.op;
      }
      const { op, times, life } = command;
      if (times === 0) return op;
      if (count(turn, ['chain', op, times]) > 1 && life === fate.life) fate.violations.push(`chain ${op} ran twice`);
      return new Continue({ ...command, times: times - 1 });
    },
    query: (view) => view.range({ prefix: [], limit: 9_000 }),
    notice: (turn, notice) => takeNotice(turn, notice, fate),
    timer: (turn, name) => ring(turn, name, fate),
  };
}
