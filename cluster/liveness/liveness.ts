/**
 * Liveness at work: one timer for all peers, the control lane, and the port to the host of groups.
 *
 * Promises: `LivenessEvents` is called from timers, frames and loop turns of its own, never from within a call of the
 * host's; what the host tells in one turn is judged together at its end.
 * Asked of the host: `roleChanged` is called before the msgs of the step that changed the role leave. A follower that
 * has the new leader's first append asks that node whether it claims the group, and campaigns when it does not.
 * Leaves to others: who else listens on the lane (hand over what `isLivenessFrame` says is for here).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { Lane, Transport, TransportEvents } from '../mesh/transport.ts';
import type { PeerStatus } from './peer.ts';
import type { Claim, GroupRole, LivenessEffect, LivenessEvent } from './protocol.ts';
import type { LivenessSettings } from './settings.ts';
import { createLiveness, hearsLeader, type LivenessState, step, wakeAtMs } from './step.ts';

export interface LivenessEvents {
  alive(node: NodeId, isAlive: boolean): void;
  /** All that counts of what the node claims, on each change: what is not in the list is not claimed any more. */
  claimed(node: NodeId, claims: readonly Claim[]): void;
  /** All in one turn: one vote transaction, one frame to each peer. */
  campaign(groups: readonly ShardId[]): void;
  /** False: hand over what is led here, or step down. */
  shouldLead(shouldLead: boolean, reason: string): void;
  /** A peer sent what cannot be: for log and metrics. */
  refused(node: NodeId, reason: string): void;
}

/** What this node's work waits for, measured where it is done; all 0 when nothing waits. */
export interface WorkAges {
  /** Of the oldest write to this node's own disk that is not durable yet. */
  readonly commitMs: number;
  /** How long Raft's work has waited for a turn of the loop. */
  readonly turnMs: number;
}

export interface LivenessOptions {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly members: readonly NodeId[];
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Pick<Transport, 'send' | 'isLinked'>;
  readonly events: LivenessEvents;
  readonly work: () => WorkAges;
  readonly settings?: LivenessSettings;
}

export interface PeerView {
  readonly node: NodeId;
  readonly status: PeerStatus;
  readonly incarnation: number | null;
  /** False: it says, or shows, that it should lead nothing. */
  readonly isFit: boolean;
  readonly groupsLed: number;
  readonly claims: readonly Claim[];
  /** Its wall clock less this node's; null: not measured. */
  readonly wallAheadMs: number | null;
}

export class Liveness implements TransportEvents {
  readonly #options: LivenessOptions;
  readonly #state: LivenessState;
  #isRunning = false;
  #isSettling = false;
  #wakeAtMs: number | null = null;
  #cancelWake: () => void = () => {};
  /** `members` may take a living peer away: told at the end of the turn. */
  #untold: LivenessEffect[] = [];

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#state = createLiveness(options);
  }

  /** The groups have told their roles: the first pings leave. */
  start(): void {
    this.#isRunning = true;
    this.#wake();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancelWake();
  }

  received(from: NodeId, lane: Lane, frame: unknown): void {
    if (lane === 'control') this.#take({ kind: 'received', from, frame });
  }

  linked(node: NodeId): void {
    this.#take({ kind: 'linked', node });
  }

  unlinked(node: NodeId): void {
    this.#take({ kind: 'unlinked', node });
  }

  /** An attempt to connect was refused: nobody listens over there. Without this, only silence tells. */
  linkRefused(node: NodeId): void {
    // Two nodes may connect to each other at once, and one of the two attempts is refused.
    if (!this.#options.transport.isLinked(node)) this.#take({ kind: 'linkRefused', node });
  }

  members(nodes: readonly NodeId[]): void {
    this.#takeLater({ kind: 'members', nodes });
  }

  /** @param candidates voters that may lead, in the order of the preference list; told at start and on each change */
  replicas(group: ShardId, candidates: readonly NodeId[]): void {
    this.#takeLater({ kind: 'replicas', group, candidates });
  }

  /** Own claims follow from it: role `leader` is a claim, from the election on, served or not. */
  roleChanged(group: ShardId, is: GroupRole): void {
    this.#takeLater({ kind: 'role', group, is });
  }

  forget(group: ShardId): void {
    this.#takeLater({ kind: 'forget', group });
  }

  /** For PreVote (`message.hearsLeader`): this node hears a living leader of the group. */
  hearsLeader(group: ShardId): boolean {
    return hearsLeader(this.#state, group);
  }

  isAlive(node: NodeId): boolean {
    return node === this.#options.self || this.#state.detector.peers.get(node)?.isAlive === true;
  }

  get mayLead(): boolean {
    return this.#state.detector.fitness.mayLead;
  }

  /** Groups that want a leader and have none that is heard here. */
  wanting(): ShardId[] {
    return this.#state.campaigns.wanting();
  }

  peers(): PeerView[] {
    const { clock } = this.#options;
    const ownAheadMs = clock.nowMs() - clock.monotonicMs();
    return [...this.#state.detector.peers.values()].map((peer) => {
      const { node, status, incarnation, unfitSinceMs, wallAheadMs } = peer;
      const claims = peer.claims.list();
      return {
        ...{ node, status, incarnation, isFit: unfitSinceMs === null, groupsLed: claims.length, claims },
        wallAheadMs: wallAheadMs === null ? null : wallAheadMs - ownAheadMs,
      };
    });
  }

  #take(event: LivenessEvent): void {
    if (!this.#isRunning) return;
    this.#carryOut(step(this.#state, event, this.#options.clock.monotonicMs()));
    this.#setTimer();
  }

  #takeLater(event: LivenessEvent): void {
    this.#untold.push(...step(this.#state, event, this.#options.clock.monotonicMs()));
    if (!this.#isRunning || this.#isSettling) return;
    this.#isSettling = true;
    this.#options.clock.soon(() => {
      this.#isSettling = false;
      this.#take({ kind: 'settle' });
    });
  }

  #wake(): void {
    this.#wakeAtMs = null;
    this.#take({ kind: 'time', wallMs: this.#options.clock.nowMs(), ...this.#options.work() });
  }

  #carryOut(effects: readonly LivenessEffect[]): void {
    const { transport, events } = this.#options;
    const untold = this.#untold.splice(0);
    for (const effect of untold.length === 0 ? effects : [...untold, ...effects]) {
      switch (effect.kind) {
        case 'send':
          transport.send(effect.to, 'control', effect.frame);
          break;
        case 'alive':
          events.alive(effect.node, effect.isAlive);
          break;
        case 'claimed':
          events.claimed(effect.node, effect.claims);
          break;
        case 'campaign':
          events.campaign(effect.groups);
          break;
        case 'shouldLead':
          events.shouldLead(effect.shouldLead, effect.reason);
          break;
        case 'refused':
          events.refused(effect.node, effect.reason);
          break;
      }
    }
  }

  #setTimer(): void {
    const { clock } = this.#options;
    const atMs = this.#isRunning ? wakeAtMs(this.#state) : null;
    if (atMs === this.#wakeAtMs) return;
    this.#cancelWake();
    this.#wakeAtMs = atMs;
    if (atMs === null) return;
    // What is due was done in the step before: at least a millisecond, so that a bug here is late and never a spin.
    this.#cancelWake = clock.after(Math.max(1, Math.ceil(atMs - clock.monotonicMs())), () => this.#wake());
  }
}
