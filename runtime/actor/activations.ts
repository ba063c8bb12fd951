/** The activations of this node: made when first needed, forgotten when idle. */
import type { Clock } from '../base/clock.ts';
import { isKeyText, statePrefix } from '../store/keys.ts';
import { Activation } from './activation.ts';
import type { ActorKind } from './actor.ts';
import { badKey, unknownKind } from './codes.ts';
import { shardOf } from './shard.ts';

export interface ActivationLimits {
  readonly activationsMax: number;
  readonly activationIdleMs: number;
  readonly actorKeyBytesMax: number;
}

export class Activations {
  readonly #kinds: ReadonlyMap<string, ActorKind>;
  readonly #shardCount: number;
  readonly #clock: Clock;
  readonly #limits: ActivationLimits;
  /** By kind and key, in order of use. */
  readonly #all = new Map<string, Activation>();

  constructor(kinds: ReadonlyMap<string, ActorKind>, shardCount: number, clock: Clock, limits: ActivationLimits) {
    this.#kinds = kinds;
    this.#shardCount = shardCount;
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

  of(kind: string, key: string): Activation {
    const name = `${kind}\0${key}`;
    const known = this.#all.get(name);
    if (known !== undefined) {
      this.#all.delete(name);
      this.#all.set(name, known);
      return known;
    }
    const actorKind = this.kindOf(kind, key);
    const shard = shardOf(kind, key, this.#shardCount);
    const made = new Activation(actorKind, key, shard, statePrefix(shard, kind, key), this.#clock.monotonicMs());
    // Room is made first: an activation that was forgotten before its first turn would soon have a twin.
    if (this.#all.size >= this.#limits.activationsMax) this.#forget(this.#all.size + 1 - this.#limits.activationsMax);
    this.#all.set(name, made);
    return made;
  }

  /** Forgets what has been idle for long. Called now and then. */
  collect(): void {
    const before = this.#clock.monotonicMs() - this.#limits.activationIdleMs;
    for (const [name, activation] of this.#all) {
      if (activation.lastUsedMs > before) return;
      if (activation.isIdle) this.#all.delete(name);
    }
  }

  #forget(count: number): void {
    let left = count;
    for (const [name, activation] of this.#all) {
      if (!activation.isIdle) continue;
      this.#all.delete(name);
      if (--left === 0) return;
    }
  }
}
