/** The activations of this node: made when first needed, forgotten when idle, or when their shard is lost. */
import type { Clock } from '../base/clock.ts';
import { isKeyText, statePrefix } from '../store/keys.ts';
import { Activation } from './activation.ts';
import type { ActorKind } from './actor.ts';
import { badKey, notLeader, unknownKind } from './codes.ts';
import { shardOf } from './shard.ts';
import type { ShardState, ShardTable } from './shard-state.ts';

export interface ActivationLimits {
  readonly activationsMax: number;
  readonly activationIdleMs: number;
  readonly actorKeyBytesMax: number;
}

export class Activations {
  readonly #kinds: ReadonlyMap<string, ActorKind>;
  readonly #shards: ShardTable;
  readonly #clock: Clock;
  readonly #limits: ActivationLimits;
  /** By kind and key, in order of use. */
  readonly #all = new Map<string, Activation>();

  constructor(kinds: ReadonlyMap<string, ActorKind>, shards: ShardTable, clock: Clock, limits: ActivationLimits) {
    this.#kinds = kinds;
    this.#shards = shards;
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** @throws {OperationError} `unknownActorKind`, `badActorKey` */
  kindOf(kind: string, key: string): ActorKind {
    const found = this.#kinds.get(kind);
    if (found === undefined) throw unknownKind(kind);
    if (key.length === 0 || !isKeyText(key)) throw badKey();
    // A string of n UTF-16 units is at most 3n bytes: only a long one has to be measured.
    const { actorKeyBytesMax } = this.#limits;
    if (key.length * 3 > actorKeyBytesMax && Buffer.byteLength(key) > actorKeyBytesMax) throw badKey();
    return found;
  }

  /** @throws {OperationError} `unknownActorKind`, `badActorKey`, `notLeader` */
  of(kind: string, key: string): Activation {
    const name = nameOf(kind, key);
    const known = this.#all.get(name);
    if (known !== undefined) {
      this.#all.delete(name);
      this.#all.set(name, known);
      return known;
    }
    const actorKind = this.kindOf(kind, key);
    const shard = shardOf(kind, key, this.#shards.count);
    const state = this.#shards.find(shard);
    if (state === undefined) throw notLeader();
    const made = new Activation(actorKind, key, shard, statePrefix(shard, kind, key), this.#clock.monotonicMs());
    // Room is made first: an activation that was forgotten before its first turn would soon have a twin.
    if (this.#all.size >= this.#limits.activationsMax) this.#forget(this.#all.size + 1 - this.#limits.activationsMax);
    this.#all.set(name, made);
    state.activations.add(made);
    return made;
  }

  /** Forgets what has been idle for long. Called now and then. */
  collect(): void {
    const before = this.#clock.monotonicMs() - this.#limits.activationIdleMs;
    for (const [name, activation] of this.#all) {
      if (activation.lastUsedMs > before) return;
      if (activation.isIdle) this.#drop(name, activation);
    }
  }

  /** Of a lost shard, idle or not. What waits in their backlogs is the caller's to settle. */
  forgetAll(state: ShardState): readonly Activation[] {
    const all = [...state.activations];
    state.activations.clear();
    for (const { kind, key } of all) this.#all.delete(nameOf(kind.kind, key));
    return all;
  }

  #forget(count: number): void {
    let left = count;
    for (const [name, activation] of this.#all) {
      if (!activation.isIdle) continue;
      this.#drop(name, activation);
      if (--left === 0) return;
    }
  }

  #drop(name: string, activation: Activation): void {
    this.#all.delete(name);
    this.#shards.of(activation.shard).activations.delete(activation);
  }
}

const nameOf = (kind: string, key: string): string => `${kind}\0${key}`;
