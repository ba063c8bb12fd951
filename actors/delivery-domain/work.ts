/**
 * A courier asks for work, and tells what came of it.
 *
 * Promises: an attempt is committed as begun before its job leaves; the policy's concurrency and rate hold for all
 * couriers together; a domain whose servers cannot be reached is tried by one dialogue with one mail at a time.
 */
import { endLostDialogues, timeOut } from './doubt.ts';
import { expire, isTooOld, retryMs } from './expiry.ts';
import type { AttemptResult, CourierId, DeliveryDomainCommand, DeliveryPolicy, Job, Work } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { dueReports } from './reports.ts';
import { takeResult } from './results.ts';
import { type DialogueRow, dialogueKey } from './rows.ts';
import { mayTryAtMs, takePermit } from './wake.ts';

const mailsPerAskMax = 100;
/** Expired items that one turn gives up. */
const expiredPerTurnMax = 50;

type Begin = DeliveryDomainCommand & { readonly kind: 'begin' };
type Finish = DeliveryDomainCommand & { readonly kind: 'finish' };

export function begin(queue: Queue, { courier, policy, mailsMax }: Begin): Work {
  const { head, turn } = queue;
  const isProbe = head.unreached > 0;
  const isFull = (): boolean => head.dialogues >= (isProbe ? 1 : policy.concurrency);
  if (isFull() || mayBeDue(queue, courier)) keepHouse(queue, courier, policy);
  came(queue, courier, policy);
  if (queue.isBehind) return { dialogue: null, jobs: [], reports: [] };
  const mayOpen = !head.isPaused && !isFull();
  if (!mayOpen) return { dialogue: null, jobs: [], reports: dueReports(queue, policy) };
  const dialogue = turn.newId();
  const jobs = takeJobs(queue, dialogue, courier, policy, isProbe ? 1 : mailsMax);
  if (jobs.length > 0) {
    head.dialogues++;
    keepDialogue(queue, dialogue, courier, policy, jobs.length);
  }
  return { dialogue: jobs.length === 0 ? null : dialogue, jobs, reports: dueReports(queue, policy) };
}

export function finish(queue: Queue, { courier, policy, dialogue, results, mailsMax }: Finish): Work {
  const { head, turn } = queue;
  let told = 0;
  for (const result of results) if (takeResult(queue, result, policy)) told++;
  noteReach(queue, results, policy);
  if (mayBeDue(queue, courier)) keepHouse(queue, courier, policy);
  came(queue, courier, policy);
  const open = turn.get<DialogueRow>(dialogueKey(dialogue));
  if (open === undefined) return { dialogue: null, jobs: [], reports: dueReports(queue, policy) };
  const goesOn =
    mailsMax > 0 && !queue.isBehind && !head.isPaused && head.unreached === 0 && head.dialogues <= policy.concurrency;
  const jobs = goesOn ? takeJobs(queue, dialogue, courier, policy, mailsMax) : [];
  // Results may be told while others of the dialogue are still being sent: it keeps its slot until the last.
  const inHand = Math.max(0, open.inHand - told) + jobs.length;
  if (inHand > 0) keepDialogue(queue, dialogue, courier, policy, inHand);
  else {
    turn.delete(dialogueKey(dialogue));
    head.dialogues--;
  }
  return { dialogue: inHand === 0 ? null : dialogue, jobs, reports: dueReports(queue, policy) };
}

function keepDialogue(
  { turn }: Queue,
  dialogue: string,
  courier: CourierId,
  { attemptTimeoutMs }: DeliveryPolicy,
  inHand: number,
): void {
  turn.put(dialogueKey(dialogue), { courier, untilMs: turn.nowMs + attemptTimeoutMs, inHand } satisfies DialogueRow);
}

function came({ head }: Queue, courier: CourierId, policy: DeliveryPolicy): void {
  head.policy = policy;
  head.announced = 0;
  head.courierStart = courier.start;
}

/**
 * Whether time may have brought something: the timer, which fires no later than the first of all, is due or not set. Looking
 * each time took four ranges a command, a tenth of what a delivery cost. A dialogue whose time is up is looked for when there
 * is no room for another.
 */
function mayBeDue({ head, turn }: Queue, courier: CourierId): boolean {
  const isNews = head.courierStart !== courier.start || head.unreached > 0;
  return isNews || head.wakeMs === null || head.wakeMs <= turn.nowMs;
}

/** What time alone has brought. */
export function keepHouse(queue: Queue, courier: CourierId | null, policy: DeliveryPolicy): void {
  endLostDialogues(queue, courier, policy);
  timeOut(queue, policy);
  const { turn, head } = queue;
  // Where a server can be reached, the last attempt of each is made at its end, and says why it failed.
  if (head.queued + head.inDoubt === 0 || head.unreached === 0) return;
  for (const { key } of turn.range({ prefix: ['d'], to: ['d', turn.nowMs + 1], limit: expiredPerTurnMax })) {
    const item = queue.item(String(key[2]));
    // The first that is young enough ends it: those behind it were tried later.
    if (item === null || !isTooOld(queue, item, policy) || !queue.mayGoOn(item)) break;
    expire(queue, item);
  }
}

/** Drops that nobody has undone. */
export function endDrops(queue: Queue): void {
  const { turn, head } = queue;
  if (head.dropped === 0) return;
  for (const { key } of turn.range({ prefix: ['x'], to: ['x', turn.nowMs + 1], limit: expiredPerTurnMax })) {
    const item = queue.item(String(key[2]));
    if (item !== null && queue.mayGoOn(item)) queue.remove(item);
  }
}

function takeJobs(queue: Queue, dialogue: string, courier: CourierId, policy: DeliveryPolicy, mailsMax: number): Job[] {
  const { turn } = queue;
  if (mayTryAtMs(queue) > turn.nowMs) return [];
  const limit = Math.min(mailsMax, mailsPerAskMax);
  if (limit <= 0 || queue.head.queued + queue.head.inDoubt === 0) return [];
  const jobs: Job[] = [];
  for (const { key } of turn.range({ prefix: ['d'], to: ['d', turn.nowMs + 1], limit })) {
    const item = queue.item(String(key[2]));
    if (item === null) continue;
    if (!takePermit(queue, policy)) break;
    const attemptId = turn.newId();
    const times = { begunMs: turn.nowMs, untilMs: turn.nowMs + policy.attemptTimeoutMs };
    const attempt = { id: attemptId, dialogue, courier, ...times };
    queue.change(item, { state: 'attempting', dueMs: null, attempt });
    jobs.push(jobOf(queue, item, attemptId));
  }
  return jobs;
}

function jobOf(queue: Queue, item: Item, attemptId: string): Job {
  const { message, enqueuedMs } = item.row;
  const { mailId, body, prefix, envelope, dsn, smtpUtf8 } = message;
  const mail = { mailId, body, prefix, envelope, dsn, smtpUtf8 };
  const recipients = queue.left(item).map(([, recipient]) => recipient);
  const { attempts, route } = item.state;
  return { itemId: item.id, attemptId, ...mail, recipients, attempts, enqueuedMs, route };
}

/** A domain of which no server answered rests; the first answer, of whatever kind, ends that. */
function noteReach({ head, turn }: Queue, results: readonly AttemptResult[], policy: DeliveryPolicy): void {
  const all = results.flatMap(({ recipients }) => recipients);
  if (all.length === 0) return;
  // RFC 3463 §3.5: network and routing, but 4.4.7 (our own time was up). Other results without a reply are of our own making.
  const isUnreached = all.every(
    ({ code, outcome, enhanced }) => code === 0 && outcome === 'deferred' && /^4\.4\.[1-6]$/.test(enhanced),
  );
  if (!isUnreached) {
    head.unreached = 0;
    head.unreachedUntilMs = 0;
    return;
  }
  // Dialogues that were open when it began to be unreachable tell the same story once more.
  if (head.unreachedUntilMs > turn.nowMs) return;
  head.unreached++;
  head.unreachedUntilMs = turn.nowMs + retryMs(policy, head.unreached);
}
