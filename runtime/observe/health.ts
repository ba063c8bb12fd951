/**
 * Whether this node may be sent work: a list of named conditions, each set by the stage or guard that knows.
 *
 * Promises: ready only when every condition is met; one that nobody has set yet is not met.
 * Leaves to others: `/readyz` and `ringpost status`, which show it.
 */
import { invariant } from '../base/invariant.ts';

export interface Condition {
  readonly name: string;
  readonly isMet: boolean;
  /** Why not, in words for an operator; '' when met. */
  readonly text: string;
}

export interface HealthReport {
  readonly isReady: boolean;
  readonly conditions: readonly Condition[];
}

export class Health {
  readonly #conditions = new Map<string, Condition>();
  readonly #changed: (report: HealthReport) => void;

  /** @param changed called whenever `isReady` becomes another */
  constructor(names: readonly string[], changed: (report: HealthReport) => void = () => undefined) {
    this.#changed = changed;
    for (const name of names) this.#conditions.set(name, { name, isMet: false, text: 'not started yet' });
  }

  met(name: string): void {
    this.#set({ name, isMet: true, text: '' });
  }

  unmet(name: string, text: string): void {
    this.#set({ name, isMet: false, text });
  }

  report(): HealthReport {
    const conditions = [...this.#conditions.values()];
    return { isReady: conditions.every(({ isMet }) => isMet), conditions };
  }

  #set(condition: Condition): void {
    invariant(this.#conditions.has(condition.name), `health knows the condition ${condition.name}`);
    const wasReady = this.report().isReady;
    this.#conditions.set(condition.name, condition);
    const report = this.report();
    if (report.isReady !== wasReady) this.#changed(report);
  }
}
