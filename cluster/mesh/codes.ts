/** Every operating error and refusal of the mesh. Each text says what is wrong and what cures it. */
import { type OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

/** Why two nodes do not link: plain data, since the other side is told too. */
export interface LinkRefusal {
  /** camelCase and stable. */
  readonly code: string;
  readonly text: string;
}

export const linkRefusals = {
  wrongName: (said: string, certificate: string): LinkRefusal => ({
    code: 'wrongName',
    text: `a node says that it is ${said}, and its certificate is for ${certificate}. Is mesh-certificate.pem of its data directory its own?`,
  }),
  /** The same, before a word was said. */
  otherNode: (meant: string, address: string, shown: string): LinkRefusal => ({
    code: 'wrongName',
    text: `${meant} was looked for at ${address}, and ${shown} is there. Look at mesh.advertise of both, and at mesh.dial and mesh.seeds here`,
  }),
  otherCluster: (node: string): LinkRefusal => ({
    code: 'otherCluster',
    text: `${node} belongs to another cluster. Look at the addresses: each cluster has its own certificate authority, and none is merged with another`,
  }),
  otherGeneration: (node: string, theirs: number, ours: number): LinkRefusal => ({
    code: 'otherGeneration',
    text: `${node} is of generation ${theirs} of this cluster, this node of ${ours}: the older one was given up by a recovery and joins again with an empty data directory`,
  }),
  protocolTooOld: (node: string, version: string): LinkRefusal => ({
    code: 'protocolTooOld',
    text: `${node} runs version ${version}, too old for this node: upgrade ${node}, one version after another`,
  }),
  protocolTooNew: (node: string, version: string): LinkRefusal => ({
    code: 'protocolTooNew',
    text: `${node} runs version ${version}, too new for this node: upgrade this node, one version after another`,
  }),
  selfLink: (node: string): LinkRefusal => ({
    code: 'selfLink',
    text: `an address that is said to be another node's leads to ${node} itself, or a second process runs under its name. Look at mesh.advertise, and stop the second one`,
  }),
  nodeRemoved: (node: string): LinkRefusal => ({
    code: 'nodeRemoved',
    text: `${node} was removed from the cluster; it joins again with an empty data directory and under another name`,
  }),
  olderIncarnation: (node: string, said: number, known: number): LinkRefusal => ({
    code: 'olderIncarnation',
    text: `${node} says that this is its start ${said}, and start ${known} is known: an older process or disk of it is about. Stop it, or let the node join again with an empty data directory and under another name`,
  }),
  diskOlder: (node: string): LinkRefusal => ({
    code: 'diskOlder',
    text: `the disk of ${node} does not remember what it has shown before: an older or another one was put in its place. Mail that it acknowledged would be missing, so let it join again with an empty data directory and under another name`,
  }),
  badHello: (node: string, what: string): LinkRefusal => ({
    code: 'badHello',
    text: `${node} does not say hello as it should: ${what}. Do both nodes run versions that fit?`,
  }),
  /** By TLS: before anybody has said a word. */
  foreignCertificate: (where: string, what: string): LinkRefusal => ({
    code: 'foreignCertificate',
    text: `the certificate shown by ${where} is not of this cluster's authority (${what}). Another cluster, or another program, listens there`,
  }),
  certificateRefused: (where: string): LinkRefusal => ({
    code: 'certificateRefused',
    text: `${where} does not take this node's certificate. Does it belong to another cluster, has the certificate expired, or is a clock wrong?`,
  }),
  certificateTime: (where: string, what: string): LinkRefusal => ({
    code: 'certificateTime',
    text: `the certificate of ${where} is not valid at this moment (${what}). Compare the clocks; an expired one is renewed by its node as soon as that is linked`,
  }),
} as const;

/** A peer sent what cannot be: its link is broken. */
export function messageRefused(what: string): OperationError {
  return refused('messageRefused', `what a peer sent was refused: ${what}. Do both nodes run versions that fit?`);
}

export function meshListenFailed(address: string, cause: unknown): OperationError {
  const why = (cause as { code?: unknown } | null)?.code;
  const text =
    why === 'EADDRINUSE'
      ? `the mesh cannot listen on ${address}: another program does. Stop that, or set mesh.listen to another port`
      : `the mesh cannot listen on ${address} (${String(why ?? cause)}). Set mesh.listen to an address of this machine`;
  return refused('meshListenFailed', text);
}

/** What a stranger is told at the door. */
export const doorRefusals = {
  certificateRequired: refused('certificateRequired', 'only nodes of this cluster are let in here').data,
  noSuchPlace: refused('noSuchPlace', 'a node of this cluster finds /v1/mesh here, and one that wants to join /v1/join')
    .data,
  joinTooLarge: refused('joinTooLarge', 'a request to join is no longer than 16 KiB').data,
  joinUnreadable: refused('joinUnreadable', 'a request to join is JSON').data,
  joinClosed: tryLater('joinClosed', 'this node is not ready to let others in; try again in some seconds').data,
} as const;
