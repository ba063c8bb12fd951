/**
 * Who was refused here, or refused this node, and whether that is worth a line in the log: a flood of the same tells
 * nothing.
 */
import type { LinkRefusal } from './codes.ts';

export interface PeerRefusal extends LinkRefusal {
  /** A node as it calls itself, or (a stranger) the address that it came from. */
  readonly of: string;
  /** Whose verdict it is. */
  readonly by: 'us' | 'them';
  readonly atMs: number;
  /** How often since it was first so. */
  readonly times: number;
}

const kept = 128;

export class RefusalBook {
  readonly #logAgainMs: number;
  /** Oldest first. */
  readonly #last = new Map<string, PeerRefusal & { loggedMs: number }>();
  /** All of this life. */
  total = 0;

  constructor(logAgainMs: number) {
    this.#logAgainMs = logAgainMs;
  }

  /** @returns whether to log it */
  note(of: string, refusal: LinkRefusal, by: PeerRefusal['by'], nowMs: number): boolean {
    this.total++;
    const before = this.#last.get(of);
    const isSame = before !== undefined && before.code === refusal.code && before.by === by;
    const isQuiet = isSame && nowMs - before.loggedMs < this.#logAgainMs && nowMs >= before.loggedMs;
    const { code, text } = refusal;
    const times = isSame ? before.times + 1 : 1;
    this.#last.delete(of);
    this.#last.set(of, { of, by, code, text, times, atMs: nowMs, loggedMs: isQuiet ? before.loggedMs : nowMs });
    if (this.#last.size > kept) this.#last.delete(this.#last.keys().next().value!);
    return !isQuiet;
  }

  /** It is linked now. */
  forget(of: string): void {
    this.#last.delete(of);
  }

  lastOf(of: string): PeerRefusal | null {
    return this.#last.get(of) ?? null;
  }

  /** Newest last. */
  list(): PeerRefusal[] {
    return [...this.#last.values()].map(({ of, by, code, text, atMs, times }) => ({ of, by, code, text, atMs, times }));
  }
}
