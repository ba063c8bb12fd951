/**
 * When a delivery domain has to look at itself again, and when something may be tried now.
 *
 * The rate limit is the generic cell rate algorithm (ITU-T I.371): attempts are due evenly, and one may come up to a second
 * early, which makes up for those that come late. So over time the rate is exact, and in any 60 s there is at most one
 * attempt, and those of one second, more than `perMinute`.
 */
import type { Queue } from './queue.ts';
import type { DeliveryPolicy } from './protocol.ts';

export const wakeTimer = 'wake';

/** Also: a high rate would otherwise need a timer every few milliseconds. */
const earlyMs = 1_000;
/** Said again when no courier came, each time after twice as long. */
const announceMsMin = 1_000;
const announceMsMax = 600_000;

/**
 * The timer is set, and for so soon that nothing has to be looked for but what this turn enters: it will look. A rate that
 * gets its leave so much later catches up (`earlyMs`).
 */
export function firesSoon({ turn, head, isBehind }: Queue): boolean {
  return !isBehind && head.wakeMs !== null && head.wakeMs <= turn.nowMs + announceMsMin;
}

/** Null: nothing to wait for. */
export function nextWakeMs(queue: Queue): number | null {
  const { turn, head } = queue;
  if (queue.isBehind) return turn.nowMs + 1;
  const times: number[] = [];
  const first = (prefix: string): number | null => {
    const [row] = turn.range({ prefix: [prefix], limit: 1 });
    return row === undefined ? null : Number(row.key[1]);
  };
  const attempt = head.attempting > 0 ? first('a') : null;
  if (attempt !== null) times.push(attempt);
  const dropped = head.dropped > 0 ? first('x') : null;
  if (dropped !== null) times.push(dropped);
  if (head.queued + head.inDoubt > 0 && !head.isPaused) {
    const due = first('d');
    if (due !== null) times.push(Math.max(due, mayTryAtMs(queue)));
  }
  const report = head.reports > 0 ? first('e') : null;
  if (report !== null) times.push(report);
  if (times.length === 0) return null;
  // What is due now was announced by the turn that made it so; the timer only makes sure of it.
  const againMs = turn.nowMs + Math.min(announceMsMax, announceMsMin * 2 ** Math.min(head.announced, 10));
  return Math.min(...times.map((time) => (time <= turn.nowMs ? againMs : time)));
}

/** Before it, neither the rate nor an unreachable server lets an attempt begin. */
export function mayTryAtMs({ head }: Queue): number {
  const policy = head.policy;
  const rated = policy === null || policy.perMinute === 0 ? 0 : head.arrivalMs - earlyMs;
  return Math.max(Math.ceil(rated), head.unreached > 0 ? head.unreachedUntilMs : 0);
}

/** Takes the rate's leave for one attempt; false: not now. */
export function takePermit(queue: Queue, policy: DeliveryPolicy): boolean {
  if (policy.perMinute === 0) return true;
  const { head, turn } = queue;
  if (head.arrivalMs - earlyMs > turn.nowMs) return false;
  head.arrivalMs = Math.max(head.arrivalMs, turn.nowMs) + 60_000 / policy.perMinute;
  return true;
}

/** Whether a courier would get something to do now. */
export function hasWorkNow(queue: Queue): boolean {
  const { head, turn } = queue;
  if (queue.isBehind) return false;
  const isDue = (prefix: string): boolean => {
    const [row] = turn.range({ prefix: [prefix], limit: 1 });
    return row !== undefined && Number(row.key[1]) <= turn.nowMs;
  };
  if (head.reports > 0 && isDue('e')) return true;
  if (head.isPaused || head.queued + head.inDoubt === 0 || mayTryAtMs(queue) > turn.nowMs) return false;
  const { policy, dialogues, unreached } = head;
  if (dialogues > 0 && (unreached > 0 || (policy !== null && dialogues >= policy.concurrency))) return false;
  return isDue('d');
}
