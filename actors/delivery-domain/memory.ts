/**
 * What a delivery domain remembers: mails that it was given (a day at least, two at most), and the ledger (30 days).
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import type { Queue } from './queue.ts';
import { fingerprintKey, type LedgerRow, ledgerKey } from './rows.ts';

export const forgetTimer = 'forget';

const dayMs = 24 * 3_600_000;
const ledgerMs = 30 * dayMs;
const forgottenPerTurnMax = 500;

const dayOf = (ms: number): number => Math.floor(ms / dayMs);

/** The mail under which this recipient's copy is known; null for none. */
export function knownMail(turn: Turn, fingerprint: string | null): string | null {
  if (fingerprint === null) return null;
  const today = dayOf(turn.nowMs);
  for (const day of [today, today - 1]) {
    const known = turn.get<string>(fingerprintKey(day, fingerprint));
    if (known !== undefined) return known;
  }
  return null;
}

export function rememberMail(queue: Queue, fingerprint: string | null, mailId: string): void {
  if (fingerprint === null) return;
  queue.turn.put(fingerprintKey(dayOf(queue.turn.nowMs), fingerprint), mailId);
  willForget(queue);
}

export function enterLedger(queue: Queue, entry: LedgerRow): void {
  queue.turn.put(ledgerKey(entry.entryId), entry);
  willForget(queue);
}

function willForget({ turn, head }: Queue): void {
  if (head.forgets) return;
  head.forgets = true;
  turn.setTimer(forgetTimer, turn.nowMs + dayMs);
}

/** On the timer. */
export function forget(queue: Queue): void {
  const { turn, head } = queue;
  const oldestDay = dayOf(turn.nowMs) - 1;
  let removed = 0;
  const prints = turn.range({ prefix: ['f'], limit: forgottenPerTurnMax });
  for (const { key } of prints) {
    if (Number(key[1]) >= oldestDay) break;
    turn.delete(key);
    removed++;
  }
  const entries = turn.range<LedgerRow>({ prefix: ['l'], limit: forgottenPerTurnMax });
  for (const { key, value } of entries) {
    if (value.atMs > turn.nowMs - ledgerMs) break;
    turn.delete(key);
    removed++;
  }
  head.forgets = prints.length > 0 || entries.length > 0;
  // A full page may have more behind it.
  if (head.forgets) turn.setTimer(forgetTimer, turn.nowMs + (removed >= forgottenPerTurnMax ? 1 : dayMs));
}
