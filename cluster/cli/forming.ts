/**
 * What `ringpost init` and `ringpost join` do to a data directory.
 *
 *     configuration checked -> ringpost.toml -> (init) header, key, CA, certificate      then: ringpost start --data DIR
 *                                               (join) key, what a member answers, header
 *
 * Promises: wrong words change nothing; cut off anywhere, the command can be repeated, or `start` goes on where it ended.
 * Leaves to others: what is in the files and who may come in (`../identity/`), starting.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { nodeId, randomText } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { parseHostPort } from '../../runtime/config/host-ports.ts';
import { isLoopback } from '../../runtime/config/listeners.ts';
import { type ConfigSources, loadConfig } from '../../runtime/config/load.ts';
import { meshAddress } from '../../runtime/config/mesh-address.ts';
import { keepInNodeFile } from '../../runtime/config/node-file.ts';
import type { Config } from '../../runtime/config/schema.ts';
import { shardCountOfNewCluster } from '../../runtime/node/core.ts';
import { holdsNode, openDataDirectory } from '../../runtime/store/data-directory.ts';
import { prepareFounding } from '../identity/founding.ts';
import { readIdentity } from '../identity/identity-files.ts';
import { join, type Joined } from '../identity/join-client.ts';
import { parseToken } from '../identity/token.ts';
import {
  badJoinTarget,
  joinUnfinished,
  meshAddressShared,
  meshOff,
  meshOnLoopback,
  nodeExists,
  nodeIdNotInFile,
} from './codes.ts';

export interface FormingOrder {
  /** Those of the node alone; settings of the cluster are taken out. */
  readonly sources: ConfigSources;
  /** Null: what the configuration says. */
  readonly node: string | null;
  readonly clock: Clock;
  readonly random: Random;
}

export interface JoinOrder extends FormingOrder {
  readonly address: string;
  readonly token: string;
  /** Of the program. */
  readonly version: string;
}

export interface Formed {
  readonly clusterId: string;
  readonly node: string;
  readonly dataDirectory: string;
  /** Null: the mesh is off. */
  readonly meshAddress: string | null;
  /** Where its keys were kept; null: nowhere. */
  readonly nodeFile: string | null;
}

/** Makes the directory of the first node of a new cluster. @throws {OperationError} `nodeExists`, `joinUnfinished` … */
export async function formCluster(order: FormingOrder): Promise<Formed> {
  const { clock, random } = order;
  const config = configOf(order);
  const { data: path, node } = config;
  await requireNoNode(path, clock);
  if ((await readIdentity(path))?.role === 'joined') throw joinUnfinished(path);
  const nodeFile = keep(order, config);
  const self = nodeId(node.id);
  const create = () => ({ clusterId: randomText(random, 26), nodeId: self, shardCount: shardCountOfNewCluster });
  const directory = openDataDirectory({ path, clock, create });
  try {
    const { clusterId } = directory.header;
    const address = meshAddress(config);
    await prepareFounding({ dataDirectory: path, clusterId, node: self, address: address ?? '', clock });
    return { clusterId, node: self, dataDirectory: path, meshAddress: address, nodeFile };
  } finally {
    directory.close();
  }
}

/** Makes the directory of a node of a cluster that is there. @throws {OperationError} what `join` refuses, and more */
export async function joinCluster(order: JoinOrder): Promise<Formed & Pick<Joined, 'members'>> {
  const { address, token, version, clock } = order;
  const config = configOf(order);
  const own = requireReachable(config, address);
  parseToken(token);
  const { data: path, node } = config;
  if (!holdsNode(path)) keep(order, config);
  const { zone, host, id } = node;
  const joined = await join({
    address,
    token,
    dataDirectory: path,
    node: id,
    meshAddress: own,
    zone,
    host,
    version,
    clock,
  });
  const { clusterId, members } = joined;
  return { clusterId, node: id, dataDirectory: path, meshAddress: own, nodeFile: keep(order, config), members };
}

/** `--node` is the key `node.id` by a shorter name. */
function configOf({ sources, node }: FormingOrder): Config {
  const { config } = loadConfig({
    ...sources,
    sets: [...(sources.sets ?? []), ...(node === null ? [] : [`node.id=${node}`])],
  });
  if (sources.file === undefined) return config;
  const atStart = loadConfig({ ...sources, sets: [] }).config.node.id;
  if (atStart !== config.node.id) throw nodeIdNotInFile(sources.file, config.node.id);
  return config;
}

/** Where a file is named, the node will start by that file. */
function keep({ sources }: FormingOrder, { data, node }: Config): string | null {
  if (sources.file !== undefined) return null;
  return keepInNodeFile(data, [...(sources.sets ?? []), `node.id=${node.id}`]);
}

async function requireNoNode(path: string, clock: Clock): Promise<void> {
  if (!holdsNode(path)) return;
  const directory = openDataDirectory({ path, clock });
  directory.close();
  throw nodeExists(path, directory.header.nodeId);
}

/** The others have to reach it, and where they are told to must not be somebody else. */
function requireReachable(config: Config, joined: string): string {
  const member = parseHostPort(joined);
  if (member === null) throw badJoinTarget(joined);
  const address = meshAddress(config);
  if (address === null) throw meshOff();
  const own = parseHostPort(address);
  const isHere = (host: string): boolean => isLoopback(host) || host === 'localhost';
  if (own === null) return address;
  const isSameHost = own.host === member.host || (isHere(own.host) && isHere(member.host));
  if (isSameHost && own.port === member.port) throw meshAddressShared(joined);
  if (isHere(own.host) && !isHere(member.host)) throw meshOnLoopback(address, joined);
  return address;
}
