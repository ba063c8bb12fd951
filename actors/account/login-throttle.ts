/**
 * Slows down whoever guesses passwords: failed log-ins are counted per client and per account.
 *
 * Promises: bounded memory, whatever comes, in which much guessing outlasts little; a client that is not listened to
 * changes nothing in it; no more attempts run at the same time than may fail, and the others wait for them (a program that
 * opens thirty sessions at once guesses nothing); a success forgives the account; who has logged in to an account from a
 * client lately is not shut out of it by what others guess elsewhere.
 * Leaves to others: the password itself (`authenticate.ts`), and what a protocol says. Holds per worker, not per cluster.
 */
import { clientOf } from '../../runtime/base/client-network.ts';
import type { Clock } from '../../runtime/base/clock.ts';

export interface ThrottleLimits {
  /** Failures of one client, whichever accounts it tries, in `windowMs`; then it is not listened to until that is over. */
  readonly clientFailuresMax: number;
  /** Failures of one account, from wherever. More than one client may have, since anybody can bring them about. */
  readonly accountFailuresMax: number;
  readonly windowMs: number;
  /** A failure is answered no sooner, so that its time tells nothing of the account. */
  readonly failureMsMin: number;
  /** Each failure doubles that, up to here. */
  readonly failureMsMax: number;
  /** Failures that are a human's slips: they double nothing. */
  readonly slipsMax: number;
}

export const throttleLimits: ThrottleLimits = {
  clientFailuresMax: 20,
  accountFailuresMax: 100,
  windowMs: 15 * 60_000,
  failureMsMin: 250,
  failureMsMax: 8_000,
  slipsMax: 3,
};

/** Clients, accounts and pairs of both that are remembered, each. */
const keptMax = 10_000;

/** Log-ins that wait for others to end; more are told to come again. */
const waitingMax = 1_000;

interface Failures {
  /** Those that run among them, which may fail. */
  count: number;
  running: number;
  readonly untilMs: number;
}

/** One attempt. Exactly one of the three is called, once. */
export interface LoginAttempt {
  /** Time from its begin to the answer, should it fail. */
  readonly failureMs: number;
  succeeded(): void;
  failed(): void;
  /** Nobody could say whether the password is right: it does not count. */
  undecided(): void;
}

export class LoginThrottle {
  readonly clock: Clock;
  readonly #limits: ThrottleLimits;
  readonly #byClient = new Map<string, Failures>();
  readonly #byAccount = new Map<string, Failures>();
  readonly #trusted = new Map<string, true>();
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, limits: ThrottleLimits = throttleLimits) {
    this.clock = clock;
    this.#limits = limits;
  }

  /** Milliseconds until the client may try again; 0: now. To ask before anything is looked up for it. */
  clientWaitMs(clientAddress: string): number {
    return this.#waitMs(this.#byClient, clientOf(clientAddress), this.#limits.clientFailuresMax);
  }

  /**
   * As `begin`, once those that run leave room.
   * @param account its id where there is one, or any text that names it: all its addresses share one count
   * @returns milliseconds until it may try again, when there were too many failures
   */
  async start(clientAddress: string, account: string): Promise<LoginAttempt | number> {
    for (;;) {
      const begun = this.begin(clientAddress, account);
      if (begun !== 'full') return begun;
      if (this.#waiting.length >= waitingMax) return this.#limits.failureMsMax;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** `full`: as many run as may fail. */
  begin(clientAddress: string, account: string): LoginAttempt | number | 'full' {
    const client = clientOf(clientAddress);
    const pair = `${client} ${account}`;
    const isTrusted = this.#trusted.has(pair);
    const waitMs =
      this.clientWaitMs(clientAddress) ||
      (isTrusted ? 0 : this.#waitMs(this.#byAccount, account, this.#limits.accountFailuresMax));
    if (waitMs > 0) return waitMs;
    const { clientFailuresMax, accountFailuresMax } = this.#limits;
    if (this.#isFull(this.#byClient.get(client), clientFailuresMax)) return 'full';
    if (!isTrusted && this.#isFull(this.#byAccount.get(account), accountFailuresMax)) return 'full';
    return this.#attempt(client, account, isTrusted);
  }

  #isFull(there: Failures | undefined, failuresMax: number): boolean {
    if (there === undefined || this.clock.monotonicMs() >= there.untilMs) return false;
    return there.count >= failuresMax && there.running > 0;
  }

  #attempt(client: string, account: string, isTrusted: boolean): LoginAttempt {
    const ofClient = this.#failures(this.#byClient, client);
    const ofAccount = this.#failures(this.#byAccount, account);
    const both = [ofClient, ofAccount];
    for (const each of both) {
      each.count++;
      each.running++;
    }
    const end = (change: () => void): void => {
      for (const each of both) each.running--;
      change();
      for (const wake of this.#waiting.splice(0)) wake();
    };
    return {
      failureMs: this.#failureMs(Math.max(ofClient.count, isTrusted ? 0 : ofAccount.count)),
      succeeded: () =>
        end(() => {
          ofClient.count--;
          // The attempts that run are not forgiven yet.
          ofAccount.count = ofAccount.running;
          if (ofAccount.running === 0) this.#byAccount.delete(account);
          this.#trust(`${client} ${account}`);
        }),
      failed: () => end(() => undefined),
      undecided: () =>
        end(() => {
          ofClient.count--;
          ofAccount.count--;
        }),
    };
  }

  #waitMs(table: ReadonlyMap<string, Failures>, key: string, failuresMax: number): number {
    const there = table.get(key);
    if (there === undefined || there.count - there.running < failuresMax) return 0;
    return Math.max(0, there.untilMs - this.clock.monotonicMs());
  }

  /** Those of `key`, from now on in the table. */
  #failures(table: Map<string, Failures>, key: string): Failures {
    const nowMs = this.clock.monotonicMs();
    const there = table.get(key);
    if (there !== undefined && nowMs < there.untilMs) return there;
    table.delete(key);
    if (table.size >= keptMax) makeRoom(table, nowMs);
    const fresh: Failures = { count: 0, running: 0, untilMs: nowMs + this.#limits.windowMs };
    table.set(key, fresh);
    return fresh;
  }

  /** The longest unused goes first: a map keeps the order in which its keys came. */
  #trust(pair: string): void {
    this.#trusted.delete(pair);
    const [oldest] = this.#trusted.size >= keptMax ? this.#trusted.keys() : [];
    if (oldest !== undefined) this.#trusted.delete(oldest);
    this.#trusted.set(pair, true);
  }

  #failureMs(count: number): number {
    const { failureMsMin, failureMsMax, slipsMax } = this.#limits;
    return Math.min(failureMsMax, failureMsMin * 2 ** Math.min(30, Math.max(0, count - slipsMax)));
  }
}

/** Drops all whose time is over, or else the one that failed least, the longest known of several. */
function makeRoom(table: Map<string, Failures>, nowMs: number): void {
  let least = '';
  let leastCount = Infinity;
  for (const [key, { count, untilMs }] of table) {
    if (untilMs <= nowMs) table.delete(key);
    else if (count < leastCount) [least, leastCount] = [key, count];
  }
  if (table.size >= keptMax) table.delete(least);
}
