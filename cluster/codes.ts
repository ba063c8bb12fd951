/** Errors of a node's place in the cluster. */
import { type OperationError, refused } from '../runtime/base/errors.ts';
import type { NodeId } from '../runtime/base/ids.ts';

export const removedHere = (node: NodeId): OperationError =>
  refused(
    'nodeRemoved',
    `node ${node} was removed from the cluster and stops. To use this machine again, let it join under another name with ` +
      'an empty data directory: ringpost join <host:port> --token <token> --data DIR --node NAME',
  );
