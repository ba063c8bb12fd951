/**
 * When each round's kill comes.
 *
 * Half of the kills come in the very moment in which the client reads a `250`. What was answered and not yet handed to
 * the kernel is lost then: this is how an output gate that lets answers out too early shows. A SIGKILL never loses what the
 * kernel already has, so a missing fsync cannot show here; `test/process/` looks at that with strace.
 * The others come at a random instant: amid DATA, amid a commit, amid recovery of the round before.
 * Of an outbound drill a third comes in the moment in which the far end has a mail and has not said so yet: then nobody
 * but the far end knows (plan P5).
 */
import type { Chance } from './chance.ts';

export type KillMoment =
  | { readonly kind: 'reply' | 'arrival'; readonly nth: number }
  | { readonly kind: 'instant'; readonly afterMs: number };

export function planKills(count: number, chance: Chance): KillMoment[] {
  return Array.from({ length: count }, (_, round): KillMoment => {
    if (round % 2 === 0) return { kind: 'reply', nth: chance.between(1, 150) };
    return { kind: 'instant', afterMs: chance.between(50, 1500) };
  });
}

export function planOutboundKills(count: number, chance: Chance): KillMoment[] {
  return Array.from({ length: count }, (_, round): KillMoment => {
    if (round % 3 === 0) return { kind: 'arrival', nth: chance.between(1, 100) };
    if (round % 3 === 1) return { kind: 'reply', nth: chance.between(1, 150) };
    return { kind: 'instant', afterMs: chance.between(50, 3000) };
  });
}

export function formatMoment(moment: KillMoment): string {
  switch (moment.kind) {
    case 'reply':
      return `at 250 no. ${moment.nth}`;
    case 'arrival':
      return `at arrival no. ${moment.nth}`;
    case 'instant':
      return `after ${moment.afterMs} ms`;
  }
}
