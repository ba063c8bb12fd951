/**
 * Frames of the channel `calls`: arrays that begin with a kind and an id.
 *
 * Promises: what `decode…` gives is of the right shape in every field and within bounds, whoever sent it. What commands,
 * queries and answers hold is for actors to judge, as it is when it comes from an edge.
 * Leaves to others: bodies (`wire-bodies.ts`), notices (`wire-notices.ts`), who may be asked what.
 */
import type { Principal } from '../../runtime/actor/actor.ts';
import type { CommandRequest, Outcome, QueryRequest } from '../../runtime/actor/request.ts';
import type { ErrorData } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { Fields } from './fields.ts';
import {
  decodeBodies,
  pieceKind,
  piecesDroppedKind,
  type SentBodies,
  type StagedBody,
  wireBodies,
} from './wire-bodies.ts';

/** Part of the wire (`contract.md`): a number that is not used any more is never given to another. */
export const kind = {
  answer: 0,
  refusal: 1,
  ask: 2,
  query: 3,
  piece: pieceKind,
  piecesDropped: piecesDroppedKind,
  changed: 6,
  readBody: 7,
  inspect: 8,
} as const;

export const kindCharactersMax = 64;
/** Longer than any actor has: the engine says so better. */
export const keyCharactersMax = 4_096;
const callerCharactersMax = 64;
export const traceCharactersMax = 256;
const principalCharactersMax = 512;
const codeCharactersMax = 64;
const textCharactersMax = 4_096;
/** Nobody waits longer; a number beyond it is no time. */
const timeoutMsMax = 24 * 3_600_000;

const principalKinds = ['node', 'operator', 'account', 'anonymous'] as const;

// ---- commands and queries ----------------------------------------------------------------------------------------

export function askFields(request: CommandRequest, onTo: NodeId | null, leftMs: number, bodies: SentBodies): unknown[] {
  const { kind: of, key, command, id, settledBelow, principal, trace } = request;
  const { caller, seq } = id;
  const who = [principalKinds.indexOf(principal.kind), principal.id];
  return [onTo, of, key, command, caller, seq, settledBelow, ...who, trace, Math.ceil(leftMs), wireBodies(bodies)];
}

export interface ReceivedAsk {
  /** Whom the peer should hand it on to if it does not lead itself; null: to nobody. */
  readonly onTo: NodeId | null;
  readonly request: CommandRequest;
  readonly staged: readonly StagedBody[];
}

/** @throws {OperationError} `frameRefused` */
export function decodeAsk(fields: Fields): ReceivedAsk {
  const onTo = fields.nodeOrNull('onTo');
  const of = fields.text('kind', kindCharactersMax);
  const key = fields.text('key', keyCharactersMax);
  const command = fields.kinded('command');
  const id = { caller: fields.text('caller', callerCharactersMax), seq: fields.count('seq') };
  const settledBelow = fields.count('settledBelow');
  const principal = decodePrincipal(fields);
  const trace = fields.text('trace', traceCharactersMax);
  const timeoutMs = fields.count('timeoutMs', timeoutMsMax);
  const { inline: bodies, staged } = decodeBodies(fields);
  return { onTo, request: { kind: of, key, command, id, settledBelow, principal, trace, bodies, timeoutMs }, staged };
}

export function queryFields({ kind: of, key, query, principal, local }: QueryRequest, onTo: NodeId | null): unknown[] {
  return [onTo, of, key, query, principalKinds.indexOf(principal.kind), principal.id, local === true];
}

export interface ReceivedQuery {
  readonly onTo: NodeId | null;
  readonly request: QueryRequest;
}

/** @throws {OperationError} `frameRefused` */
export function decodeQuery(fields: Fields): ReceivedQuery {
  const onTo = fields.nodeOrNull('onTo');
  const of = fields.text('kind', kindCharactersMax);
  const key = fields.text('key', keyCharactersMax);
  const query = fields.kinded('query');
  const principal = decodePrincipal(fields);
  const local = fields.flag('local');
  return { onTo, request: { kind: of, key, query, principal, ...(local ? { local } : {}) } };
}

function decodePrincipal(fields: Fields): Principal {
  const of = principalKinds[fields.count('principal', principalKinds.length - 1)]!;
  return { kind: of, id: fields.text('principal', principalCharactersMax) };
}

// ---- answers -----------------------------------------------------------------------------------------------------

/**
 * What an attempt of a command may have done that was not answered. `ended`: perhaps it had its effect; whoever leads now
 * knows. `open`: it may have its effect yet.
 */
export type Doubt = (typeof doubts)[number];
/** Their places are what travels. */
const doubts = ['none', 'ended', 'open'] as const;

/** What comes back of a call. */
export interface PeerAnswer {
  readonly outcome: Outcome;
  /** Of `notLeader`: who leads, as far as the peer knows. */
  readonly hint: NodeId | null;
  /** Of `notLeader` to a command. */
  readonly doubt: Doubt;
}

export function answerFrame(id: number, { outcome, hint, doubt }: PeerAnswer): unknown[] {
  if (!outcome.ok) {
    const { code, transient, text } = outcome.error;
    return [kind.refusal, id, code, transient, text.slice(0, textCharactersMax), hint, doubts.indexOf(doubt)];
  }
  const { answer, copies, asOfMs } = outcome;
  return [kind.answer, id, answer, copies ?? null, asOfMs ?? null];
}

/** @throws {OperationError} `frameRefused` */
export function decodeAnswer(fields: Fields): PeerAnswer {
  const answer = fields.next();
  const copies = fields.next();
  const asOfMs = fields.next();
  const outcome: Outcome = {
    ok: true,
    answer,
    ...(copies === null ? {} : { copies: decodeCopies(copies) }),
    ...(asOfMs === null ? {} : { asOfMs: decodeTime(asOfMs) }),
  };
  return { outcome, hint: null, doubt: 'none' };
}

/** @throws {OperationError} `frameRefused` */
export function decodeRefusal(fields: Fields): PeerAnswer {
  const error: ErrorData = {
    code: fields.text('code', codeCharactersMax),
    transient: fields.flag('transient'),
    text: fields.text('text', textCharactersMax),
  };
  const hint = fields.nodeOrNull('hint');
  return { outcome: { ok: false, error }, hint, doubt: doubts[fields.count('doubt', doubts.length - 1)]! };
}

function decodeCopies(value: unknown): readonly [number, number] {
  const copies = new Fields(value);
  return [copies.count('copies', 1_000), copies.count('copies', 1_000)];
}

const decodeTime = (value: unknown): number => new Fields([value]).number('asOfMs');
