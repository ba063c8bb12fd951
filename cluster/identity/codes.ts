/** Every operating error of this folder. Each text says what is wrong and what cures it. */
import { OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

const said = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

// ---- the data directory ------------------------------------------------------------------------------------------------

const rejoin = 'Restore a backup of the data directory, or move it away and let the node join anew under another name';

export const marksDamaged = (cause: unknown): OperationError => {
  const text = `the marks of this node's starts are damaged on this disk: ${said(cause)}. ${rejoin}`;
  return new OperationError({ code: 'marksDamaged', transient: false, text }, cause);
};

export const identityDamaged = (path: string, what: string): OperationError =>
  refused('identityDamaged', `${path} ${what}; without it this node cannot prove who it is. ${rejoin}`);

export const identityUnusable = (path: string, cause: unknown): OperationError => {
  const text = `${path} cannot be used: ${said(cause)}. Cure: let this user read and write the data directory`;
  return new OperationError({ code: 'identityUnusable', transient: false, text }, cause);
};

export const identityLost = (directory: string): OperationError =>
  identityDamaged(directory, 'has mail and log of a node, and neither its key nor its certificate any more');

export const keyReplaced = (directory: string): OperationError =>
  identityDamaged(`${directory}/mesh-key.pem`, 'is not the key that the cluster knows this node by');

export const notFounder = (node: string): OperationError =>
  refused(
    'notFounder',
    `node ${node} has joined a cluster and does not found one. Start the other nodes: it finds them`,
  );

// ---- certificates ------------------------------------------------------------------------------------------------------

export const badNodeKey = (): OperationError =>
  refused('badNodeKey', "a node's key is an ECDSA P-256 public key in PEM; are both nodes of the same version?");

export const badNodeCertificate = (what: string): OperationError =>
  refused('badNodeCertificate', `no certificate of a node: ${what}`);

// ---- joining -----------------------------------------------------------------------------------------------------------

export const badToken = (what: string): OperationError =>
  refused('badToken', `${what}. A member prints a token with: ringpost token create`);

export const badAddress = (text: string): OperationError =>
  refused(
    'badAddress',
    `${JSON.stringify(text.slice(0, 80))} is no address of a member: a host with the port of its mesh.listen, such as ` +
      'n1.example.org:2580 or [2001:db8::1]:2580',
  );

export const badNodeName = (text: string): OperationError =>
  refused(
    'badNodeName',
    `${JSON.stringify(text.slice(0, 80))} is no name of a node: up to 32 of a-z, 0-9 and -, with no - in front`,
  );

export const alreadyJoined = (path: string, node: string): OperationError =>
  refused('alreadyJoined', `${path} is node ${node} of this cluster already. Start it: ringpost start --data ${path}`);

export const directoryTaken = (path: string, node: string): OperationError =>
  refused('directoryTaken', `${path} holds node ${node} already. Join with an empty directory: --data DIR`);

export const memberUnreachable = (address: string, cause: unknown): OperationError =>
  tryLater(
    'memberUnreachable',
    `${address} cannot be reached: ${said(cause)}. Is a node running there, and does its mesh.listen (default: this ` +
      'machine only) take connections from here?',
    cause,
  );

export const notAMember = (address: string, what: string): OperationError =>
  refused(
    'notAMember',
    `${address} is no door of a cluster: ${what}. Give the port of mesh.listen of a member, not one of mail or HTTP`,
  );

export const otherCluster = (address: string): OperationError =>
  refused(
    'otherCluster',
    `${address} is not of the cluster that gave out the token: another one answers there, or somebody in between. ` +
      'Nothing was sent to it. Check the address, or make a token there: ringpost token create',
  );

export const clockOff = (what: string, nowMs: number): OperationError =>
  refused(
    'clockOff',
    `${what}, and here it is ${new Date(nowMs).toISOString()}. Set the clock of this machine (NTP), then repeat`,
  );

export const badJoinRequest = (what: string): OperationError =>
  refused('badJoinRequest', `this is no request to join: ${what}; are both nodes of the same version?`);

export const badJoinAnswer = (address: string, what: string): OperationError =>
  refused('badJoinAnswer', `${address} answered what this node does not take: ${what}. Do both run the same version?`);

export const doorBusy = (): OperationError =>
  tryLater('busy', 'too many nodes are joining at this moment; repeat it in a few seconds');
