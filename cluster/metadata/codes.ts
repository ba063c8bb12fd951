/** Every operating error of this folder. Each text says what is wrong and what cures it. */
import { type OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

export const notFounded = (): OperationError =>
  tryLater('notFounded', 'this cluster is not founded yet; try again when its first node has started');

export const clusterFounded = (clusterId: string): OperationError =>
  refused(
    'clusterFounded',
    `this is cluster ${clusterId}, founded by another node. To add this node: ringpost join <host:port> --token <token>`,
  );

export const notAllowed = (what: string): OperationError =>
  refused('notAllowed', `${what} is not for whoever asked; only nodes of the cluster may`);

export const badRecord = (what: string): OperationError => refused('badClusterRecord', what);

/** A newer node asks for what this one has not learned yet. */
export const unknownCommand = (kind: string): OperationError =>
  refused('unknownCommand', `this node does not know "${kind}"; is it older than the one that asks?`);

const newToken = 'Make a new one on a member: ringpost token create';

export const tokenUnknown = (): OperationError =>
  refused('tokenUnknown', `this cluster gave out no such token, or it expired long ago. ${newToken}`);

export const tokenExpired = (expiresMs: number): OperationError =>
  refused('tokenExpired', `the token expired at ${new Date(expiresMs).toISOString()}. ${newToken}`);

export const tokenUsed = (node: string): OperationError =>
  refused('tokenUsed', `the token was used already, by node ${node}; one token lets one node in. ${newToken}`);

export const tooManyTokens = (max: number): OperationError =>
  refused('tooManyTokens', `${max} tokens wait to be used. Use one of them, or wait until one expires`);

export const nodeIdTaken = (node: string): OperationError =>
  refused(
    'nodeIdTaken',
    `there is a node ${node} already, with a key or a disk of its own, and a name is never given twice. ` +
      'Choose another with --node NAME',
  );

export const keyTaken = (node: string): OperationError =>
  refused(
    'keyTaken',
    `this key is that of node ${node}. Was its data directory copied? Join with an empty one: --data DIR`,
  );

export const nodeUnknown = (node: string): OperationError =>
  refused(
    'nodeUnknown',
    `node ${node} was never admitted here. Let it join: ringpost join <host:port> --token <token>`,
  );

export const nodeRemoved = (node: string): OperationError =>
  refused(
    'nodeRemoved',
    `node ${node} was removed from this cluster for ever. To use the machine again, join with an empty data directory ` +
      'under another name',
  );

export const tooManyNodes = (max: number): OperationError =>
  refused('tooManyNodes', `a cluster has at most ${max} nodes. Remove one first`);

export const diskOlder = (node: string, known: number, shown: number): OperationError =>
  refused(
    'diskOlder',
    `the data directory of node ${node} is older than what the cluster knows of it (start mark ${shown}; ${known} is ` +
      'known): it was restored, copied or emptied. Put the newest back, or join with an empty one under another name',
  );
