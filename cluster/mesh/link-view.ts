/** What may be seen of a link from outside: plain data for `status`. */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { DialOutcome } from './dial-attempt.ts';
import type { Peer } from './peer.ts';
import type { PeerRefusal } from './refusal-book.ts';

export interface LinkView {
  readonly node: NodeId;
  /** The other end of the link, else the first place where it is looked for; null: no place is known. */
  readonly address: string | null;
  readonly isLinked: boolean;
  /** Wall clock; of the link. */
  readonly sinceMs: number | null;
  readonly incarnation: number | null;
  readonly version: string | null;
  /** False: it holds a certificate of this cluster and is in no list yet. */
  readonly isListed: boolean;
  readonly lastRefusal: PeerRefusal | null;
  /** Why it could not be reached when last tried. */
  readonly lastFailure: string | null;
}

/** Why there is no link yet, for `status`. */
export function failureOf(address: string, outcome: DialOutcome): string {
  switch (outcome.kind) {
    case 'nobodyListens':
      return `nobody listens on ${address}`;
    case 'refused':
      return outcome.refusal.text;
    case 'failed':
      return `${address}: ${outcome.reason}`;
    case 'linked':
      return '';
  }
}

export function viewOf(peer: Peer, lastRefusal: PeerRefusal | null): LinkView {
  const { node, link, isListed, lastFailure } = peer;
  return {
    node,
    address: link?.address ?? peer.addresses()[0] ?? null,
    isLinked: link !== null,
    sinceMs: link?.sinceMs ?? null,
    incarnation: link?.hello.incarnation ?? null,
    version: link?.hello.version ?? null,
    isListed,
    lastRefusal,
    lastFailure,
  };
}
