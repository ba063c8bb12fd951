/** Commands and queries as they reach the engine: plain data, so that they can come from a thread or another node. */
import type { ErrorData } from '../base/errors.ts';
import type { BodyAttachment, Principal } from './actor.ts';

/** Names one command for ever: a caller (one start of one worker of one node) and its running number. */
export interface CommandId {
  /** 128 random bits as text. */
  readonly caller: string;
  /** 1, 2, 3 … */
  readonly seq: number;
}

export interface CommandRequest {
  readonly kind: string;
  readonly key: string;
  readonly command: { readonly kind: string };
  readonly id: CommandId;
  /** The caller's lowest sequence without an answer: records below it may go. */
  readonly settledBelow: number;
  readonly principal: Principal;
  readonly trace: string;
  readonly bodies: readonly BodyAttachment[];
  /** A command that waited longer than this is not begun. */
  readonly timeoutMs: number;
}

export interface QueryRequest {
  readonly kind: string;
  readonly key: string;
  readonly query: { readonly kind: string };
  readonly principal: Principal;
  /**
   * Answers from this node's copy, whoever leads: what it tells may be old. Only for a node that holds a whole copy of
   * the shard, which the engine does not check.
   */
  readonly local?: boolean;
}

/** How many of a shard's voters had it on disk when the answer left, and of how many. */
export type Copies = readonly [have: number, of: number];

export type Outcome =
  | {
      readonly ok: true;
      readonly answer: unknown;
      /** Of a command: of all that its answer rests on. */
      readonly copies?: Copies;
      /** Of a local query: all that was committed before this instant is in the answer, in ms since 1970. */
      readonly asOfMs?: number;
    }
  | { readonly ok: false; readonly error: ErrorData };
export type Settle = (outcome: Outcome) => void;
