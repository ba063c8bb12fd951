/**
 * A courier asks for work, and tells what came of it.
 *
 * Promises: an attempt is committed as begun before its job leaves; the policy's concurrency and rate hold for all
 * couriers together; a domain whose servers cannot be reached is tried by one dialogue with one mail at a time.
 */
import { endLostDialogues, timeOut } from './doubt.ts';
import type { AttemptResult, CourierId, DeliveryDomainCommand, DeliveryPolicy, Job, Work } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { pendingReports } from './reports.ts';
import { expire, retryMs, takeResult } from './results.ts';
import { type DialogueRow, dialogueKey } from './rows.ts';
import { mayTryAtMs, takePermit } from './wake.ts';

const mailsPerAskMax = 100;
/** Expired items that one turn gives up. */
const expiredPerTurnMax = 50;

type Begin = DeliveryDomainCommand & { readonly kind: 'begin' };
type Finish = DeliveryDomainCommand & { readonly kind: 'finish' };

export function begin(queue: Queue, { courier, policy, mailsMax }: Begin): Work {
  const { head, turn } = queue;
  head.policy = policy;
  head.announced = 0;
  keepHouse(queue, courier, policy);
  const isProbe = head.unreached > 0;
  const mayOpen = !head.isPaused && head.dialogues < (isProbe ? 1 : policy.concurrency);
  if (!mayOpen) return { dialogue: null, jobs: [], reports: pendingReports(queue) };
  const dialogue = turn.newId();
  const jobs = takeJobs(queue, dialogue, courier, policy, isProbe ? 1 : mailsMax);
  if (jobs.length > 0) {
    head.dialogues++;
    turn.put(dialogueKey(dialogue), { courier, untilMs: turn.nowMs + policy.attemptTimeoutMs } satisfies DialogueRow);
  }
  return { dialogue: jobs.length === 0 ? null : dialogue, jobs, reports: pendingReports(queue) };
}

export function finish(queue: Queue, { courier, policy, dialogue, results, mailsMax }: Finish): Work {
  const { head, turn } = queue;
  head.policy = policy;
  head.announced = 0;
  for (const result of results) takeResult(queue, result, policy);
  noteReach(queue, results, policy);
  keepHouse(queue, courier, policy);
  const isOpen = turn.get<DialogueRow>(dialogueKey(dialogue)) !== undefined;
  const goesOn =
    isOpen && mailsMax > 0 && !head.isPaused && head.unreached === 0 && head.dialogues <= policy.concurrency;
  const jobs = goesOn ? takeJobs(queue, dialogue, courier, policy, mailsMax) : [];
  if (jobs.length > 0) {
    turn.put(dialogueKey(dialogue), { courier, untilMs: turn.nowMs + policy.attemptTimeoutMs } satisfies DialogueRow);
  } else if (isOpen) {
    turn.delete(dialogueKey(dialogue));
    head.dialogues--;
  }
  return { dialogue: jobs.length === 0 ? null : dialogue, jobs, reports: pendingReports(queue) };
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
    if (item === null || turn.nowMs - item.row.enqueuedMs < policy.expireMs) break;
    expire(queue, item);
  }
}

/** Drops that nobody has undone. */
export function endDrops(queue: Queue): void {
  const { turn, head } = queue;
  if (head.dropped === 0) return;
  for (const { key } of turn.range({ prefix: ['x'], to: ['x', turn.nowMs + 1], limit: expiredPerTurnMax })) {
    const item = queue.item(String(key[2]));
    if (item !== null) queue.remove(item);
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
  const { mailId, body, prefix, envelope, dsn, smtpUtf8 } = item.row.message;
  const recipients = queue.left(item).map(([, recipient]) => recipient);
  const { attempts, route } = item.state;
  return { itemId: item.id, attemptId, mailId, body, prefix, envelope, dsn, smtpUtf8, recipients, attempts, route };
}

/** A domain of which no server answered rests; the first answer, of whatever kind, ends that. */
function noteReach({ head, turn }: Queue, results: readonly AttemptResult[], policy: DeliveryPolicy): void {
  if (results.length === 0) return;
  const isUnreached = results.every(({ recipients }) =>
    recipients.every(({ code, outcome }) => code === 0 && outcome === 'deferred'),
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
