/**
 * What becomes of a recipient at the far end, by the first word of the address: the sink's rules and the drill's mails
 * both follow from this table.
 */
import type { SinkRule } from '../../../bench/sink/rules.ts';

export interface Fate {
  readonly name: string;
  /** Of all recipients; the shares add up to 1. */
  readonly share: number;
  readonly rules: readonly Omit<SinkRule, 'match'>[];
}

export const fates: readonly Fate[] = [
  { name: 'ok', share: 0.6, rules: [] },
  // Taken, and said so late: a kill meanwhile leaves it in doubt.
  { name: 'slow', share: 0.12, rules: [{ at: 'dot', delayMs: 300 }] },
  { name: 'temp', share: 0.08, rules: [{ at: 'rcpt', times: 1, reply: '451 4.2.0 try again later' }] },
  { name: 'late', share: 0.05, rules: [{ at: 'dot', times: 1, reply: '451 4.3.0 try again later' }] },
  { name: 'perm', share: 0.07, rules: [{ at: 'rcpt', reply: '550 5.1.1 no such user' }] },
  // The line breaks after the final dot: not taken, or taken all the same.
  { name: 'cut', share: 0.04, rules: [{ at: 'dot', times: 1, hangsUp: true }] },
  { name: 'kept', share: 0.04, rules: [{ at: 'dot', times: 1, hangsUp: true, keeps: true }] },
];

export const sinkRules: readonly SinkRule[] = fates.flatMap(({ name, rules }) =>
  rules.map((rule) => ({ ...rule, match: `^${name}-` })),
);

/** @param draw from 0 up to 1 */
export function drawnFate(draw: number): Fate {
  let sum = 0;
  return fates.find(({ share }) => draw < (sum += share)) ?? (fates[0] as Fate);
}
