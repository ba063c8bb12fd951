/** Who is told of what the actors of this node do, once it is committed. It is for hints: it says that, not what. */
import type { ShardId } from '../base/ids.ts';
import type { ActorRef } from './actor.ts';
import { shardOf } from './shard.ts';
import type { TimedActor } from './turn.ts';

interface WatchedActor {
  readonly shard: ShardId;
  readonly listeners: Set<() => void>;
}

type KindListeners = Map<string, Set<(key: string) => void>>;

export class Watchers {
  readonly #shardCount: number;
  readonly #actors = new Map<string, WatchedActor>();
  readonly #kinds: KindListeners = new Map();
  readonly #announcements: KindListeners = new Map();

  constructor(shardCount: number) {
    this.#shardCount = shardCount;
  }

  watch({ kind, key }: ActorRef, changed: () => void): () => void {
    const name = `${kind}\0${key}`;
    const watched = this.#actors.get(name) ?? { shard: shardOf(kind, key, this.#shardCount), listeners: new Set() };
    this.#actors.set(name, watched);
    watched.listeners.add(changed);
    return () => {
      watched.listeners.delete(changed);
      if (watched.listeners.size === 0) this.#actors.delete(name);
    };
  }

  watchKind(kind: string, changed: (key: string) => void): () => void {
    return listen(this.#kinds, kind, changed);
  }

  watchAnnounced(kind: string, announced: (key: string) => void): () => void {
    return listen(this.#announcements, kind, announced);
  }

  changed({ kind, key }: TimedActor): void {
    for (const changed of this.#kinds.get(kind.kind) ?? []) changed(key);
    if (this.#actors.size === 0) return;
    for (const changed of this.#actors.get(`${kind.kind}\0${key}`)?.listeners ?? []) changed();
  }

  announced({ kind, key }: TimedActor): void {
    for (const announced of this.#announcements.get(kind.kind) ?? []) announced(key);
  }

  /** While the shard was led elsewhere its actors changed unseen. */
  served(shard: ShardId): void {
    for (const watched of this.#actors.values()) {
      if (watched.shard === shard) for (const changed of watched.listeners) changed();
    }
  }
}

function listen(all: KindListeners, kind: string, listener: (key: string) => void): () => void {
  const listeners = all.get(kind) ?? new Set();
  all.set(kind, listeners.add(listener));
  return () => void listeners.delete(listener);
}
