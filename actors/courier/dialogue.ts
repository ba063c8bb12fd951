/**
 * One dialogue with the servers of a domain: mail after mail over one connection, until there is no more.
 *
 *     jobs --> [dial] --> transaction, transaction ... --> results --finish--> next jobs
 *
 * Promises: every job has a result, whatever the servers do, and before its attempt's time is up; a mail that was not handed
 * over goes to the next place where there is one; at most the mails of one answer are in hand, and one more for each time
 * that results were told in between.
 * Leaves to others: who may open one (`courier.ts`), repeating a `finish` that was not taken (its doors).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { RemoteRoute } from '../delivery-domain/policy.ts';
import type { AttemptResult, Job, RecipientResult, Work } from '../delivery-domain/protocol.ts';
import { parseHostPort } from '../mail/host-port.ts';
import { Contents } from './contents.ts';
import { Dialer, type DialerContext } from './dialer.ts';
import type { CourierLimits } from './limits.ts';
import type { Verdict } from './next-hops.ts';
import { noReply, type Reply } from './reply.ts';
import { Session } from './session.ts';
import { Transaction } from './transaction.ts';
import { attemptResult, nowhere, stopping, wholeResult } from './verdicts.ts';

export interface DialogueDoors {
  /** Never throws; false also when nobody could say it. */
  readonly confirm: (job: Job) => Promise<boolean>;
  /** Returns when it was taken; null when the courier gave up on it. */
  readonly finish: (results: readonly AttemptResult[], mailsMax: number) => Promise<Work | null>;
  /** As the settings say it now; null: the domain's MX. */
  readonly route: () => RemoteRoute | null;
  /** Whether it may ask for more mail: nobody waits for its place, nothing stops. */
  readonly mayGoOn: () => boolean;
  /** As the settings say it now. */
  readonly mailsPerConnection: () => number;
  /** Time that the queue gives an attempt. */
  readonly attemptMsMax: () => number;
  readonly reached: () => void;
  /** A job has its result; it may be told later. */
  readonly ended: (job: Job, result: AttemptResult) => void;
}

export interface DialogueContext {
  readonly core: CoreApi;
  readonly clock: Clock;
  readonly limits: CourierLimits;
  readonly dialer: Omit<DialerContext, 'open' | 'isOver'>;
  readonly hostname: string;
  readonly isLoopback: (ip: string) => boolean;
}

export class Dialogue {
  readonly #domain: string;
  readonly #context: DialogueContext;
  readonly #doors: DialogueDoors;
  readonly #contents: Contents;
  #jobs: Job[] = [];
  /** When the time of each is up, by attempt. */
  readonly #dueMs = new Map<string, number>();
  /** Being sent; it is no longer among the jobs. */
  #sending: Job | null = null;
  #results: AttemptResult[] = [];
  #telling: Promise<unknown> | null = null;
  #cancelTell: (() => void) | null = null;
  #isClosedThere = false;
  #dialer: { readonly dialer: Dialer; readonly key: string } | null = null;
  #session: Session | null = null;
  /** The mail whose envelope went out behind the dot of the one before. */
  #begun: { readonly job: Job; readonly session: Session; readonly transaction: Transaction } | null = null;
  #verdict: Verdict | null = null;
  #cutOpen: (() => void) | null = null;
  #isDotOut = false;
  /** Since when a server is waited for, before the first reply of it. */
  #openingSinceMs: number | null = null;
  #stop: Reply | null = null;
  /** The time of the mail that is being sent is up. */
  #late: Reply | null = null;
  #mailsOfConnection = 0;
  #mails = 0;

  constructor(domain: string, context: DialogueContext, doors: DialogueDoors) {
    this.#domain = domain;
    this.#context = context;
    this.#doors = doors;
    this.#contents = new Contents(context.core, context.limits.pieceBytes);
  }

  async run(first: readonly Job[]): Promise<void> {
    const { clock, limits } = this.#context;
    this.#take(first);
    while (this.#jobs.length > 0) {
      const startMs = clock.monotonicMs();
      const before = this.#mails;
      await this.#sendAll();
      const eachMs = (clock.monotonicMs() - startMs) / (this.#mails - before);
      const want = Math.max(1, Math.floor(limits.mailsMs / Math.max(eachMs, 1)));
      this.#take(await this.#finish(Math.min(limits.mailsMax, want, this.#roomLeft())));
    }
    this.#session?.quit();
  }

  /** Its time runs from now on. */
  #take(jobs: readonly Job[]): void {
    const forMs = this.#doors.attemptMsMax() - this.#marginMs();
    for (const { attemptId } of jobs) this.#dueMs.set(attemptId, this.#context.clock.monotonicMs() + forMs);
    this.#jobs.push(...jobs);
  }

  #marginMs(): number {
    return Math.min(this.#context.limits.attemptMarginMs, this.#doors.attemptMsMax() / 4);
  }

  /** Mails that it may ask for. */
  #roomLeft(): number {
    if (this.#isClosedThere || this.#verdict !== null || this.#stop !== null || !this.#doors.mayGoOn()) return 0;
    const inHand = this.#jobs.length + (this.#sending === null ? 0 : 1);
    return Math.max(0, this.#doors.mailsPerConnection() - this.#mailsOfConnection - inHand);
  }

  /** Silent: a server is waited for that did not say anything for so long, and may be cut off without doubt. */
  isSilent(nowMs: number): boolean {
    const sinceMs = this.#session?.waitsSinceMs ?? this.#openingSinceMs;
    return !this.#isDotOut && sinceMs !== null && nowMs - sinceMs >= this.#context.limits.silentMs;
  }

  /** What is being sent ends now; what is in hand gets its result. */
  cut(why: Reply): void {
    this.#stop ??= why;
    this.#session?.end(why);
    this.#cutOpen?.();
  }

  async #sendAll(): Promise<void> {
    while (this.#jobs.length > 0) {
      await this.#sendJobs();
      // It may bring more.
      await this.#telling;
    }
    this.#cancelTell?.();
    this.#cancelTell = null;
    await this.#telling;
    if (this.#jobs.length > 0) await this.#sendAll();
  }

  async #sendJobs(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      this.#sending = job;
      const result = await this.#sendInTime(job);
      this.#sending = null;
      this.#contents.drop(job);
      this.#doors.ended(job, result);
      this.#note(result);
    }
  }

  async #sendInTime(job: Job): Promise<AttemptResult> {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    const leftMs = (this.#dueMs.get(job.attemptId) ?? startMs) - startMs;
    this.#dueMs.delete(job.attemptId);
    // One that is begun with next to no time would be cut off behind its dot, and be in doubt.
    this.#late = leftMs > this.#marginMs() ? null : notBegun;
    const cancel = clock.after(Math.max(0, leftMs), () => {
      this.#late ??= tooLate;
      this.#session?.end(this.#late);
      this.#cutOpen?.();
    });
    const result = await this.#sendOne(job, startMs);
    cancel();
    return result;
  }

  /** Why nothing more is done for the mail that is being sent; null: more may be done. */
  get #over(): Reply | null {
    return this.#stop ?? this.#late;
  }

  async #sendOne(job: Job, startMs: number): Promise<AttemptResult> {
    const { clock } = this.#context;
    const place = () => ({ ...this.#place(), tookMs: Math.round(clock.monotonicMs() - startMs) });
    for (;;) {
      if (this.#stop === stopping) return attemptResult(job, [], place());
      const over = this.#over;
      if (over !== null) {
        // Its envelope may be out already: the next mail must not follow it.
        if (this.#begun !== null) this.#session?.end(over);
        return wholeResult(job, 'deferred', over, place());
      }
      const content = await this.#contents.load(job);
      if (content === null)
        return wholeResult(job, 'deferred', noReply('4.3.0', 'the stored mail could not be read'), place());
      const session = await this.#sessionFor(job);
      if (!(session instanceof Session)) return wholeResult(job, session.outcome, session.reply, place());
      const begun = this.#begun;
      this.#begun = null;
      const transaction =
        begun?.job === job && begun.session === session
          ? begun.transaction
          : new Transaction(session, job, content, this.#context.limits);
      const end = await transaction.finish({
        confirm: () => this.#doors.confirm(job),
        dotGoesOut: () => this.#beginNext(session, job),
      });
      this.#isDotOut = false;
      if (!end.isUntouched) {
        this.#learn(session, end.results);
        return attemptResult(job, end.results, place());
      }
      this.#goElsewhere(session, end.results);
    }
  }

  /** A server that takes the dot of its first mail and says nothing would have all of the others in doubt as well. */
  #learn(session: Session, results: readonly RecipientResult[]): void {
    if (session.mailsEnded > 0 || !results.some(({ outcome }) => outcome === 'inDoubt')) return;
    const text = 'not tried: the server did not answer for the mail before it';
    this.#verdict = { outcome: 'deferred', reply: noReply('4.4.2', text) };
  }

  /** A connection that carried mail before was closed in between, as servers do; a new one failed: another place. */
  #goElsewhere(session: Session, results: readonly RecipientResult[]): void {
    const [{ code, enhanced, text }] = results as [RecipientResult];
    if (session.mailsEnded === 0) this.#dialer?.dialer.pass({ code, enhanced, text });
    session.end({ code: 0, enhanced, text });
    this.#session = null;
  }

  #beginNext(session: Session, job: Job): void {
    this.#isDotOut = true;
    const next = this.#jobs[0];
    if (next === undefined || !session.extensions.pipelining || next.route !== job.route) return;
    const content = this.#contents.ready(next);
    if (content === null) return;
    const transaction = new Transaction(session, next, content, this.#context.limits);
    this.#begun = { job: next, session, transaction };
    transaction.begin();
  }

  async #sessionFor(job: Job): Promise<Session | Verdict> {
    const ahead = this.#jobs[0];
    if (ahead !== undefined) void this.#contents.load(ahead);
    const route = job.route === null ? this.#doors.route() : rerouted(job.route);
    const key = JSON.stringify([job.route, route]);
    if (this.#dialer?.key !== key) {
      this.#leave();
      this.#dialer = { key, dialer: new Dialer(this.#domain, route, this.#dialerContext()) };
      this.#verdict = null;
    }
    if (this.#session !== null && this.#session.endedBy === null) return this.#session;
    if (this.#verdict !== null) return this.#verdict;
    this.#mailsOfConnection = 0;
    this.#openingSinceMs = this.#context.clock.monotonicMs();
    const session = await this.#dialer.dialer.dial();
    this.#openingSinceMs = null;
    if (session instanceof Session) {
      this.#session = session;
      this.#doors.reached();
      if (this.#over !== null) session.end(this.#over);
    } else {
      this.#verdict = session;
    }
    return session;
  }

  #leave(): void {
    // An envelope that went out ahead is for the server that is left.
    if (this.#begun === null) this.#session?.quit();
    else this.#session?.end(stopping);
    this.#session = null;
  }

  #dialerContext(): DialerContext {
    const { dialer, clock, limits, hostname, isLoopback } = this.#context;
    const holds = (cut: (() => void) | null): void => {
      this.#cutOpen = cut;
    };
    return { ...dialer, open: { hostname, clock, limits, isLoopback, holds }, isOver: () => this.#over !== null };
  }

  #place(): Omit<typeof nowhere, never> {
    const session = this.#session;
    if (session !== null) {
      const dsnPassedOn = session.extensions.dsn;
      return { mx: session.host, ip: session.ip, tls: session.tls, dsnPassedOn };
    }
    const dialer = this.#dialer?.dialer;
    return dialer === undefined ? nowhere : { ...nowhere, mx: dialer.host, ip: dialer.ip };
  }

  /** A result waits for others as long as the dialogue goes on, but not for long. */
  #note(result: AttemptResult): void {
    this.#mailsOfConnection++;
    this.#mails++;
    this.#results.push(result);
    if (this.#jobs.length === 0 || this.#cancelTell !== null) return;
    this.#cancelTell = this.#context.clock.after(this.#context.limits.resultWaitMs, () => {
      this.#cancelTell = null;
      if (this.#telling !== null || this.#results.length === 0) return;
      // A mail is in hand, so the queue keeps the dialogue's place also where none is asked for.
      this.#telling = this.#finish(Math.min(1, this.#roomLeft())).then((jobs) => {
        this.#take(jobs);
        this.#telling = null;
      });
    });
  }

  async #finish(mailsMax: number): Promise<readonly Job[]> {
    const results = this.#results;
    this.#results = [];
    const work = await this.#doors.finish(results, mailsMax);
    if (work === null || work.dialogue === null) this.#isClosedThere = true;
    return work?.jobs ?? [];
  }
}

const tooLate = noReply('4.4.7', 'the attempt took too long');
const notBegun = noReply('4.4.7', 'not tried: the mails before it took too long');

/** An operator's `host:port` for one mail. */
function rerouted(text: string): RemoteRoute | null {
  const place = parseHostPort(text);
  return place === null ? null : { ...place, auth: null, tls: 'opportunistic' };
}
