/**
 * This node's place in the cluster: it makes the cluster where there is none, says that it has started, and knows the map.
 *
 *     entries of the metadata shard applied here --> map read from the own store --> whoever lives by it
 *
 * Promises: a map that is told was committed, and maps are told in the order of their versions. Until its start is in the
 * map the node says so again and again; a cluster that refuses it (its disk is older than one that was seen before, or it
 * was removed) ends it, with the cure.
 * Leaves to others: who may come in (`metadata/`), which replicas follow from a map (`placement/`).
 */
import type { Clock } from '../runtime/base/clock.ts';
import { OperationError } from '../runtime/base/errors.ts';
import { InvariantError } from '../runtime/base/invariant.ts';
import type { NodeId } from '../runtime/base/ids.ts';
import { type ClusterMap, type Mark, theCluster } from './metadata/protocol.ts';
import type { OwnCommands } from './own-commands.ts';

/** What a node says of itself at each start. */
export interface AboutNode {
  readonly address: string;
  readonly zone: string;
  readonly host: string;
  readonly version: string;
}

export interface MembershipOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly about: AboutNode;
  readonly incarnation: number;
  /** Newest first. */
  readonly marks: () => readonly Mark[];
  readonly commands: OwnCommands;
  /** What is committed here; null: nothing yet, or not whole. */
  readonly readMap: () => ClusterMap | null;
  /** Makes the cluster. Of a node that began alone; undefined of one that joined. */
  readonly found: (() => Promise<void>) | undefined;
  readonly changed: (map: ClusterMap) => void;
  /** It could not be said yet that this node has started. */
  readonly waits: (error: unknown) => void;
  readonly fatal: (error: unknown) => void;
}

const againMsMin = 100;
const againMsMax = 2_000;
/** What `started` takes. */
const marksToldMax = 256;

export class Membership {
  readonly #o: MembershipOptions;
  #map: ClusterMap | null = null;
  #isReadAsked = false;
  #isStopped = false;
  #isSettling = false;
  #cancel: () => void = () => undefined;

  constructor(options: MembershipOptions) {
    this.#o = options;
  }

  get map(): ClusterMap | null {
    return this.#map;
  }

  start(): void {
    this.#read();
    void this.#settleIn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** There is a new mark. */
  say(): void {
    void this.#settleIn();
  }

  /** Entries of the metadata shard were applied here. Read in a turn of its own. */
  stateChanged(): void {
    if (this.#isReadAsked) return;
    this.#isReadAsked = true;
    this.#o.clock.soon(() => {
      this.#isReadAsked = false;
      if (!this.#isStopped) this.#read();
    });
  }

  #read(): void {
    const map = this.#o.readMap();
    if (map === null || (this.#map !== null && map.version <= this.#map.version)) return;
    this.#map = map;
    this.#o.changed(map);
  }

  /** Is the newest start of this node in the map? */
  #isIn(): boolean {
    const mark = this.#o.marks()[0]!;
    const started = this.#map?.nodes.find(({ id }) => id === this.#o.self)?.started;
    return started?.mark.number === mark.number && started.mark.nonce === mark.nonce;
  }

  async #settleIn(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    await this.#untilIn();
    this.#isSettling = false;
  }

  async #untilIn(): Promise<void> {
    for (let waitMs = againMsMin; !this.#isStopped && !this.#isIn(); waitMs = Math.min(2 * waitMs, againMsMax)) {
      try {
        await this.#say();
      } catch (error) {
        if (this.#isStopped) return;
        if (error instanceof InvariantError) return this.#o.fatal(error);
        if (error instanceof OperationError && !error.data.transient) return this.#o.fatal(error);
        this.#o.waits(error);
      }
      await this.#sleep(waitMs);
    }
  }

  async #say(): Promise<void> {
    const { self: node, about, incarnation, marks, commands, found } = this.#o;
    if (found !== undefined && (await commands.query(theCluster, { kind: 'map' })) === null) await found();
    const [mark, ...before] = marks();
    const marksBefore = before.slice(0, marksToldMax);
    await commands.ask(theCluster, { kind: 'started', node, ...about, incarnation, mark: mark!, marksBefore });
  }

  #sleep(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cancel = this.#o.clock.after(forMs, resolve);
    });
  }
}
