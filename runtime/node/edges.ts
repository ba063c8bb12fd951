/** The edge workers of a node as one: started and stopped together, their numbers added up. */
import type { CertificatePem, EdgeStats } from '../threads/control-channel.ts';
import { Supervisor, type SupervisorOptions } from '../threads/supervisor.ts';

export interface EdgeSpec {
  /** E.g. `smtp-1`. */
  readonly name: string;
  readonly entry: URL;
  /** Asked at each start of the worker. */
  readonly config: () => unknown;
}

export type EdgeShared = Omit<SupervisorOptions, 'name' | 'entry' | 'config'>;

export class Edges {
  readonly #supervisors: readonly Supervisor[];

  constructor(specs: readonly EdgeSpec[], shared: EdgeShared) {
    this.#supervisors = specs.map((spec) => new Supervisor({ ...shared, ...spec }));
  }

  /** All or none: one that cannot start stops the others. @throws {OperationError} what the first one failed with */
  async start(): Promise<void> {
    const started = await Promise.allSettled(this.#supervisors.map((each) => each.start()));
    const failed = started.find((each) => each.status === 'rejected');
    if (failed === undefined) return;
    await this.stop(0);
    throw failed.reason;
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#supervisors.map((each) => each.stop(graceMs)));
  }

  async reloadCertificate(pem: CertificatePem): Promise<void> {
    await Promise.all(this.#supervisors.map((each) => each.reloadCertificate(pem)));
  }

  get areServing(): boolean {
    return this.#supervisors.every(({ status }) => status === 'serving');
  }

  /** Names of workers that are down at the moment. */
  get down(): readonly string[] {
    return this.#supervisors.filter(({ status }) => status !== 'serving').map(({ name }) => name);
  }

  get crashCount(): number {
    return this.#supervisors.reduce((sum, { crashCount }) => sum + crashCount, 0);
  }

  /** Sums over the workers whose names begin with `prefix`. One that is down counts nothing. */
  async stats(prefix: string): Promise<EdgeStats> {
    const chosen = this.#supervisors.filter(({ name }) => name.startsWith(prefix));
    const each = await Promise.allSettled(chosen.map((supervisor) => supervisor.stats()));
    const sums: Record<string, number> = {};
    for (const stats of each) {
      if (stats.status === 'rejected') continue;
      for (const [name, value] of Object.entries(stats.value)) sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  }
}
