/**
 * The mover at work: looks at the shards that this node leads and brings them to where the map wants them.
 *
 *    woken (map, role, who lives) ─> look ─> acts ─> host ──┐ something was done: again after 25 ms
 *                                     ^                     │ only waiting: after twice as long, up to 250 ms
 *                                     └─────────────────────┘ neither: no timer
 *
 * Promises: decides nothing by itself (`step.ts`); never acts from within a call of the host's; the same clock and chance give
 * the same acts.
 * Asked of the caller: `wake` whenever the map, a role here, or whether this node may lead has changed; `lifeChanged`.
 * Leaves to others: whether an act is legal (the groups, which may refuse it: then it is tried again).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { GroupHost } from '../groups/host.ts';
import { fraction } from '../liveness/chance.ts';
import type { PeerView } from '../liveness/liveness.ts';
import type { Refusal } from '../raft/protocol.ts';
import type { Desired } from './desired.ts';
import type { NodesView } from './next-move.ts';
import { type PlacementProgress, progressOf } from './progress.ts';
import { type MoverSettings, moverSettings } from './settings.ts';
import { type Act, type MoverMemory, step } from './step.ts';

export interface MoverOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly host: Pick<GroupHost, 'status' | 'changeConfiguration' | 'transfer'>;
  /** By the newest map; null: there is none yet, and nothing is moved. */
  readonly desired: () => Desired | null;
  /** As liveness sees the others. */
  readonly peers: () => readonly Pick<PeerView, 'node' | 'status' | 'incarnation' | 'isFit'>[];
  /** False: all that is led here is handed over. */
  readonly mayLead: () => boolean;
  /** For the log. */
  readonly acted?: (act: Act, refused: Refusal['reason'] | null) => void;
  readonly settings?: MoverSettings;
}

interface Peer {
  readonly incarnation: number | null;
  readonly aliveSinceMs: number;
  readonly isFit: boolean;
}

export class Mover {
  readonly #o: MoverOptions;
  readonly #settings: MoverSettings;
  /** Those that are alive. */
  #peers: ReadonlyMap<NodeId, Peer> = new Map();
  #memory: MoverMemory = new Map();
  #isRunning = false;
  #waitMs: number;
  #timer: { readonly atMs: number; readonly cancel: () => void } | null = null;

  constructor(options: MoverOptions) {
    this.#o = options;
    this.#settings = options.settings ?? moverSettings;
    this.#waitMs = this.#settings.stepMsMin;
  }

  start(): void {
    this.#isRunning = true;
    this.wake();
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** A node is suspect, or is not any more. Seen now, so that one that goes and comes back between two looks begins anew. */
  lifeChanged(): void {
    this.#seePeers();
    this.wake();
  }

  /** Something has changed. Costs next to nothing: what changes in one moment is looked at once. */
  wake(): void {
    if (!this.#isRunning) return;
    this.#waitMs = this.#settings.stepMsMin;
    this.#lookIn(this.#waitMs);
  }

  /** Null: there is no map yet. */
  progress(): PlacementProgress | null {
    const { host, desired } = this.#o;
    const goals = desired();
    if (goals === null) return null;
    this.#seePeers();
    return progressOf(host.status(), goals, this.#nodes(), this.#settings.lagEntriesMax);
  }

  #look(): void {
    const { clock, host, desired } = this.#o;
    this.#seePeers();
    const goals = desired();
    if (goals === null) return;
    const { memory, acts, isWaiting } = step(this.#memory, {
      nowMs: clock.monotonicMs(),
      groups: host.status(),
      desired: goals,
      nodes: this.#nodes(),
      settings: this.#settings,
    });
    this.#memory = memory;
    let isAnyTaken = false;
    for (const act of acts) if (this.#carryOut(act)) isAnyTaken = true;
    const { stepMsMin, stepMsMax } = this.#settings;
    this.#waitMs = isAnyTaken ? stepMsMin : Math.min(2 * this.#waitMs, stepMsMax);
    if (acts.length > 0 || isWaiting) this.#lookIn(this.#waitMs);
  }

  #carryOut(act: Act): boolean {
    const { host, acted } = this.#o;
    let isTaken = false;
    const done = (refused: Refusal | null): void => {
      isTaken = refused === null;
      acted?.(act, refused?.reason ?? null);
    };
    if (act.kind === 'transfer') host.transfer(act.shard, act.to, done);
    else host.changeConfiguration(act.shard, act.change, done);
    return isTaken;
  }

  /** Times 0.75 to 1.25, so that the movers of all nodes do not keep step. */
  #lookIn(waitMs: number): void {
    if (!this.#isRunning) return;
    const { clock, random } = this.#o;
    const delayMs = Math.ceil(waitMs * (0.75 + fraction(random) / 2));
    const atMs = clock.monotonicMs() + delayMs;
    if (this.#timer !== null) {
      if (this.#timer.atMs <= atMs) return;
      this.#timer.cancel();
    }
    const cancel = clock.after(delayMs, () => {
      this.#timer = null;
      this.#look();
    });
    this.#timer = { atMs, cancel };
  }

  #seePeers(): void {
    const nowMs = this.#o.clock.monotonicMs();
    const alive = this.#o.peers().filter(({ status }) => status === 'alive');
    this.#peers = new Map(
      alive.map(({ node, incarnation, isFit }) => {
        const known = this.#peers.get(node);
        const aliveSinceMs = known?.incarnation === incarnation ? known.aliveSinceMs : nowMs;
        return [node, { incarnation, aliveSinceMs, isFit }];
      }),
    );
  }

  #nodes(): NodesView {
    const { self, mayLead, clock } = this.#o;
    const nowMs = clock.monotonicMs();
    const peers = this.#peers;
    const steadyFromMs = nowMs - this.#settings.steadyMs;
    return {
      self,
      mayLead: mayLead(),
      isAlive: (node) => node === self || peers.has(node),
      isSteady: (node) => node === self || (peers.get(node)?.aliveSinceMs ?? nowMs) <= steadyFromMs,
      isFit: (node) => (node === self ? mayLead() : peers.get(node)?.isFit === true),
    };
  }
}
