/** What every server under load, ours or a peer's, gives to a scenario. */

import type { ShardLeader } from './cluster-shape.ts';
import type { NodeCounts } from './node-counts.ts';
import type { Outbound, OutboundOptions } from './outbound.ts';

export type ServerName = 'ringpost' | 'postfix' | 'bare';

export interface StartOptions {
  /** Directory of this server's own, which exists and is empty or holds what the same server left there. */
  readonly dataDir: string;
  /** Accounts `benchAddress(0)` to `benchAddress(accounts - 1)` take mail. */
  readonly accounts: number;
  /** `--set key=value` for Ringpost; peers do not look at it. */
  readonly sets: readonly string[];
  /** Ringpost shall be a cluster of so many nodes; left out: a lone one. */
  readonly nodes?: number;
  /** It shall also send mail out; `bare` cannot. */
  readonly outbound?: OutboundOptions;
}

/** One process of ours. */
export interface ServerNode {
  readonly name: string;
  readonly smtpPort: number;
  counts(): Promise<NodeCounts>;
}

export interface RunningServer {
  readonly name: ServerName;
  readonly version: string;
  /** Of a cluster: of its first node. */
  readonly smtpPort: number;
  /** Roots of the process trees whose CPU and memory count; of a cluster one a node, in the order of `nodes`. */
  readonly rootPids: readonly number[];
  /** From the start of the process until it served. */
  readonly startMs: number;
  /** There when it is ours. */
  readonly nodes?: readonly ServerNode[];
  /** There when it is a cluster: who leads which shard. */
  leaders?(): Promise<readonly ShardLeader[]>;
  /** Waits until what the accepted mails left to do is done, e.g. an outbound queue is empty. Returns how long. */
  settle(): Promise<number>;
  /** Mails in its mailboxes, where counting them is cheap: it must grow by what was accepted. */
  storedMails?(): number;
  /** There when it was asked for. */
  readonly outbound?: Outbound;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Ends it as a power cut would, as far as a process can. */
  kill(): Promise<void>;
}

export type StartServer = (options: StartOptions) => Promise<RunningServer>;
