/**
 * A run of the load generator: sessions, the warm-up, the window that counts, and the end.
 *
 * Promises: only mails answered within the window are counted and timed; whatever was refused or lost at any time is
 * in the result, and makes `failures` more than zero; it ends even if the server does not answer.
 */
import { type Clock, systemClock } from '../../runtime/base/clock.ts';
import { Histogram, type LatencySummary } from '../measure/histogram.ts';
import { MessageTemplate } from './message.ts';
import { type Accepted, LoadSession, type Recipient, type SessionMode, type SessionPlan } from './session.ts';

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** Those of all nodes of a cluster: sessions go to one after another, and `port` to nobody. */
  readonly ports?: readonly number[];
  readonly sessions: number;
  readonly sizeBytes: number;
  readonly mode: SessionMode;
  /** Length of the window that counts; ignored when `mails` is given. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** A fixed number of mails instead of a time; then there is no warm-up. */
  readonly mails?: number;
  readonly recipients: readonly string[];
  readonly pick: 'round-robin' | 'uniform';
  /** Reverse-path and From; left out: somebody at `load.example`. */
  readonly sender?: string;
  readonly auth?: { readonly user: string; readonly password: string };
  /** A steady pace of all sessions together instead of as fast as the server answers. */
  readonly perSecond?: number;
  /**
   * With `perSecond`: what the server was too slow for is made up for afterwards, as mail of others does not wait for it
   * either. Left out: it is not.
   */
  readonly makesUp?: boolean;
}

export interface LoadResult {
  /** Mails answered with 250 within the window. */
  readonly mails: number;
  /** All mails answered with 250, warm-up and tail included. */
  readonly mailsAll: number;
  readonly seconds: number;
  readonly mailsPerSecond: number;
  readonly latency: LatencySummary;
  /** From when each mail of the pace was due, so that mails that a stall kept from beginning count as late. */
  readonly sinceDue: LatencySummary;
  /** `2/3` -> mails whose `250` said so, warm-up and tail included. */
  readonly copies: Readonly<Record<string, number>>;
  /** Answers other than the expected, and connections lost. */
  readonly failures: number;
  /** The first few of them. */
  readonly failureTexts: readonly string[];
  /** CPU that the load generator itself used for each mail of the window. */
  readonly loadCpuUsPerMail: number;
  /** CPU of its whole process, from its first instruction on. */
  readonly loadCpuMsAll: number;
}

/** More than this and the run is given up. */
const failuresMax = 100;
const failureTextsMax = 5;
/** No mail accepted for so long: the server is taken for dead. */
const silenceMsMax = 30_000;
const defaultSender = 'sender@load.example';

export function runLoad(options: LoadOptions, clock: Clock = systemClock): Promise<LoadResult> {
  return new Promise((resolve) => {
    new LoadRun(options, clock, resolve).start();
  });
}

class LoadRun implements SessionPlan {
  readonly #options: LoadOptions;
  readonly #clock: Clock;
  readonly #done: (result: LoadResult) => void;
  readonly #recipients: readonly Recipient[];
  readonly #sessions: LoadSession[] = [];
  readonly #latency = new Histogram();
  readonly #sinceDue = new Histogram();
  readonly #copies = new Map<number, number>();
  readonly #failureTexts: string[] = [];
  #failures = 0;
  #started = 0;
  #accepted = 0;
  #acceptedAtLastLook = 0;
  #living = 0;
  #isCounting = false;
  #isStopping = false;
  #pickState = 0x9e3779b9;
  /** Sessions that are logged in and wait for the others; null when nobody waits (any more). */
  #waiting: (() => void)[] | null = null;
  /** Null: no mail was due yet. */
  #lastDueMs: number | null = null;
  #windowStartMs = 0;
  #windowMs = 0;
  #cpuAtStart: NodeJS.CpuUsage = { user: 0, system: 0 };
  #cpuUs = 0;
  #cancelTimer: () => void = () => {};
  #cancelWatch: () => void = () => {};

  constructor(options: LoadOptions, clock: Clock, done: (result: LoadResult) => void) {
    this.#options = options;
    this.#clock = clock;
    this.#done = done;
    this.#recipients = options.recipients.map((address) => ({
      path: `<${address}>`,
      command: Buffer.from(`RCPT TO:<${address}>\r\n`),
    }));
  }

  start(): void {
    const { port, ports = [port], sessions, sizeBytes, mode, mails, warmupSeconds } = this.#options;
    const { sender = defaultSender } = this.#options;
    const addressBytesMax = this.#recipients.reduce((most, { path }) => Math.max(most, path.length - 2), 0);
    const dateText = new Date(this.#clock.nowMs()).toUTCString().replace('GMT', '+0000');
    for (let i = 0; i < sessions; i++) {
      const message = new MessageTemplate(sizeBytes, i, sender, addressBytesMax, dateText);
      const target = { ...this.#options, port: ports[i % ports.length] as number };
      this.#sessions.push(new LoadSession(target, mode, sender, message, this));
    }
    this.#living = sessions;
    // What a login costs (a password hash) is not the mail's: nobody begins before all are in.
    if (this.#options.auth !== undefined && mails !== undefined) this.#waiting = [];
    else if (mails !== undefined || warmupSeconds === 0) this.#openWindow();
    else this.#cancelTimer = this.#clock.after(warmupSeconds * 1000, () => this.#openWindow());
    this.#watch();
    for (const session of this.#sessions) session.start();
  }

  nextRecipient(): Recipient | undefined {
    const { mails, pick } = this.#options;
    if (this.#isStopping || (mails !== undefined && this.#started >= mails)) return undefined;
    const turn = pick === 'uniform' ? this.#chance() : this.#started;
    this.#started++;
    return this.#recipients[turn % this.#recipients.length];
  }

  ready(go: () => void): void {
    if (this.#waiting === null) return go();
    this.#waiting.push(go);
    this.#beginTogether();
  }

  whenNext(go: (dueMs?: number) => void): void {
    const { perSecond, makesUp = false } = this.#options;
    if (perSecond === undefined) return go();
    const nowMs = this.#clock.monotonicMs();
    const dueMs = nextDueMs(this.#lastDueMs, 1000 / perSecond, nowMs, makesUp);
    this.#lastDueMs = dueMs;
    if (dueMs < nowMs) go(dueMs);
    else this.#clock.after(dueMs - nowMs, () => go(dueMs));
  }

  accepted({ latencyMs, sinceDueMs, copies }: Accepted): void {
    this.#accepted++;
    if (copies > 0) this.#copies.set(copies, (this.#copies.get(copies) ?? 0) + 1);
    if (!this.#isCounting) return;
    this.#latency.record(latencyMs * 1000);
    this.#sinceDue.record(sinceDueMs * 1000);
  }

  refused(step: string, answer: string): void {
    this.#fail(`${step}: ${answer}`);
  }

  ended(cause?: string): void {
    if (cause !== undefined) this.#fail(cause);
    this.#living--;
    if (this.#living === 0) this.#finish();
    else this.#beginTogether();
  }

  #beginTogether(): void {
    const waiting = this.#waiting;
    if (waiting === null || waiting.length < this.#living) return;
    this.#waiting = null;
    this.#openWindow();
    for (const go of waiting) go();
  }

  #openWindow(): void {
    this.#isCounting = true;
    this.#windowStartMs = this.#clock.monotonicMs();
    this.#cpuAtStart = process.cpuUsage();
    if (this.#options.mails !== undefined) return;
    this.#cancelTimer = this.#clock.after(this.#options.seconds * 1000, () => {
      this.#closeWindow();
      this.#isStopping = true;
    });
  }

  #closeWindow(): void {
    if (!this.#isCounting) return;
    this.#isCounting = false;
    this.#windowMs = this.#clock.monotonicMs() - this.#windowStartMs;
    const used = process.cpuUsage(this.#cpuAtStart);
    this.#cpuUs = used.user + used.system;
  }

  #fail(text: string): void {
    this.#failures++;
    if (this.#failureTexts.length < failureTextsMax) this.#failureTexts.push(text);
    if (this.#failures === failuresMax) this.#giveUp('given up: too many failures');
  }

  #watch(): void {
    this.#cancelWatch = this.#clock.after(silenceMsMax, () => {
      if (this.#accepted === this.#acceptedAtLastLook) {
        return this.#giveUp(`given up: no mail was accepted for ${silenceMsMax / 1000} s`);
      }
      this.#acceptedAtLastLook = this.#accepted;
      this.#watch();
    });
  }

  #giveUp(text: string): void {
    this.#failures++;
    this.#failureTexts.push(text);
    this.#isStopping = true;
    for (const session of this.#sessions) session.abort();
    this.#living = 0;
    this.#finish();
  }

  #finish(): void {
    this.#cancelTimer();
    this.#cancelWatch();
    this.#closeWindow();
    const mails = this.#latency.count;
    const all = process.cpuUsage();
    this.#done({
      mails,
      mailsAll: this.#accepted,
      seconds: this.#windowMs / 1000,
      mailsPerSecond: this.#windowMs === 0 ? 0 : (mails * 1000) / this.#windowMs,
      latency: this.#latency.summary(),
      sinceDue: this.#sinceDue.summary(),
      copies: shownCopies(this.#copies),
      failures: this.#failures,
      failureTexts: this.#failureTexts,
      loadCpuUsPerMail: mails === 0 ? Number.NaN : this.#cpuUs / mails,
      loadCpuMsAll: (all.user + all.system) / 1000,
    });
  }

  /** xorshift32: cheap, and the same for every server. */
  #chance(): number {
    let state = this.#pickState;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#pickState = state;
    return state >>> 0;
  }
}

/** When the mail after the one that was due at `lastMs` is due: `everyMs` later, but not in the past unless that is wanted. */
export function nextDueMs(lastMs: number | null, everyMs: number, nowMs: number, makesUp: boolean): number {
  if (lastMs === null) return nowMs;
  return makesUp ? lastMs + everyMs : Math.max(nowMs, lastMs + everyMs);
}

function shownCopies(counts: ReadonlyMap<number, number>): Record<string, number> {
  return Object.fromEntries(
    [...counts]
      .sort(([a], [b]) => a - b)
      .map(([copies, count]) => [`${Math.floor(copies / 10)}/${copies % 10}`, count]),
  );
}
