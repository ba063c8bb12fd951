/**
 * Which groups a node leads, as it is told to the others: a version and a digest in each ping, the difference (or the
 * whole) until the peer says that it holds it.
 *
 * Promises: a peer's claims are taken only whole, in one life of the peer, and when the digest agrees.
 */
import type { ShardId, Term } from '../../runtime/base/ids.ts';
import type { Claim, ClaimsHead, ClaimsNews } from './protocol.ts';

/** The digest of a set is the sum of these, so that one claim more or less costs one step. 32 bits. */
function mixed(group: number, term: number): number {
  let x =
    Math.imul(group + 1, 0x9e3779b1) ^
    Math.imul(term >>> 0, 0x85ebca6b) ^
    Math.imul(Math.floor(term / 2 ** 32), 0x27d4eb2f);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return (x ^ (x >>> 15)) >>> 0;
}

class ClaimSet {
  readonly terms = new Map<ShardId, Term>();
  digest = 0;

  set(group: ShardId, term: Term | null): void {
    const before = this.terms.get(group);
    if (before !== undefined) this.digest = (this.digest - mixed(group, before)) >>> 0;
    if (term === null) {
      this.terms.delete(group);
      return;
    }
    this.terms.set(group, term);
    this.digest = (this.digest + mixed(group, term)) >>> 0;
  }
}

/** This node's claims. */
export class OwnClaims {
  readonly #set = new ClaimSet();
  readonly #changesMax: number;
  #version = 0;
  /** The group that each version changed, of the newest versions. */
  #changes: ShardId[] = [];
  /** News are the same for all peers that hold the same version: made once. */
  #made: { readonly version: number; readonly news: ClaimsNews } | null = null;

  constructor(changesMax: number) {
    this.#changesMax = changesMax;
  }

  get head(): ClaimsHead {
    return { version: this.#version, digest: this.#set.digest };
  }

  get version(): number {
    return this.#version;
  }

  list(): Claim[] {
    return [...this.#set.terms];
  }

  /** Leads `group` in `term`, or (null) does not. */
  set(group: ShardId, term: Term | null): void {
    if ((this.#set.terms.get(group) ?? null) === term) return;
    this.#set.set(group, term);
    this.#version++;
    this.#changes.push(group);
    if (this.#changes.length > 2 * this.#changesMax) this.#changes = this.#changes.slice(-this.#changesMax);
  }

  /** What a peer that holds `version` must learn; null: nothing. */
  newsSince(version: number): ClaimsNews | null {
    if (version === this.#version) return null;
    const made = this.#made;
    if (made !== null && made.version === this.#version && made.news.since === version) return made.news;
    const news = this.#difference(version) ?? { since: 0, claimed: this.list(), dropped: [] };
    this.#made = { version: this.#version, news };
    return news;
  }

  /** Null where the whole is shorter, or the difference is not known any more. */
  #difference(since: number): ClaimsNews | null {
    const count = this.#version - since;
    if (since === 0 || count > this.#changes.length) return null;
    const groups = new Set(this.#changes.slice(-count));
    if (groups.size > this.#set.terms.size) return null;
    const claimed: Claim[] = [];
    const dropped: ShardId[] = [];
    for (const group of groups) {
      const term = this.#set.terms.get(group);
      if (term === undefined) dropped.push(group);
      else claimed.push([group, term]);
    }
    return { since, claimed, dropped };
  }
}

/** What came of news: groups whose claim is another one now (or may be), and what was wrong. */
export interface ClaimsTaken {
  readonly changed: readonly ShardId[];
  readonly problem: string | null;
}

const nothing: ClaimsTaken = { changed: [], problem: null };

/** The claims of one peer in one life of its. */
export class PeerClaims {
  #set = new ClaimSet();
  #version: number | null = 0;

  /** The version that is held; null: none that could be trusted. */
  get version(): number | null {
    return this.#version;
  }

  termOf(group: ShardId): Term | undefined {
    return this.#set.terms.get(group);
  }

  groups(): Iterable<ShardId> {
    return this.#set.terms.keys();
  }

  list(): Claim[] {
    return [...this.#set.terms];
  }

  /** The peer has started anew and claims nothing until it says so. @returns what it claimed before */
  restarted(): ShardId[] {
    return this.#forget(0);
  }

  /** Takes what a ping says. News for another version than the held one are left alone: the answer says what is held. */
  take(head: ClaimsHead, news: ClaimsNews | null): ClaimsTaken {
    if (head.version === this.#version) {
      if (head.digest === this.#set.digest) return nothing;
      return { changed: this.#forget(null), problem: 'claims of one version differ' };
    }
    if (news === null || head.version < (this.#version ?? 0)) return nothing;
    if (news.since === 0) return this.#takeWhole(head, news);
    return news.since === this.#version ? this.#takeDifference(head, news) : nothing;
  }

  #takeWhole(head: ClaimsHead, news: ClaimsNews): ClaimsTaken {
    const before = this.#set;
    const next = new ClaimSet();
    for (const [group, term] of news.claimed) next.set(group, term);
    if (next.digest !== head.digest) {
      return { changed: this.#forget(null), problem: 'claims do not add up to their digest' };
    }
    this.#set = next;
    this.#version = head.version;
    const changed = [...before.terms.keys()].filter((group) => !next.terms.has(group));
    for (const [group, term] of news.claimed) if (before.terms.get(group) !== term) changed.push(group);
    return { changed, problem: null };
  }

  #takeDifference(head: ClaimsHead, news: ClaimsNews): ClaimsTaken {
    for (const group of news.dropped) this.#set.set(group, null);
    for (const [group, term] of news.claimed) this.#set.set(group, term);
    const changed = [...news.claimed.map(([group]) => group), ...news.dropped];
    if (this.#set.digest !== head.digest) {
      return {
        changed: [...changed, ...this.#forget(null)],
        problem: 'claims do not add up to their digest',
      };
    }
    this.#version = head.version;
    return { changed, problem: null };
  }

  #forget(version: number | null): ShardId[] {
    const groups = [...this.#set.terms.keys()];
    this.#set = new ClaimSet();
    this.#version = version;
    return groups;
  }
}
