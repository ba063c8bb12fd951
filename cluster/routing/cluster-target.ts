/**
 * What one node offers to its edges, made into what the cluster offers: any edge on any node reaches any actor and reads
 * any body.
 *
 * Leaves to others: everything; topics and counters stay those of the node.
 */
import type { Settle } from '../../runtime/actor/request.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { CoreTarget } from '../../runtime/threads/core-target.ts';
import type { Gathering } from './gathering.ts';
import type { RemoteBodies } from './remote-bodies.ts';
import type { Router } from './router.ts';

export interface ClusterTargetParts {
  readonly router: Pick<Router, 'ask' | 'query'>;
  readonly bodies: Pick<RemoteBodies, 'read'>;
  readonly gathering: Pick<Gathering, 'inspect'>;
}

/** Another node may have a body that is not here, or rotten here. */
const elsewhere = new Set(['bodyMissing', 'bodyDamaged']);

export function clusterTarget(local: CoreTarget, { router, bodies, gathering }: ClusterTargetParts): CoreTarget {
  const counted =
    (settle: Settle): Settle =>
    (outcome) => {
      if (!outcome.ok) local.count('ringpost_commands_refused_total', { code: outcome.error.code }, 1);
      settle(outcome);
    };
  return {
    shardCount: local.shardCount,
    ask: (request, settle) => router.ask(request, counted(settle)),
    query: (request, settle) => router.query(request, counted(settle)),
    async readBody(hash, range) {
      try {
        return await local.readBody(hash, range);
      } catch (error) {
        if (!(error instanceof OperationError) || !elsewhere.has(error.code)) throw error;
        // A damaged one that nobody else has is damaged, not missing.
        return await bodies.read(hash, range).catch((other: unknown) => {
          throw error.code === 'bodyDamaged' && isMissing(other) ? error : other;
        });
      }
    },
    subscribe: (topic, listener) => local.subscribe(topic, listener),
    inspect: (topic, argument) => gathering.inspect(topic, argument),
    count: (metric, labels, by) => local.count(metric, labels, by),
  };
}

const isMissing = (error: unknown): boolean => error instanceof OperationError && error.code === 'bodyMissing';
