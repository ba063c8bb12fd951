/**
 * Slows down whoever guesses passwords: failed log-ins are counted per client and per account.
 *
 * Promises: bounded memory, whatever comes; attempts that run at the same time count too; a success forgives the
 * account; who has logged in to an account from a client lately is not shut out of it by what others guess elsewhere.
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

/** Clients, accounts and pairs of both that are remembered, each; the longest known goes first. */
const keptMax = 10_000;

interface Failures {
  count: number;
  readonly untilMs: number;
}

/** One attempt, counted as failed until somebody says otherwise. Exactly one of the two is called, or none. */
export interface LoginAttempt {
  /** Time from its begin to the answer, should it fail. */
  readonly failureMs: number;
  succeeded(): void;
  /** Nobody could say whether the password is right: it does not count. */
  undecided(): void;
}

export class LoginThrottle {
  readonly clock: Clock;
  readonly #limits: ThrottleLimits;
  readonly #byClient = new Map<string, Failures>();
  readonly #byAccount = new Map<string, Failures>();
  readonly #trusted = new Map<string, true>();

  constructor(clock: Clock, limits: ThrottleLimits = throttleLimits) {
    this.clock = clock;
    this.#limits = limits;
  }

  /**
   * @param account any text that names it, also when there is none of that name
   * @returns milliseconds until it may try again, when there were too many failures
   */
  begin(clientAddress: string, account: string): LoginAttempt | number {
    const { clientFailuresMax, accountFailuresMax } = this.#limits;
    const nowMs = this.clock.monotonicMs();
    const client = clientOf(clientAddress);
    const pair = `${client} ${account}`;
    const ofClient = this.#failures(this.#byClient, client, nowMs);
    const ofAccount = this.#failures(this.#byAccount, account, nowMs);
    if (ofClient.count >= clientFailuresMax) return ofClient.untilMs - nowMs;
    if (ofAccount.count >= accountFailuresMax && !this.#trusted.has(pair)) return ofAccount.untilMs - nowMs;
    ofClient.count++;
    ofAccount.count++;
    return {
      failureMs: this.#failureMs(Math.max(ofClient.count, this.#trusted.has(pair) ? 0 : ofAccount.count)),
      succeeded: () => {
        ofClient.count--;
        this.#byAccount.delete(account);
        keep(this.#trusted, pair, true);
      },
      undecided: () => {
        ofClient.count--;
        ofAccount.count--;
      },
    };
  }

  #failures(table: Map<string, Failures>, key: string, nowMs: number): Failures {
    const there = table.get(key);
    if (there !== undefined && nowMs < there.untilMs) return there;
    const fresh: Failures = { count: 0, untilMs: nowMs + this.#limits.windowMs };
    keep(table, key, fresh);
    return fresh;
  }

  #failureMs(count: number): number {
    const { failureMsMin, failureMsMax, slipsMax } = this.#limits;
    return Math.min(failureMsMax, failureMsMin * 2 ** Math.min(30, Math.max(0, count - slipsMax)));
  }
}

/** A map keeps the order in which its keys came. */
function keep<Value>(table: Map<string, Value>, key: string, value: Value): void {
  table.delete(key);
  const [oldest] = table.size >= keptMax ? table.keys() : [];
  if (oldest !== undefined) table.delete(oldest);
  table.set(key, value);
}
