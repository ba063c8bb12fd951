/**
 * Keeps replies in the order of their commands while some are still being asked for.
 *
 * Leaves to others: writing them out (`session.ts`).
 */
import type { Reply } from './replies.ts';

/** A reply that has its place in the row and may not be known yet. */
interface Slot {
  reply: Reply | null;
}

export interface ReplyListener {
  /** Called in order. */
  say(reply: Reply): void;
  /** The last of the awaited replies was said. */
  repliesSettled(): void;
}

export class ReplyQueue {
  readonly #listener: ReplyListener;
  /** Null while nothing is awaited, so that an idle session has no list. */
  #slots: Slot[] | null = null;

  constructor(listener: ReplyListener) {
    this.#listener = listener;
  }

  get isWaiting(): boolean {
    return this.#slots !== null;
  }

  /** Replies that are awaited, or wait behind one that is. */
  get length(): number {
    return this.#slots?.length ?? 0;
  }

  reply(reply: Reply): void {
    if (this.#slots === null) this.#listener.say(reply);
    else this.#slots.push({ reply });
  }

  later(): (reply: Reply) => void {
    const slot: Slot = { reply: null };
    this.#slots ??= [];
    this.#slots.push(slot);
    return (reply) => {
      slot.reply = reply;
      this.#sayFilled();
    };
  }

  /** Nothing that is still awaited will be said. */
  drop(): void {
    this.#slots = null;
  }

  #sayFilled(): void {
    const slots = this.#slots ?? [];
    for (let said = 0; said < slots.length; said++) {
      const reply = slots[said]?.reply ?? null;
      if (reply === null) {
        slots.splice(0, said);
        return;
      }
      this.#listener.say(reply);
      // Saying it ended the session, which dropped the rest.
      if (slots !== this.#slots) return;
    }
    if (this.#slots === null) return;
    this.#slots = null;
    this.#listener.repliesSettled();
  }
}
