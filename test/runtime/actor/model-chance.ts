/** What the models ask of their actors: drawn from a seed, so that the same seed asks the same. */
import { contents, type Effects, type ModelCommand, rowsMax } from './model-actor.ts';

/** The actors of a model. */
export const keys = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Mulberry32: the same seed, the same run. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** 0 … below - 1 */
  upTo(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  hits(percent: number): boolean {
    return this.upTo(1_000) < percent * 10;
  }

  of<T>(values: readonly T[]): T {
    return values[this.upTo(values.length)]!;
  }

  list<T>(max: number, make: (i: number) => T): T[] {
    return Array.from({ length: this.upTo(max + 1) }, (_, i) => make(i));
  }
}

/** `life`: see `ModelCommand`. `bulk`: so many rows more. */
export function newCommand(
  chance: Chance,
  { op, life, bulk }: { readonly op: string; readonly life: number; readonly bulk: number },
): ModelCommand {
  if (bulk > 0) return { kind: 'do', ...newEffects(chance, op), bulk, ending: 'answer' };
  if (chance.hits(8)) return { kind: 'chain', op, times: 1 + chance.upTo(4), life };
  if (chance.hits(5)) return { kind: 'wake', op, delayMs: chance.of([0, 50, 3_000]) };
  if (chance.hits(15)) {
    const [from, to] = [chance.upTo(rowsMax), chance.upTo(rowsMax)];
    return { kind: 'look', from, to, limit: 1 + chance.upTo(8), reverse: chance.hits(50) };
  }
  return { kind: 'do', ...newEffects(chance, op) };
}

function newEffects(chance: Chance, op: string): Effects {
  const body = (): number | null => (chance.hits(60) ? chance.upTo(contents.length) : null);
  // So many that they do not fit into the memory of their channel.
  const crowd = chance.hits(0.7) ? chance.of(keys) : null;
  return {
    op,
    puts: chance.list(6, () => [chance.upTo(rowsMax), chance.hits(40) ? null : chance.upTo(100)]),
    tells: Array.from({ length: crowd === null ? chance.upTo(chance.hits(10) ? 40 : 3) : 400 }, (_, i) => ({
      to: crowd ?? chance.of(keys),
      id: `${op}.${i}`,
      body: body(),
    })),
    timers: chance.list(2, () => ({
      name: chance.of(['x', 'y']),
      delayMs: chance.hits(20) ? null : chance.of([-5, 0, 20, 500, 20_000]),
    })),
    holds: chance.list(2, () => ({ tag: chance.of(['p', 'q']), body: body() })),
    bulk: 0,
    ending: chance.hits(85) ? 'answer' : chance.of(['refuse', 'bug', 'unpackable'] as const),
  };
}
