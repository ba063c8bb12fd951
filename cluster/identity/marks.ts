/**
 * Marks: what a node's disk remembers of its starts, so that an empty or an older disk under a known name is found out.
 *
 * At each start, and now and then between, one more mark `(number, nonce)` is written. Others remember the newest that they
 * saw. A disk that was put back lacks it, or, when it was started again meanwhile, holds another nonce under its number.
 *
 * Promises: a mark is durable before anybody is told of it; numbers have no gaps; the list has a bound.
 * Leaves to others: telling it (`../mesh/hello.ts`), remembering it (`../metadata/`).
 */
import { randomText } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { decodeRow, encodeRow } from '../../runtime/codec/row.ts';
import { keyspace, rowKey } from '../../runtime/store/keys.ts';
import type { Store } from '../../runtime/store/store.ts';
import type { Mark } from '../metadata/protocol.ts';
import { marksDamaged } from './codes.ts';

/** A peer that was away for more marks than these believes. */
export const marksKeptMax = 1_000;
const rowVersion = 1;
const marksKey = rowKey([keyspace.meta, 'marks']);
/** 80 bits of chance. */
const nonceCharacters = 16;

interface MarksRow {
  readonly incarnation: number;
  /** Newest first: `[number, nonce]`. */
  readonly marks: readonly (readonly [number, string])[];
}

export interface Marks {
  /** How often this disk was started: 1, 2, 3 … */
  readonly incarnation: number;
  /** Newest first. */
  marks(): readonly Mark[];
  current(): Mark;
  /** Makes one more; it is durable when this settles. */
  next(): Promise<Mark>;
}

/** Counts this start. What it returns is durable. @throws {OperationError} `marksDamaged` */
export async function openMarks(store: Pick<Store, 'get' | 'write'>, random: Random): Promise<Marks> {
  const before = readMarks(store);
  const incarnation = before.incarnation + 1;
  let marks = before.marks;
  let writing: Promise<unknown> = Promise.resolve();

  const write = async (): Promise<Mark> => {
    const mark = { number: (marks[0]?.number ?? 0) + 1, nonce: randomText(random, nonceCharacters) };
    const after = [mark, ...marks.slice(0, marksKeptMax - 1)];
    const row: MarksRow = { incarnation, marks: after.map(({ number, nonce }) => [number, nonce]) };
    await store.write([{ key: marksKey, value: encodeRow(rowVersion, row) }]);
    marks = after;
    return mark;
  };
  // One after another: two at a time would be given the same number.
  const next = (): Promise<Mark> => {
    const made = writing.then(write);
    // Whoever asked hears of a failure; the next one finds a store that refuses too.
    writing = made.catch(() => undefined);
    return made;
  };

  await next();
  return {
    incarnation,
    marks: () => marks,
    current: () => marks[0] as Mark,
    next,
  };
}

/** Whether this disk was started before. */
export const hasMarks = (store: Pick<Store, 'has'>): boolean => store.has(marksKey);

function readMarks(store: Pick<Store, 'get'>): { readonly incarnation: number; readonly marks: readonly Mark[] } {
  const bytes = store.get(marksKey);
  if (bytes === undefined) return { incarnation: 0, marks: [] };
  try {
    const { incarnation, marks } = decodeRow(bytes).value as MarksRow;
    return { incarnation, marks: marks.map(([number, nonce]) => ({ number, nonce })) };
  } catch (cause) {
    // Going on without them would look like an empty disk to all others: better to say so here.
    throw marksDamaged(cause);
  }
}

/**
 * Whether a disk that shows these marks cannot be the one, or its own future, that showed `remembered`: an older or another
 * disk was put in its place. A number that has fallen off the list's end is believed.
 */
export function contradicts(remembered: Mark, marks: readonly Mark[]): boolean {
  let newest = 0;
  let oldest = Number.POSITIVE_INFINITY;
  for (const { number, nonce } of marks) {
    if (number === remembered.number) return nonce !== remembered.nonce;
    newest = Math.max(newest, number);
    oldest = Math.min(oldest, number);
  }
  // Numbers have no gaps: one that should be in the list and is not was never this disk's.
  return newest < remembered.number || oldest < remembered.number;
}
