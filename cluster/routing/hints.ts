/**
 * Tells all nodes which actors changed, so that nobody believes for long what he remembers of them: edges remember
 * addresses and accounts for a second, settings until they change.
 *
 *     engine: actor changed --> [turn's batch] --> a frame a kind to each linked peer --> whoever listens there
 *
 * Promises: what changed in a turn is told before an answer of that turn goes to a peer, so that who changed something by
 * another node is not shown the state before at his own. A peer that is linked anew may have missed anything, and is told
 * to believe nothing (`null`). More keys of a kind in one turn than a frame takes are told as `null` too.
 * Leaves to others: that it arrives at all (a lost hint costs as long as whoever remembers believes), and changes that this
 * node's own engine makes (`Engine.watchKind`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { frameRefused } from './codes.ts';
import type { Fields } from './fields.ts';
import type { PeerCalls } from './peer-calls.ts';
import { kind } from './wire.ts';

/** @param key null: any of them may have changed */
export type HintListener = (key: string | null) => void;

export interface HintSpreadOptions {
  readonly calls: PeerCalls;
  readonly clock: Clock;
  readonly linkedPeers: () => readonly NodeId[];
  /** Kinds of actors whose changes are spread; no other is. */
  readonly kinds: readonly string[];
}

const keysMax = 500;
const keyCharactersMax = 320;
const kindCharactersMax = 64;

export class HintSpread {
  readonly #o: HintSpreadOptions;
  readonly #listeners = new Map<string, Set<HintListener>>();
  /** Of this turn; null: too many to name. */
  readonly #changed = new Map<string, Set<string> | null>();
  #isFlushAsked = false;

  constructor(options: HintSpreadOptions) {
    this.#o = options;
    const { calls, kinds } = options;
    for (const of of kinds) this.#listeners.set(of, new Set());
    calls.onTold(kind.changed, (_from, fields) => this.#received(fields));
    calls.onLinked(() => {
      for (const of of kinds) this.#tell(of, null);
    });
    calls.beforeAnswer(() => this.flush());
  }

  /** Follows the engine: what it changes here is spread. @returns what ends that */
  follow(engine: { watchKind(kind: string, changed: (key: string) => void): () => void }): () => void {
    const ends = this.#o.kinds.map((of) => engine.watchKind(of, (key) => this.changed(of, key)));
    return () => {
      for (const end of ends) end();
    };
  }

  /** An actor changed here. Kinds that are not on the list stay here. */
  changed(of: string, key: string): void {
    if (!this.#listeners.has(of)) return;
    const keys = this.#changed.get(of);
    if (keys === null) return;
    if (keys === undefined) this.#changed.set(of, new Set([key]));
    else if (keys.size < keysMax) keys.add(key);
    else this.#changed.set(of, null);
    if (this.#isFlushAsked) return;
    this.#isFlushAsked = true;
    this.#o.clock.soon(() => {
      this.#isFlushAsked = false;
      this.flush();
    });
  }

  /** Calls `listener` with each key that another node says has changed. @returns what ends that */
  listen(of: string, listener: HintListener): () => void {
    const listeners = this.#listeners.get(of);
    // An own function for each, so that one listener may be given twice.
    const own: HintListener = (key) => listener(key);
    listeners?.add(own);
    return () => void listeners?.delete(own);
  }

  /** What changed so far in this turn is told now. */
  flush(): void {
    if (this.#changed.size === 0) return;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const peer of this.#o.linkedPeers()) {
      for (const [of, keys] of changed) {
        this.#o.calls.send(peer, 'log', [kind.changed, of, keys === null ? null : [...keys]]);
      }
    }
  }

  #received(fields: Fields): void {
    const of = fields.text('kind', kindCharactersMax);
    const keys = fields.next();
    // A kind that this version does not know is of no use here.
    if (keys === null) return this.#tell(of, null);
    if (!Array.isArray(keys) || keys.length > keysMax) throw frameRefused(`keys are no list of at most ${keysMax}`);
    for (const key of keys as readonly unknown[]) {
      if (typeof key !== 'string' || key.length > keyCharactersMax) throw frameRefused('a key is no short text');
      this.#tell(of, key);
    }
  }

  #tell(of: string, key: string | null): void {
    for (const listener of [...(this.#listeners.get(of) ?? [])]) listener(key);
  }
}
