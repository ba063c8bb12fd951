/**
 * What one worker follows: many listeners share one subscription of the core, and a late one gets the value that the
 * others already have.
 */
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { callsBusy } from './codes.ts';

interface Topic {
  readonly listeners: Set<(value: unknown) => void>;
  /** Whether `value` was published yet. */
  isKnown: boolean;
  value: unknown;
}

export class Topics {
  readonly #clock: Clock;
  readonly #begin: (topic: string) => void;
  readonly #end: (topic: string) => void;
  readonly #topics = new Map<string, Topic>();

  constructor(clock: Clock, begin: (topic: string) => void, end: (topic: string) => void) {
    this.#clock = clock;
    this.#begin = begin;
    this.#end = end;
  }

  subscribe(name: string, listener: (value: unknown) => void): () => void {
    const topic = this.#topics.get(name) ?? this.#open(name);
    // An own function for each subscription, so that one listener may be given twice.
    const own = (value: unknown): void => listener(value);
    topic.listeners.add(own);
    if (topic.isKnown) {
      this.#clock.soon(() => {
        if (topic.listeners.has(own)) own(topic.value);
      });
    }
    return () => {
      if (!topic.listeners.delete(own) || topic.listeners.size > 0) return;
      this.#topics.delete(name);
      this.#end(name);
    };
  }

  publish(name: string, value: unknown): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    topic.isKnown = true;
    topic.value = value;
    for (const listener of [...topic.listeners]) listener(value);
  }

  #open(name: string): Topic {
    if (this.#topics.size >= limits.subscriptionsMax) throw callsBusy();
    const topic: Topic = { listeners: new Set(), isKnown: false, value: undefined };
    this.#topics.set(name, topic);
    this.#begin(name);
    return topic;
  }
}
