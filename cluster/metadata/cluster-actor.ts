/**
 * The cluster's own actor: the map of the nodes, the tokens that let new ones in, and the key of the cluster's CA.
 *
 * Promises: what was said before holds (a token for one key, a name for one key, a node's newest mark); asking again
 * changes nothing; the map's version grows with each change of it; nobody but nodes reads the CA's key.
 * Leaves to others: the decisions (`cluster-rules.ts`), certificates (`../identity/`), where shards go (`../placement/`).
 */
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import type { OperationError } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import {
  isHash,
  judgeJoiner,
  judgeStart,
  judgeToken,
  recordsMax,
  type TokenRow,
  tokenEnd,
  tokensMax,
  unfitCertificate,
  unfitFounding,
  unfitNode,
  unfitStart,
} from './cluster-rules.ts';
import {
  badRecord,
  clusterFounded,
  nodeRemoved,
  nodeUnknown,
  notAllowed,
  notFounded,
  tooManyTokens,
  unknownCommand,
} from './codes.ts';
import {
  type ClusterAnswers,
  type ClusterCommand,
  type ClusterMap,
  type ClusterProtocol,
  type ClusterQuery,
  type NodeRecord,
  theCluster,
} from './protocol.ts';

/** The map without its nodes, which have a row each: a start writes one of them, not all. */
type MapRow = Omit<ClusterMap, 'nodes'>;

const mapKey = ['m'] as const;
/** Not in the map's row, which everybody may see. */
const caKeyKey = ['k'] as const;
const nodeKey = (node: string): readonly string[] => ['n', node];
const tokenKey = (secretHash: string): readonly string[] => ['t', secretHash];

type CommandOf<Kind extends ClusterCommand['kind']> = ClusterCommand & { readonly kind: Kind };

export const clusterActor: ActorKind<ClusterProtocol> = {
  kind: theCluster.kind,
  rowVersion: 1,
  command(turn, command) {
    switch (command.kind) {
      case 'found':
        return found(turn, command);
      case 'createToken':
        return createToken(turn, command);
      case 'admit':
        return admit(turn, command);
      case 'started':
        return started(turn, command);
      case 'renew':
        return renew(turn, command);
      default:
        throw unknownCommand((command as { readonly kind: string }).kind);
    }
  },
  query(view, query) {
    switch (query.kind) {
      case 'map':
        return readMap(view);
      case 'ca':
        return readCa(view);
      case 'mayAdmit':
        return mayAdmit(view, query);
      default:
        throw unknownCommand((query as { readonly kind: string }).kind);
    }
  },
};

function found(turn: Turn, command: CommandOf<'found'>): ClusterMap {
  nodesOnly(turn, 'founding a cluster');
  refuseUnfit(unfitFounding(command));
  const { clusterId, shardCount, replicas, caCertificate, caKey, node } = command;
  const known = readMap(turn);
  if (known !== null) {
    const isSame = known.clusterId === clusterId && known.nodes.some(isOf(node.id, node.keyHash));
    if (!isSame) throw clusterFounded(known.clusterId);
    return known;
  }
  turn.put(mapKey, { clusterId, generation: 1, shardCount, replicas, caCertificate, version: 0 } satisfies MapRow);
  turn.put(caKeyKey, caKey);
  return change(turn, { ...node, state: 'member', admittedMs: turn.nowMs, started: null });
}

const isOf = (node: NodeId, keyHash: string) => (record: NodeRecord) =>
  record.id === node && record.keyHash === keyHash;

function createToken(turn: Turn, { secretHash, expiresMs }: CommandOf<'createToken'>): ClusterAnswers['createToken'] {
  if (turn.principal.kind !== 'operator') nodesOnly(turn, 'letting nodes in');
  if (!isHash(secretHash)) throw badRecord('secretHash is no SHA-256 in base64url');
  requireMap(turn);
  const known = turn.get<TokenRow>(tokenKey(secretHash));
  if (known !== undefined) return { expiresMs: known.expiresMs };
  const end = tokenEnd(expiresMs, turn.nowMs);
  if (typeof end !== 'number') throw end;
  if (sweepTokens(turn) >= tokensMax) throw tooManyTokens(tokensMax);
  turn.put(tokenKey(secretHash), { expiresMs: end, usedBy: null } satisfies TokenRow);
  return { expiresMs: end };
}

/** @returns how many are left */
function sweepTokens(turn: Turn): number {
  const tokens = turn.range<TokenRow>({ prefix: ['t'], limit: tokensMax });
  const expired = tokens.filter(({ value }) => value.expiresMs <= turn.nowMs);
  for (const { key } of expired) turn.delete(key);
  return tokens.length - expired.length;
}

function admit(turn: Turn, { secretHash, node }: CommandOf<'admit'>): ClusterAnswers['admit'] {
  nodesOnly(turn, 'letting a node in');
  refuseUnfit(unfitNode(node));
  const joiner = { node: node.id, keyHash: node.keyHash };
  const { map, token, known } = judged(turn, secretHash, joiner);
  if (token.usedBy === null) turn.put(tokenKey(secretHash), { ...token, usedBy: joiner } satisfies TokenRow);
  if (known === undefined) {
    const after = change(turn, { ...node, state: 'member', admittedMs: turn.nowMs, started: null });
    return { map: after, certificate: node.certificate };
  }
  const { address, zone, host } = node;
  const isMoved = known.address !== address || known.zone !== zone || known.host !== host;
  return { map: isMoved ? change(turn, { ...known, address, zone, host }) : map, certificate: known.certificate };
}

function started(turn: Turn, command: CommandOf<'started'>): ClusterMap {
  nodesOnly(turn, 'starting a node');
  refuseUnfit(unfitStart(command));
  const map = requireMap(turn);
  const known = map.nodes.find(({ id }) => id === command.node);
  const refusal = judgeStart(known, command);
  if (refusal !== null || known === undefined) throw refusal ?? nodeUnknown(command.node);
  const { address, zone, host, incarnation, mark, version } = command;
  const now = { incarnation, mark: { number: mark.number, nonce: mark.nonce }, version };
  const before = known.started;
  const isRepeated =
    before !== null &&
    before.incarnation === incarnation &&
    before.mark.number === mark.number &&
    before.version === version &&
    known.address === address &&
    known.zone === zone &&
    known.host === host;
  return isRepeated ? map : change(turn, { ...known, address, zone, host, started: { ...now, atMs: turn.nowMs } });
}

function renew(turn: Turn, { node, keyHash, certificate }: CommandOf<'renew'>): ClusterMap {
  nodesOnly(turn, 'renewing a certificate');
  if (turn.principal.id !== node) throw notAllowed(`renewing the certificate of ${node}`);
  refuseUnfit(unfitCertificate(certificate));
  const map = requireMap(turn);
  const known = map.nodes.find(isOf(node, keyHash));
  if (known === undefined) throw nodeUnknown(node);
  if (known.state === 'removed') throw nodeRemoved(node);
  return known.certificate === certificate ? map : change(turn, { ...known, certificate });
}

function readMap(view: View): ClusterMap | null {
  const row = view.get<MapRow>(mapKey);
  if (row === undefined) return null;
  return { ...row, nodes: view.range<NodeRecord>({ prefix: ['n'], limit: recordsMax }).map(({ value }) => value) };
}

function readCa(view: View): ClusterAnswers['ca'] {
  nodesOnly(view, "the CA's key");
  const { caCertificate: certificate } = requireMap(view);
  const key = view.get<string>(caKeyKey);
  if (key === undefined) throw notFounded();
  return { certificate, key };
}

function mayAdmit(view: View, query: ClusterQuery & { readonly kind: 'mayAdmit' }): ClusterAnswers['mayAdmit'] {
  nodesOnly(view, 'letting a node in');
  const { node, keyHash } = query;
  const { known } = judged(view, query.secretHash, { node, keyHash });
  return { certificate: known?.certificate ?? null };
}

/** @throws {OperationError} what keeps the joiner out */
function judged(view: View, secretHash: string, joiner: { readonly node: string; readonly keyHash: string }) {
  const map = requireMap(view);
  // What is no hash cannot be in a key, and nobody was given it.
  const token = isHash(secretHash) ? view.get<TokenRow>(tokenKey(secretHash)) : undefined;
  const refusal = judgeToken(token, joiner, view.nowMs) ?? judgeJoiner(map.nodes, joiner);
  if (refusal !== null) throw refusal;
  return { map, token: token as TokenRow, known: map.nodes.find(({ id }) => id === joiner.node) };
}

/** Writes one node and, with the next version, the map. */
function change(turn: Turn, record: NodeRecord): ClusterMap {
  turn.put(nodeKey(record.id), record);
  const { nodes, ...row } = requireMap(turn);
  const next = { ...row, version: row.version + 1 };
  turn.put(mapKey, next satisfies MapRow);
  return { ...next, nodes };
}

function requireMap(view: View): ClusterMap {
  const map = readMap(view);
  if (map === null) throw notFounded();
  return map;
}

function nodesOnly({ principal }: View, what: string): void {
  if (principal.kind !== 'node') throw notAllowed(what);
}

function refuseUnfit(refusal: OperationError | null): void {
  if (refusal !== null) throw refusal;
}
