/**
 * An actor of the simulator's own, that counts: what the runtime promises (each command, notice and timer once, in order, not
 * before it is committed) shows here as a number, where mail would hide it behind a fingerprint.
 */
import { type ActorKind, type BodyRef, defineActor, type Turn } from '../../../runtime/actor/actor.ts';

export type ProbeCommand =
  /** Adds one. The answer is the sum so far. */
  | { readonly kind: 'add'; readonly token: string }
  /** A timer that counts itself when it fires. */
  | { readonly kind: 'arm'; readonly token: string; readonly delayMs: number }
  /** A notice to each of these probes. */
  | { readonly kind: 'tell'; readonly token: string; readonly to: readonly string[] }
  /** Holds a body that the store has already; the one of that tag before is let go. */
  | { readonly kind: 'hold'; readonly body: BodyRef; readonly tag: string }
  | { readonly kind: 'letGo'; readonly tag: string };

export type ProbeQuery = { readonly kind: 'sum' } | { readonly kind: 'tokens' };

export type ProbeNotice = {
  readonly kind: 'told';
  readonly token: string;
  readonly from: string;
  readonly seq: number;
};

export interface ProbeAnswers {
  add: { readonly sum: number };
  arm: Record<string, never>;
  tell: Record<string, never>;
  hold: { readonly held: boolean };
  letGo: Record<string, never>;
  sum: { readonly sum: number };
  /** `add x`, `fired x`, `told x` -> how often. */
  tokens: Readonly<Record<string, number>>;
}

export interface ProbeProtocol {
  command: ProbeCommand;
  query: ProbeQuery;
  notice: ProbeNotice;
  answers: ProbeAnswers;
}

export const probes = defineActor<ProbeProtocol>('probe');

const tokensMax = 5_000;

function count(turn: Turn, name: string): void {
  turn.put(['c', name], (turn.get<number>(['c', name]) ?? 0) + 1);
}

function letGo(turn: Turn, tag: string): void {
  const held = turn.get<BodyRef>(['b', tag]);
  if (held === undefined) return;
  turn.releaseBody(held.hash, tag);
  turn.delete(['b', tag]);
}

function tell(turn: Turn, token: string, to: readonly string[]): void {
  for (const key of to) {
    const seq = (turn.get<number>(['to', key]) ?? 0) + 1;
    turn.put(['to', key], seq);
    turn.tell(probes.ref(key), { kind: 'told', token, from: turn.key, seq });
  }
}

function command(turn: Turn, asked: ProbeCommand): unknown {
  switch (asked.kind) {
    case 'add': {
      const sum = (turn.get<number>(['sum']) ?? 0) + 1;
      turn.put(['sum'], sum);
      count(turn, `add ${asked.token}`);
      return { sum };
    }
    case 'arm':
      turn.setTimer(asked.token, Math.floor(turn.nowMs) + asked.delayMs);
      return {};
    case 'tell':
      tell(turn, asked.token, asked.to);
      return {};
    case 'hold':
      letGo(turn, asked.tag);
      turn.holdBody(asked.body, asked.tag);
      turn.put(['b', asked.tag], asked.body);
      return { held: true };
    case 'letGo':
      letGo(turn, asked.tag);
      return {};
  }
}

export const probe = {
  kind: probes.kind,
  rowVersion: 1,
  command,
  query(view, asked) {
    if (asked.kind === 'sum') return { sum: view.get<number>(['sum']) ?? 0 };
    const rows = view.range<number>({ prefix: ['c'], limit: tokensMax });
    return Object.fromEntries(rows.map(({ key, value }) => [String(key[1]), value]));
  },
  notice(turn, { token, from, seq }) {
    const last = turn.get<number>(['from', from]) ?? 0;
    // Nobody asks for this, so the ledger finds it.
    if (seq !== last + 1) count(turn, `notice ${seq} behind ${last} from ${from}`);
    turn.put(['from', from], seq);
    count(turn, `told ${token}`);
  },
  timer: (turn, name) => count(turn, `fired ${name}`),
} satisfies ActorKind<ProbeProtocol> as unknown as ActorKind;
