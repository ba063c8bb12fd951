/**
 * When each round's kill comes.
 *
 * Half of the kills come in the very moment in which the client reads a `250`. What was answered and not yet handed to
 * the kernel is lost then: this is how an output gate that lets answers out too early shows. A SIGKILL never loses what the
 * kernel already has, so a missing fsync cannot show here; `test/process/` looks at that with strace.
 * The others come at a random instant: amid DATA, amid a commit, amid recovery of the round before.
 */
import type { Chance } from './chance.ts';

export type KillMoment =
  | { readonly kind: 'reply'; readonly nth: number }
  | { readonly kind: 'instant'; readonly afterMs: number };

export function planKills(count: number, chance: Chance): KillMoment[] {
  return Array.from({ length: count }, (_, round): KillMoment => {
    if (round % 2 === 0) return { kind: 'reply', nth: chance.between(1, 150) };
    return { kind: 'instant', afterMs: chance.between(50, 1500) };
  });
}

export function formatMoment(moment: KillMoment): string {
  return moment.kind === 'reply' ? `at 250 no. ${moment.nth}` : `after ${moment.afterMs} ms`;
}
