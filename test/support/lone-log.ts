/**
 * A log without a cluster around it: every shard is a group with one voter, and there is nobody to talk to. For tests of what
 * lies below.
 *
 * Leaves to others: everything (`groups/`).
 */
import type { LogParts, NodeLog } from '../../runtime/actor/log.ts';
import { groupCount, metadataShard } from '../../runtime/actor/shard.ts';
import type { CoreCluster } from '../../runtime/node/core.ts';
import { GroupHost } from '../../cluster/groups/host.ts';
import type { Transport } from '../../cluster/mesh/transport.ts';

const nobody: Transport = {
  listen: () => undefined,
  send: () => undefined,
  isLinked: () => false,
  bytesInFlight: () => 0,
};

/**
 * Settles when all shards are served: their groups elect this node, in one transaction.
 * @throws {OperationError} `entryDamaged`, `logDamaged`
 */
export async function openLoneLog(parts: LogParts): Promise<NodeLog> {
  const configuration = { voters: [parts.self], learners: [], witness: null };
  const host = new GroupHost({
    ...parts,
    shardCount: groupCount(parts.shardCount),
    transport: nobody,
    hearsLeader: () => false,
    configurationOf: () => configuration,
  });
  const last = metadataShard(parts.shardCount);
  while (!host.serves(last)) {
    await new Promise<void>((resolve) => {
      parts.clock.soon(resolve);
    });
  }
  return host;
}

/** The same for a whole core. */
export async function openLoneCore(parts: LogParts): Promise<CoreCluster> {
  const log = await openLoneLog(parts);
  return { log, stop: () => log.stop() };
}
