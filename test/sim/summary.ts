/** What many seeds have shown: how often everything happened, and which kinds of fault were too rare to prove anything. */
import { faultKinds } from './plan.ts';
import type { SeedResult } from './run-seed.ts';

/** Part of the seeds in which each kind of fault must have occurred. */
const faultPartMin = 0.05;
/** With fewer seeds, chance decides. */
const judgedFrom = 100;

export class Summary {
  seeds = 0;
  readonly #counts = new Map<string, number>();
  readonly #seedsWith = new Map<string, number>();

  add({ counts, faultKinds: kinds }: SeedResult): void {
    this.seeds++;
    for (const [name, count] of Object.entries(counts)) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
    for (const kind of kinds) this.#seedsWith.set(kind, (this.#seedsWith.get(kind) ?? 0) + 1);
  }

  /** Kinds of fault that did not occur often enough. @param nodes of every seed; null: drawn */
  tooRare(nodes: number | null): string[] {
    if (this.seeds < judgedFrom) return [];
    return Object.entries(faultKinds)
      .filter(([kind, needs]) => (nodes ?? needs) >= needs && this.#partOf(kind) < faultPartMin)
      .map(([kind]) => kind);
  }

  lines(): string[] {
    const counted = [...this.#counts].filter(([name]) => !(name in faultKinds)).sort(([a], [b]) => (a < b ? -1 : 1));
    const rows = counted.map(([name, count]) => `  ${name.padEnd(24)} ${String(count).padStart(10)}`);
    const faults = Object.keys(faultKinds).map((kind) => {
      const percent = `${(100 * this.#partOf(kind)).toFixed(1)} % of the seeds`;
      return `  ${kind.padEnd(24)} ${String(this.#counts.get(kind) ?? 0).padStart(10)}   in ${percent}`;
    });
    return [`what happened in ${this.seeds} seeds`, ...rows, 'faults', ...faults];
  }

  #partOf(kind: string): number {
    return this.seeds === 0 ? 0 : (this.#seedsWith.get(kind) ?? 0) / this.seeds;
  }
}
