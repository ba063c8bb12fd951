/**
 * The log of a node that is a cluster of one: every shard is a group with one voter, and there is nobody to talk to.
 *
 * Leaves to others: everything (`groups/`).
 */
import type { LogParts, NodeLog } from '../runtime/actor/log.ts';
import { shardId } from '../runtime/base/ids.ts';
import { GroupHost } from './groups/host.ts';
import type { Transport } from './mesh/transport.ts';

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
    transport: nobody,
    hearsLeader: () => false,
    configurationOf: () => configuration,
  });
  const last = shardId(parts.shardCount - 1);
  while (!host.serves(last)) {
    await new Promise<void>((resolve) => {
      parts.clock.soon(resolve);
    });
  }
  return host;
}
