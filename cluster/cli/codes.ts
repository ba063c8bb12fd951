/** Every refusal of the cluster's subcommands, by code. Each text ends with what cures it. */
import { type OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

export const nodeExists = (directory: string, node: string): OperationError =>
  refused(
    'nodeExists',
    `${directory} holds node ${node} already. Cure: ringpost start --data ${directory}, or choose another directory`,
  );

export const settingAtJoin = (set: string): OperationError =>
  refused(
    'settingAtJoin',
    `--set ${set}: this is a setting of the whole cluster, which has it already. Cure: leave it out; once the node runs, ` +
      'ringpost set changes it for all',
  );

export const nodeIdNotInFile = (file: string, node: string): OperationError =>
  refused(
    'nodeIdNotInFile',
    `${file} does not say that this node is ${node}, and the node will start by it. Cure: write [node] id = "${node}" into it`,
  );

export const nodeNameMissing = (): OperationError =>
  refused('wrongUsage', '--node is missing: the name of the new node in its cluster, e.g. --node n2');

export const tokenMissing = (): OperationError =>
  refused('wrongUsage', '--token is missing. A node of the cluster prints one: ringpost token create');

export const badJoinTarget = (address: string): OperationError =>
  refused(
    'wrongUsage',
    `"${address}" is no host with a port. Cure: give where a node of the cluster listens (its mesh.listen), e.g. 192.0.2.1:2580`,
  );

export const meshOff = (): OperationError =>
  refused(
    'meshOff',
    'mesh.listen is off, so the other nodes could not reach this one. Cure: --set mesh.listen=:2580, or another address',
  );

export const meshAddressShared = (address: string): OperationError =>
  refused(
    'meshAddressShared',
    `${address} is the node that you join, and this node would listen there too. Cure: give this one an address of its own, ` +
      'e.g. --set mesh.listen=127.0.0.1:2581',
  );

export const meshOnLoopback = (own: string, joined: string): OperationError =>
  refused(
    'meshOnLoopback',
    `${joined} would be told to reach this node at ${own}, which is this machine alone. Cure: --set mesh.listen=:2580, and ` +
      '--set mesh.advertise=HOST:PORT where the others reach it by another address',
  );

export const startFirst = (directory: string): OperationError =>
  refused(
    'startFirst',
    `the node in ${directory} has no cluster to join yet. Cure: start it once (ringpost start --data ${directory}), then repeat`,
  );

export const nodeStarting = (directory: string): OperationError =>
  tryLater(
    'nodeStarting',
    `the node in ${directory} is starting or stopping and does not answer yet. Cure: repeat this in a moment`,
  );

export const pendingTokensDamaged = (path: string): OperationError =>
  refused(
    'pendingTokensDamaged',
    `${path} is no list of tokens. Cure: remove it; the tokens in it are not good any more`,
  );

export const joinUnfinished = (directory: string): OperationError =>
  refused(
    'joinUnfinished',
    `a join into ${directory} was begun and not finished. Cure: repeat ringpost join, or choose another directory`,
  );
