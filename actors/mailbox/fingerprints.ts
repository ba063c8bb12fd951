/**
 * By what a message is known that was given to this mailbox before: a client that lost the reply, a repeated import.
 *
 * Promises: kept for a day at least and two at most; expiry costs a bounded number of rows a turn.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { isKeyText } from '../../runtime/store/keys.ts';
import { findMailbox, type OpenMailbox } from './open-mailbox.ts';
import { badFingerprint } from './refusals.ts';
import { type FingerprintRow, fingerprintKey } from './rows.ts';

const dayMs = 24 * 3_600_000;
const forgottenPerTurnMax = 1000;
const fingerprintCharactersMax = 128;
/** Expiry is spread over the hours behind midnight, or all mailboxes would wake at once. */
const spreadMs = 6 * 3_600_000;

export const fingerprintTimer = 'fingerprints';

const dayOf = (ms: number): number => Math.floor(ms / dayMs);

export function knownDelivery({ turn, head }: OpenMailbox, fingerprint: string | null): FingerprintRow | null {
  if (fingerprint === null) return null;
  if (fingerprint === '' || fingerprint.length > fingerprintCharactersMax || !isKeyText(fingerprint)) {
    throw badFingerprint();
  }
  const today = dayOf(turn.nowMs);
  for (let day = today; day >= Math.max(today - 1, head.fingerprintsFrom); day--) {
    const known = turn.get<FingerprintRow>(fingerprintKey(day, fingerprint));
    if (known !== undefined) return known;
  }
  return null;
}

export function rememberDelivery(box: OpenMailbox, fingerprint: string | null, delivery: FingerprintRow): void {
  if (fingerprint === null) return;
  const { turn, head } = box;
  turn.put(fingerprintKey(dayOf(turn.nowMs), fingerprint), delivery);
  if (head.forgetsFingerprints) return;
  head.forgetsFingerprints = true;
  head.fingerprintsFrom = dayOf(turn.nowMs);
  turn.setTimer(fingerprintTimer, forgetAtMs(turn, dayOf(turn.nowMs)));
}

/** On the timer. */
export function forgetFingerprints(turn: Turn): void {
  const box = findMailbox(turn);
  if (box === null) return;
  const today = dayOf(turn.nowMs);
  const oldest = turn.range({ prefix: ['fp'], limit: forgottenPerTurnMax });
  const kept = oldest.find(({ key }) => Number(key[1]) >= today - 1);
  for (const { key } of oldest) {
    if (key === kept?.key) break;
    turn.delete(key);
  }
  let next: number | null = null;
  if (kept !== undefined) {
    box.head.fingerprintsFrom = Number(kept.key[1]);
    next = forgetAtMs(turn, box.head.fingerprintsFrom);
  } else if (oldest.length === forgottenPerTurnMax) next = turn.nowMs;
  box.head.forgetsFingerprints = next !== null;
  if (next !== null) turn.setTimer(fingerprintTimer, next);
  box.save();
}

/** When the fingerprints of a day are not looked up any more, and a while. */
function forgetAtMs(turn: Turn, day: number): number {
  let hash = 0;
  for (let i = 0; i < turn.key.length; i++) hash = (Math.imul(hash, 31) + turn.key.charCodeAt(i)) >>> 0;
  return (day + 2) * dayMs + (hash % spreadMs);
}
