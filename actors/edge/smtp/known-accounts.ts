/**
 * Accounts that were allowed to send a moment ago, so that one which sends many mails is not asked for with each.
 *
 * Promises: an account that changed (disabled, removed, a credential taken away) is forgotten once the core has said so,
 * and that is said before whoever changed it has his answer; what no word came of is believed for `keptMs` and no longer;
 * a credential never outlives its own end. Never holds a refusal.
 */
import type { Clock } from '../../../runtime/base/clock.ts';
import type { Account } from './dialogue.ts';

/** Topic that the core publishes: the key of an account actor whose rows have changed. */
export const accountChangedTopic = 'accountChanged';

const keptMs = 1_000;
const keptMax = 10_000;

interface Known {
  readonly account: Account;
  readonly untilMs: number;
}

export class KnownAccounts {
  readonly #clock: Clock;
  /** By account: one that sends by two credentials at a time is asked for when they take turns. */
  readonly #known = new Map<string, Known>();
  #changes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Grows with each change of any account: what was asked for before it may be older than the change. */
  get changes(): number {
    return this.#changes;
  }

  /** The account as it was a moment ago, with the same credential; null: the core must be asked. */
  get(account: Account): Account | null {
    const known = this.#known.get(account.facts.accountId);
    if (known === undefined || known.account.credential.id !== account.credential.id) return null;
    const { expiresMs } = known.account.credential;
    const isOver = expiresMs !== null && expiresMs <= this.#clock.nowMs();
    if (!isOver && this.#clock.monotonicMs() < known.untilMs) return known.account;
    this.#known.delete(account.facts.accountId);
    return null;
  }

  /** @param changes what `changes` was when the core was asked */
  keep(account: Account, changes: number): void {
    if (changes !== this.#changes) return;
    // All at once is simple, and costs a question an account and second.
    if (this.#known.size >= keptMax) this.#known.clear();
    this.#known.set(account.facts.accountId, { account, untilMs: this.#clock.monotonicMs() + keptMs });
  }

  /** @param accountId null: any of them may have changed */
  forget(accountId: string | null): void {
    this.#changes++;
    if (accountId === null) this.#known.clear();
    else this.#known.delete(accountId);
  }
}
