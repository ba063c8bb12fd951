/** What a server that also sends mail out gives to a scenario: a queue that can be held, filled, and let go. */
import type { PostfixHold } from './postfix-outbound.ts';

export interface Outbound {
  /** Where mail for other servers is handed in. */
  readonly port: number;
  /** What is to be said there first. */
  readonly auth?: { readonly user: string; readonly password: string };
  readonly sender: string;
  /** What is taken from now on stays in the queue. */
  hold(): Promise<void>;
  /** The queue goes out. */
  release(): Promise<void>;
  /** No mail for the routed domains is in the queue, in any state. */
  isEmpty(): Promise<boolean>;
}

export interface OutboundOptions {
  /** Where mail for these domains goes, in place of their MX. */
  readonly routes: ReadonlyMap<string, string>;
  /** Where all other mail goes: `host:port`. */
  readonly relay?: string;
  /** `key=value`: settings of the cluster, for Ringpost. */
  readonly settings?: readonly string[];
  /** Ringpost signs with DKIM, as it does by itself. Left out: it does not, as Postfix does not. */
  readonly signs?: boolean;
  /** How Postfix's queue is held; see `postfix-outbound.ts`. */
  readonly postfixHold?: PostfixHold;
}

/** Domain number `index` of those that a bench sends to. */
export function outboundDomain(index: number): string {
  return `d${index}.out.example`;
}

/** `count` recipients, spread over `domains` domains: neighbours are never of the same domain. */
export function outboundRecipients(count: number, domains: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => `r${i}@${outboundDomain(first + (i % domains))}`);
}
