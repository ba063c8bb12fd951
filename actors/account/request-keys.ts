/**
 * Requests of an account that were made under a key of the client's own, so that repeating one does nothing twice
 * (the `Idempotency-Key` of HTTP).
 *
 *      begin   key -> digest of the payload, seed, time          committed before anything is done
 *      (send)  the mail is made of payload, seed and time alone, so a repetition makes the same bytes, and the
 *              fingerprint of mailbox, spool or queue knows them
 *      finish  key -> id of the mail                             from now on the answer itself is known
 *
 * Promises: for a day one key stands for one payload; between `begin` and `finish` anything may crash, and a repetition
 * still makes one mail; what is kept is bounded.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import type { AccountAnswers, AccountCommand } from './protocol.ts';

interface RequestRow {
  readonly payloadHash: string;
  readonly seed: string;
  readonly atMs: number;
  /** Null until it is known. */
  readonly mailId: string | null;
}

type Command<Kind> = AccountCommand & { readonly kind: Kind };

const requestKey = (key: string): readonly string[] => ['q', key];
/** In the order in which they are forgotten. */
const ageKey = (atMs: number, key: string): readonly (string | number)[] => ['qt', atMs, key];
const countKey = ['qn'];

/** As long as a resend of a mail is known (plan §9): the fingerprint stands in where `finish` is missing. */
const keptMs = 24 * 3_600_000;
/** About 20 MB of rows. Whoever sends more in a day leaves the key out where it does not matter. */
const keptMax = 100_000;
const forgottenPerTurnMax = 500;
export const forgetTimer = 'forgetRequests';

/** @throws {OperationError} `requestKeyReused`, `tooManyRequestKeys` */
export function beginRequest(
  turn: Turn,
  { key, payloadHash }: Command<'beginRequest'>,
): AccountAnswers['beginRequest'] {
  const known = liveRow(turn, key);
  if (known !== null) {
    if (known.payloadHash !== payloadHash) throw requestKeyReused();
    return { isNew: false, seed: known.seed, atMs: known.atMs, mailId: known.mailId };
  }
  forget(turn, key);
  const count = turn.get<number>(countKey) ?? 0;
  if (count >= keptMax) {
    throw refused('tooManyRequestKeys', `an account has at most ${keptMax} idempotency keys a day; send without one`);
  }
  const row: RequestRow = { payloadHash, seed: turn.newId(), atMs: turn.nowMs, mailId: null };
  keep(turn, key, row);
  turn.put(countKey, count + 1);
  // The first one's time comes first, and the timer then goes on to the next.
  if (count === 0) turn.setTimer(forgetTimer, turn.nowMs + keptMs);
  return { isNew: true, seed: row.seed, atMs: row.atMs, mailId: null };
}

/** The answer that every repetition gets. The first one that was told holds. */
export function finishRequest(turn: Turn, { key, mailId }: Command<'finishRequest'>): AccountAnswers['finishRequest'] {
  const known = liveRow(turn, key);
  if (known !== null && known.mailId === null) turn.put(requestKey(key), { ...known, mailId } satisfies RequestRow);
  return { mailId: known?.mailId ?? mailId };
}

/** It was refused and nothing came of it: the key is free for a better payload. */
export function releaseRequest(turn: Turn, { key }: Command<'releaseRequest'>): AccountAnswers['releaseRequest'] {
  if (liveRow(turn, key)?.mailId === null) forget(turn, key);
  return {};
}

/** On the timer. Also for an account that is gone: its rows go in their time. */
export function forgetRequests(turn: Turn): void {
  const oldest = turn.range({ prefix: ['qt'], limit: forgottenPerTurnMax });
  const dueMs = turn.nowMs - keptMs;
  let next: number | null = oldest.length === forgottenPerTurnMax ? turn.nowMs : null;
  for (const { key } of oldest) {
    const [, atMs, name] = key as readonly [string, number, string];
    if (atMs > dueMs) {
      next = atMs + keptMs;
      break;
    }
    forget(turn, name);
  }
  if (next !== null) turn.setTimer(forgetTimer, next);
}

function liveRow(turn: Turn, key: string): RequestRow | null {
  const row = turn.get<RequestRow>(requestKey(key));
  return row === undefined || row.atMs <= turn.nowMs - keptMs ? null : row;
}

function keep(turn: Turn, key: string, row: RequestRow): void {
  turn.put(requestKey(key), row);
  turn.put(ageKey(row.atMs, key), true);
}

function forget(turn: Turn, key: string): void {
  const row = turn.get<RequestRow>(requestKey(key));
  if (row === undefined) return;
  turn.delete(requestKey(key));
  turn.delete(ageKey(row.atMs, key));
  const count = (turn.get<number>(countKey) ?? 1) - 1;
  if (count > 0) turn.put(countKey, count);
  else turn.delete(countKey);
}

const requestKeyReused = () =>
  refused(
    'requestKeyReused',
    'this Idempotency-Key was used for another payload within a day. Cure: a new key for a new mail, the same payload for the same',
  );
