/** An edge for tests that dies when its topic tells it to. */
import { type Principal, defineActor } from '../../../runtime/actor/actor.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { runEdgeWorker } from '../../../runtime/threads/worker-main.ts';

export interface FrailConfig {
  readonly refuseStart?: boolean;
  readonly generation: number;
}

const echoes = defineActor<never>('echo');
const principal: Principal = { kind: 'node', id: 'n1' };

runEdgeWorker<FrailConfig>(async (core, config) => {
  if (config.refuseStart) throw refused('portInUse', 'port 25 is in use');
  core.subscribe('fault', (fault) => {
    if (fault === 'throw') throw new Error('the edge has a bug');
    if (fault === 'exit') process.exit(3);
    if (fault === 'memory') {
      const hoard: string[][] = [];
      for (;;) hoard.push(Array.from({ length: 100_000 }, (_, i) => `item ${i} of ${hoard.length}`));
    }
  });
  return {
    stop: async () => undefined,
    // Asks the core on the way, so that the test sees the hot path work.
    stats: async () => {
      const echoed = await core.ask(echoes.ref('k'), { kind: 'echo', value: config.generation } as never, {
        principal,
      });
      return { generation: echoed as unknown as number };
    },
    reloadCertificate: async (pem) => {
      // Never answers `hang`: comlink itself would wait for ever if the worker died then.
      if (pem.key === 'hang') await new Promise(() => undefined);
      throw refused('badCertificate', 'the key does not fit');
    },
  };
});
