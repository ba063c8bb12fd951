/**
 * One end of a call: finds who leads the shard, and asks again until somebody answered or the deadline has passed.
 *
 *               led here ------> engine -------.
 *              /                                \   answered -> settle
 *     attempt ---- leader known -> its node -----+  notLeader -> who leads? there at once, or wait
 *        ^     \                                /   link lost -> wait
 *        |      `- no way there -> a third node'
 *        |
 *        `--- wait: 5 ms, doubling to 200; ended at once when somebody else is known to lead
 *
 * Promises: a call is settled exactly once, at its deadline at the latest. A command has one id in all its attempts, so
 * that its effect happens once. What is told of it is true: a refusal is handed on only when no attempt can have had its
 * effect, or have it yet; else the caller hears that it is unknown. Two nodes that name each other as the leader cost an
 * attempt each before there is a wait.
 * Leaves to others: the other end (`serving.ts`).
 */
import type { Outcome, Settle } from '../../runtime/actor/request.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { PendingCalls } from '../../runtime/threads/pending-calls.ts';
import { callsBusy, notReached, outcomeUnknown, routerStopping } from './codes.ts';
import type { Ending } from './in-flight.ts';
import type { PeerCalls } from './peer-calls.ts';
import type { Reach } from './reach.ts';
import { type Request, sendRequest } from './request-sending.ts';
import type { Doubt, PeerAnswer } from './wire.ts';

export interface AskingOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly calls: PeerCalls;
  readonly callsMax: number;
  readonly reach: Reach;
  /** Whether this node answers itself. */
  readonly serves: (shard: ShardId, isLocal: boolean) => boolean;
  readonly here: (of: Request, leftMs: number, settle: Settle) => void;
}

export interface AskingStats {
  /** Calls that are not settled. */
  readonly calls: number;
  /** Of them, those that wait for a leader. */
  readonly waiting: number;
  /** Since the start: frames to a leader, to a third node, and answers that it is not the leader. */
  readonly forwarded: number;
  readonly relayed: number;
  readonly redirected: number;
}

interface Call {
  readonly of: Request;
  readonly shard: ShardId;
  readonly isLocal: boolean;
  readonly deadlineMs: number;
  readonly settle: Settle;
  pendingId: number;
  /** Grows with each attempt: what is told of an earlier one is not believed. */
  attempt: number;
  state: 'waiting' | 'here' | 'sent' | 'over';
  /** Of `sent`: where to, and whom it is meant for. */
  id: number;
  to: NodeId | null;
  leader: NodeId | null;
  /** Whom this node took for the leader then. */
  believed: NodeId | null;
  cancelWait: (() => void) | undefined;
  waits: number;
  /** Named by the node that was asked last. */
  hint: NodeId | null;
  /** Asked since the last wait. */
  readonly tried: NodeId[];
  /** The worst of all its attempts. */
  doubt: Doubt;
}

const waitMsMin = 5;
const waitMsMax = 200;
/** Nodes asked in a row without a wait. */
const triedMax = 3;
/** A third node is troubled only when the straight way has failed for so long: mostly somebody is just being elected. */
const waitsBeforeRelay = 3;
/** How long a node that was deposed may take to say so. */
const lastWordMs = 30;
/** Said by an engine before it looks whether it knows the command. */
const beforeLookup = new Set(['busy', 'storageFull', 'deadlinePassed', 'stopping', 'commandSettled', 'doesNotFit']);

export class Asking {
  readonly #o: AskingOptions;
  readonly #pending: PendingCalls;
  readonly #byShard = new Map<ShardId, Set<Call>>();
  #forwarded = 0;
  #relayed = 0;
  #redirected = 0;
  #isStopped = false;

  constructor(options: AskingOptions) {
    this.#o = options;
    this.#pending = new PendingCalls(options.clock, options.callsMax);
  }

  get stats(): AskingStats {
    let waiting = 0;
    for (const calls of this.#byShard.values()) for (const { state } of calls) if (state === 'waiting') waiting++;
    const [forwarded, relayed, redirected] = [this.#forwarded, this.#relayed, this.#redirected];
    return { calls: this.#pending.size, waiting, forwarded, relayed, redirected };
  }

  start(of: Request, shard: ShardId, timeoutMs: number, settle: Settle): void {
    if (this.#isStopped) return settle({ ok: false, error: routerStopping().data });
    const deadlineMs = this.#o.clock.monotonicMs() + timeoutMs;
    const isLocal = of.is === 'query' && of.request.local === true;
    const call: Call = {
      ...{ of, shard, isLocal, deadlineMs, settle, pendingId: 0, attempt: 0, state: 'waiting', id: 0, to: null },
      ...{ leader: null, believed: null, cancelWait: undefined, waits: 0, hint: null, tried: [], doubt: 'none' },
    };
    if (this.#pending.size >= this.#o.callsMax) return settle({ ok: false, error: callsBusy().data });
    call.pendingId = this.#pending.add(timeoutMs, () => this.#deadline(call));
    this.#attempt(call);
  }

  /** Somebody else is known to lead it. */
  leaderChanged(shard: ShardId): void {
    for (const call of [...(this.#byShard.get(shard) ?? [])]) {
      if (call.state === 'waiting') this.#wake(call, 0);
      else if (call.state === 'sent' && !call.isLocal && this.#isElsewhere(call)) this.#giveUpSoon(call);
    }
  }

  linked(): void {
    for (const call of this.#all()) if (call.state === 'waiting') this.#wake(call, call.waits);
  }

  /** It is not known any more whether that node lives: what it was asked is asked where an answer may come from. */
  suspected(peer: NodeId): void {
    for (const call of this.#all()) if (call.state === 'sent' && call.to === peer) this.#giveUp(call);
  }

  stop(): void {
    this.#isStopped = true;
    for (const call of this.#all()) this.#over(call, { ok: false, error: this.#lastWord(call, true) });
    this.#pending.failAll(routerStopping().data);
  }

  #all(): Call[] {
    return [...this.#byShard.values()].flatMap((calls) => [...calls]);
  }

  /** What was known before it was asked is no news: a peer may have named it a better one. */
  #isElsewhere({ shard, leader, believed }: Call): boolean {
    const now = this.#leaderNow(shard);
    return now !== null && now !== leader && now !== believed;
  }

  #leaderNow(shard: ShardId): NodeId | null {
    return this.#o.serves(shard, false) ? this.#o.self : this.#o.reach.leaderOf(shard);
  }

  // ---- attempts --------------------------------------------------------------------------------------------------

  #attempt(call: Call): void {
    const { self, serves } = this.#o;
    if (call.tried.length >= triedMax) return this.#wait(call);
    if (serves(call.shard, call.isLocal) && !call.tried.includes(self)) return this.#here(call);
    const way = call.isLocal ? this.#anyHolder(call) : this.#wayToLeader(call);
    if (way === null) return this.#wait(call);
    this.#send(call, way.to, way.leader);
  }

  #here(call: Call): void {
    const { self, here, clock, reach } = this.#o;
    const attempt = ++call.attempt;
    call.state = 'here';
    call.tried.push(self);
    here(call.of, call.deadlineMs - clock.monotonicMs(), (outcome) => {
      if (call.state === 'over' || call.attempt !== attempt) return;
      // On its way out this node answers nothing more, but its shards find another leader.
      const isLeaving = !outcome.ok && outcome.error.code === 'stopping' && reach.hasPeers();
      if (outcome.ok || (outcome.error.code !== 'notLeader' && !isLeaving)) return this.#answered(call, outcome);
      // The engine had it in hand and lost the shard, perhaps behind the effect.
      if (!isLeaving) this.#doubt(call, 'ended');
      this.#attempt(call);
    });
  }

  #wayToLeader(call: Call): { readonly to: NodeId; readonly leader: NodeId } | null {
    const { reach } = this.#o;
    for (const leader of [call.hint, reach.leaderOf(call.shard)]) {
      if (leader === null || leader === this.#o.self || call.tried.includes(leader)) continue;
      if (reach.isOpen(leader)) return { to: leader, leader };
      if (call.waits < waitsBeforeRelay) continue;
      const to = reach.relayTo(leader, call.tried) ?? (reach.isLinked(leader) ? leader : null);
      if (to !== null) return { to, leader };
    }
    return null;
  }

  #anyHolder({ shard, tried }: Call): { readonly to: NodeId; readonly leader: NodeId } | null {
    const { reach } = this.#o;
    const leader = reach.leaderOf(shard);
    const holders = [...(leader === null ? [] : [leader]), ...reach.peers()];
    const to = holders.find((peer) => reach.isOpen(peer) && !tried.includes(peer));
    return to === undefined ? null : { to, leader: to };
  }

  #send(call: Call, to: NodeId, leader: NodeId): void {
    const { calls, clock } = this.#o;
    const leftMs = call.deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) return this.#wait(call);
    const attempt = ++call.attempt;
    call.cancelWait?.();
    call.cancelWait = undefined;
    call.state = 'sent';
    call.tried.push(to);
    call.to = to;
    call.leader = leader;
    call.believed = this.#leaderNow(call.shard);
    call.hint = null;
    this.#track(call);
    const onTo = to === leader ? null : leader;
    let id: number | null;
    try {
      id = sendRequest(calls, call.of, { to, onTo, leftMs }, (ending) => {
        if (call.state === 'sent' && call.attempt === attempt) this.#ended(call, ending);
      });
    } catch (error) {
      // It would break the link wherever it is sent: nothing was, this time.
      if (!(error instanceof OperationError)) throw error;
      return this.#answered(call, { ok: false, error: error.data });
    }
    if (id === null) return this.#answered(call, { ok: false, error: callsBusy().data });
    call.id = id;
    if (onTo === null) this.#forwarded++;
    else this.#relayed++;
  }

  #ended(call: Call, ending: Ending<PeerAnswer>): void {
    if (ending.kind !== 'answered') {
      this.#doubt(call, 'open');
      return this.#attempt(call);
    }
    const { outcome, hint, doubt } = ending.value;
    const code = outcome.ok ? '' : outcome.error.code;
    // It ran there, and its answer does not get here.
    if (code === 'doesNotFit') this.#doubt(call, 'open');
    if (code !== 'notLeader' && code !== 'stopping') return this.#answered(call, outcome);
    this.#doubt(call, doubt);
    this.#redirected++;
    call.hint = hint === call.to ? null : hint;
    this.#attempt(call);
  }

  /** One that lives and leads no more says so itself, and then nothing is in doubt. */
  #giveUpSoon(call: Call): void {
    if (call.to === null || !this.#o.reach.isOpen(call.to)) return this.#giveUp(call);
    // It is being waited for already.
    if (call.cancelWait !== undefined) return;
    const { attempt } = call;
    call.cancelWait = this.#o.clock.after(lastWordMs, () => {
      if (call.state === 'sent' && call.attempt === attempt) this.#giveUp(call);
    });
  }

  #giveUp(call: Call): void {
    this.#o.calls.forget(call.id);
    this.#doubt(call, 'open');
    call.attempt++;
    call.tried.length = 0;
    this.#attempt(call);
  }

  #doubt(call: Call, doubt: Doubt): void {
    if (call.of.is === 'ask' && doubt !== 'none' && call.doubt !== 'open') call.doubt = doubt;
  }

  // ---- waits -----------------------------------------------------------------------------------------------------

  #wait(call: Call): void {
    const { clock, random, reach } = this.#o;
    call.state = 'waiting';
    this.#track(call);
    const fullMs = Math.min(waitMsMax, waitMsMin * 2 ** call.waits);
    const chance = (random.bytes(1)[0] ?? 0) / 256;
    // What was named before this node learned better is worth nothing.
    if (reach.leaderOf(call.shard) !== call.believed) call.hint = null;
    call.cancelWait?.();
    call.cancelWait = clock.after(fullMs * (0.5 + chance), () => this.#wake(call, Math.min(call.waits + 1, 16)));
  }

  /** @param waits 0: there is news. A leader that was just elected serves some milliseconds later: asked again soon. */
  #wake(call: Call, waits: number): void {
    call.waits = waits;
    call.cancelWait?.();
    call.cancelWait = undefined;
    call.tried.length = 0;
    this.#attempt(call);
  }

  #track(call: Call): void {
    const calls = this.#byShard.get(call.shard) ?? new Set();
    this.#byShard.set(call.shard, calls.add(call));
  }

  // ---- ends ------------------------------------------------------------------------------------------------------

  #answered(call: Call, outcome: Outcome): void {
    if (outcome.ok || call.of.is === 'query' || call.doubt === 'none') return this.#over(call, outcome);
    // Nothing is said of what the attempts before did: the next one may tell.
    if (beforeLookup.has(outcome.error.code)) return this.#wait(call);
    this.#over(call, call.doubt === 'open' ? { ok: false, error: outcomeUnknown().data } : outcome);
  }

  #deadline(call: Call): void {
    if (call.state !== 'over') this.#over(call, { ok: false, error: this.#lastWord(call, false) });
  }

  #lastWord({ of, doubt, state }: Call, isStopping: boolean) {
    if (of.is === 'ask' && (doubt !== 'none' || state !== 'waiting')) return outcomeUnknown().data;
    return (isStopping ? routerStopping() : notReached()).data;
  }

  #over(call: Call, outcome: Outcome): void {
    if (call.state === 'sent') this.#o.calls.forget(call.id);
    call.state = 'over';
    call.cancelWait?.();
    const calls = this.#byShard.get(call.shard);
    if (calls?.delete(call) === true && calls.size === 0) this.#byShard.delete(call.shard);
    // Takes it out; that it calls `#deadline` does nothing now.
    this.#pending.settle(call.pendingId, outcome);
    call.settle(outcome);
  }
}
