/**
 * The client's ledger against what became of each recipient: at the far end, in the queue, in a DSN, in the in-doubt
 * ledger. Pure; each way to be wrong has a count of its own.
 *
 * A copy at the far end is excused by nothing but a line of the in-doubt ledger: `copies <= 1 + lines`.
 */
import type { Ledger, LedgerEntry } from '../../support/ledger.ts';

/** What was found of one recipient. */
export interface Trace {
  /** Copies that the far end took. */
  readonly copies: number;
  /** Failure DSNs that name it. */
  readonly reports: number;
  readonly isQueued: boolean;
  /** Lines of the in-doubt ledger that name it, and how many of them ended its way (hold, drop). */
  readonly doubts: number;
  readonly doubtsThatEnd: number;
}

export interface OutboundVerdict {
  /** Mails. */
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  readonly resent: number;
  /** Unknown mails that some of their recipients have and others have not. */
  readonly torn: number;
  /** Recipients, of accepted and unknown mails: each is counted once in the first of these that holds. */
  readonly delivered: number;
  readonly reported: number;
  readonly queued: number;
  readonly leftInDoubt: number;
  readonly lost: number;
  /** Recipients with more than one copy, which the in-doubt ledger names as often. */
  readonly doubledInDoubt: number;
  /** The same, and it does not. */
  readonly doubled: number;
  /** Recipients with more than one failure DSN. */
  readonly reportedTwice: number;
  /** Recipients that were delivered, out of doubt, and of whom a DSN says that they were not. */
  readonly contradicted: number;
  readonly refusedFound: number;
  /** Recipients at the far end, in the queue or in a DSN to whom nobody sent. */
  readonly strays: number;
  readonly faults: readonly string[];
}

const faultsShownMax = 20;
const nothing: Trace = { copies: 0, reports: 0, isQueued: false, doubts: 0, doubtsThatEnd: 0 };

export function judgeOutbound(ledger: Ledger, traces: ReadonlyMap<string, Trace>): OutboundVerdict {
  const judge = new Judge(traces);
  for (const entry of ledger.entries) judge.take(entry);
  return judge.end(ledger);
}

export function isOutboundClean(verdict: OutboundVerdict): boolean {
  const { lost, doubled, reportedTwice, contradicted, refusedFound, torn, strays } = verdict;
  return lost + doubled + reportedTwice + contradicted + refusedFound + torn + strays === 0;
}

const noCounts = {
  ...{ resent: 0, torn: 0, delivered: 0, reported: 0, queued: 0, leftInDoubt: 0, lost: 0, doubledInDoubt: 0 },
  ...{ doubled: 0, reportedTwice: 0, contradicted: 0, refusedFound: 0, strays: 0 },
};

class Judge {
  readonly #traces: ReadonlyMap<string, Trace>;
  readonly #known = new Set<string>();
  readonly #faults: string[] = [];
  readonly #count = { ...noCounts };

  constructor(traces: ReadonlyMap<string, Trace>) {
    this.#traces = traces;
  }

  take(entry: LedgerEntry): void {
    if (entry.isResent) this.#count.resent++;
    const owed = new Set(entry.mailboxOf.keys());
    const addresses = new Set([...owed, ...entry.mayHave]);
    for (const address of addresses) this.#known.add(address);
    if (entry.outcome === 'refused') {
      const found = [...addresses].filter((address) => isAnywhere(this.#of(address)));
      if (found.length > 0) this.#fault('refusedFound', entry, found.join(' '));
      return;
    }
    const isMissing = (address: string): boolean => !isAnywhere(this.#of(address));
    const missing = [...owed].filter(isMissing);
    if (entry.outcome === 'accepted') {
      for (const address of missing) this.#fault('lost', entry, address);
    } else if (missing.length > 0 && [...addresses].some((address) => !isMissing(address))) {
      this.#fault('torn', entry, `without ${missing.join(' ')}`);
    }
    for (const address of addresses) this.#takeRecipient(entry, address);
  }

  end(ledger: Ledger): OutboundVerdict {
    for (const [address, trace] of this.#traces) {
      if (this.#known.has(address) || !isAnywhere(trace)) continue;
      this.#count.strays++;
      this.#faults.push(`stray: ${address}, ${told(trace)}`);
    }
    return {
      accepted: ledger.count('accepted'),
      refused: ledger.count('refused'),
      unknown: ledger.count('unknown'),
      ...this.#count,
      faults: this.#faults.slice(0, faultsShownMax),
    };
  }

  #takeRecipient(entry: LedgerEntry, address: string): void {
    const trace = this.#of(address);
    const { copies, reports, isQueued, doubts } = trace;
    if (copies > 0) this.#count.delivered++;
    else if (reports > 0) this.#count.reported++;
    else if (isQueued) this.#count.queued++;
    else if (isAnywhere(trace)) this.#count.leftInDoubt++;
    if (copies > 1 + doubts) this.#fault('doubled', entry, address);
    else if (copies > 1) this.#count.doubledInDoubt++;
    if (reports > 1) this.#fault('reportedTwice', entry, address);
    if (reports > 0 && copies > 0 && doubts === 0) this.#fault('contradicted', entry, address);
  }

  #of(address: string): Trace {
    return this.#traces.get(address) ?? nothing;
  }

  #fault(name: keyof typeof noCounts, entry: LedgerEntry, what: string): void {
    this.#count[name]++;
    const trace = this.#traces.has(what) ? `, ${told(this.#of(what))}` : '';
    this.#faults.push(`${name}: mail ${entry.number} (${entry.outcome}), ${what}${trace}`);
  }
}

/** What retries after a doubt is somewhere else in the end; held and dropped mail is nowhere but in that ledger. */
function isAnywhere({ copies, reports, isQueued, doubtsThatEnd }: Trace): boolean {
  return copies + reports + doubtsThatEnd > 0 || isQueued;
}

function told({ copies, reports, isQueued, doubts }: Trace): string {
  return `${copies} copies, ${reports} DSNs, ${doubts} times in doubt${isQueued ? ', queued' : ''}`;
}
