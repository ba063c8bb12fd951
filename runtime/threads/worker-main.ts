/**
 * What an edge's entry file calls, inside its worker thread:
 *
 *     runEdgeWorker<SmtpConfig>(async (core, config) => startSmtpEdge(core, config));
 *
 * Leaves to others: everything that the edge is. A crash of it ends this thread only (`supervisor.ts`).
 */
import { flushCompileCache } from 'node:module';
import { type MessagePort, workerData } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { invariant } from '../base/invariant.ts';
import { systemRandom } from '../base/random.ts';
import { type EdgeControl, serveControl } from './control-channel.ts';
import type { CoreApi } from './core-api.ts';
import { CoreClient } from './core-client.ts';

/** What a worker is born with. */
export interface WorkerSeed {
  readonly name: string;
  readonly shardCount: number;
  readonly core: MessagePort;
  readonly control: MessagePort;
}

/** @param begin starts the edge; called once, when the core says so, with the configuration as it is then */
export function runEdgeWorker<Config>(
  begin: (core: CoreApi, config: Config, name: string) => Promise<EdgeControl>,
): void {
  const { name, shardCount, core: corePort, control: controlPort } = workerData as WorkerSeed;
  const core = new CoreClient({ port: corePort, clock: systemClock, random: systemRandom, shardCount });
  let edge: EdgeControl | undefined;
  const serving = (): EdgeControl => {
    invariant(edge, 'the core calls a worker only after it started it');
    return edge;
  };
  serveControl(controlPort, {
    start: async (config) => {
      invariant(edge === undefined, 'a worker is started once');
      edge = await begin(core, config as Config, name);
      // A thread that is ended from outside keeps nothing of what it compiled, and every start would do it again.
      flushCompileCache();
    },
    stop: async (graceMs) => await serving().stop(graceMs),
    stats: async () => ({ ...(await serving().stats()), callsInFlight: core.callsInFlight }),
    reloadCertificate: async (pem) => await serving().reloadCertificate(pem),
  });
}
