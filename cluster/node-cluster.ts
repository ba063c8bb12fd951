/**
 * The cluster as a running node has it: who the node is (files, marks), the mesh, and the `Cluster` over it.
 *
 *     identity files, marks ─> WebSocketTransport <─ addresses ─ map, gossip, configuration
 *                                   │ links                        ^
 *                                   v                              │
 *                                Cluster ── map changed ───────────┴─> mesh.json; certificates renewed; tokens taken over
 *
 * Promises: a lone node serves all its shards when this settles; one of several may have to hear of others first, and
 * routes what it is asked meanwhile.
 * Leaves to others: the parts; what is shown of it (`reporting.ts`).
 */
import { metadataShard } from '../runtime/actor/shard.ts';
import { OperationError } from '../runtime/base/errors.ts';
import type { NodeId } from '../runtime/base/ids.ts';
import { meshAddress } from '../runtime/config/mesh-address.ts';
import type { Config } from '../runtime/config/schema.ts';
import type { CoreParts } from '../runtime/node/core.ts';
import type { Inspection } from '../runtime/node/core-target.ts';
import type { Logger } from '../runtime/observe/logger.ts';
import type { Readings } from '../runtime/observe/metric-table.ts';
import { commitPendingTokens } from './cli/pending-tokens.ts';
import { clusterSummary } from './cli/screens.ts';
import { Cluster } from './cluster.ts';
import { Gossip } from './gossip/gossip.ts';
import { caHash } from './identity/certificates.ts';
import { foundCluster, openIdentity, settleFounding } from './identity/founding.ts';
import { type Identity, writeMembers } from './identity/identity-files.ts';
import { openJoinDoor } from './identity/join-door.ts';
import { type Marks, openMarks } from './identity/marks.ts';
import { renewIfDue } from './identity/renewal.ts';
import { formatToken, newSecret, secretHashOf } from './identity/token.ts';
import { channel } from './mesh/channels.ts';
import type { PeerRefusal } from './mesh/refusal-book.ts';
import { WebSocketTransport } from './mesh/websocket-transport.ts';
import type { AboutNode } from './membership.ts';
import { type ClusterMap, theCluster } from './metadata/protocol.ts';
import { OwnCommands } from './own-commands.ts';
import type { JoinTokenOrder, MadeToken } from './report.ts';
import { Reporting } from './reporting.ts';

export interface NodeClusterOptions {
  readonly config: Pick<Config, 'mesh' | 'node'>;
  /** Nobody chose `mesh.listen`: a port that is taken is no reason to stop. */
  readonly isDefaultListen: boolean;
  readonly version: string;
  /** Kinds of actors whose changes other nodes are told of. */
  readonly hintedKinds: readonly string[];
  readonly log: Logger;
}

/** Copies of a shard in a new cluster. */
const replicasOfNewCluster = 3;
/** A day: certificates live for years. */
const renewalLookMs = 24 * 3_600_000;
/** A node that is restarted daily renews, too. */
const firstLookMs = 60_000;
/** A disk that was copied while its node ran is found out by the marks made since. */
const markEveryMs = 10 * 60_000;

export class NodeCluster {
  readonly cluster: Cluster;
  readonly #o: NodeClusterOptions;
  readonly #parts: CoreParts;
  readonly #about: AboutNode;
  readonly #marks: Marks;
  readonly #transport: WebSocketTransport;
  readonly #gossip: Gossip;
  readonly #commands: OwnCommands;
  readonly #reporting: Reporting;
  readonly #cancels = new Map<string, () => void>();
  #identity: Identity;
  #map: ClusterMap | null = null;
  /** Who refuses this node for good. */
  readonly #disowning = new Set<string>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(o: NodeClusterOptions, parts: CoreParts, identity: Identity, marks: Marks) {
    this.#o = o;
    this.#parts = parts;
    this.#identity = identity;
    this.#marks = marks;
    const { node, mesh } = o.config;
    const address = meshAddress({ mesh });
    this.#about = { address: address ?? '', zone: node.zone, host: node.host, version: o.version };
    this.#reporting = new Reporting({
      ...{
        clock: parts.clock,
        self: parts.self,
        version: o.version,
        incarnation: marks.incarnation,
        meshAddress: address,
      },
      clusterId: parts.directory.header.clusterId,
      shardCount: parts.shardCount,
    });
    this.#transport = this.#newTransport();
    this.cluster = this.#newCluster();
    this.#gossip = this.#newGossip();
    this.#commands = new OwnCommands(this.cluster.router, parts.self, parts.random);
    this.#reporting.of(this.cluster, this.#transport);
  }

  /** @throws {OperationError} what is wrong with the identity, the marks, the log, or the address to listen on */
  static async open(o: NodeClusterOptions, parts: CoreParts): Promise<NodeCluster> {
    const { self, clock, random, tree, directory } = parts;
    const place = { dataDirectory: directory.path, clusterId: directory.header.clusterId, node: self, clock };
    const identity = await openIdentity({ ...place, address: meshAddress(o.config) ?? '' }, tree);
    const node = new NodeCluster(o, parts, identity, await openMarks(tree, random));
    await node.#listen();
    node.#findPeers();
    await node.#serveAlone();
    return node;
  }

  /** What is asked of the core and is the cluster's to answer. */
  get inspections(): ReadonlyMap<string, Inspection> {
    return new Map<string, Inspection>([
      ['cluster', () => this.#reporting.report(this.#map)],
      ['clusterSummary', () => clusterSummary(this.#reporting.report(this.#map))],
      ['createJoinToken', (order) => this.#createToken(order as JoinTokenOrder)],
    ]);
  }

  readings(): Readings {
    const { lanes, links } = this.#transport.stats();
    const all = Object.entries(lanes);
    return {
      ringpost_mesh_in_bytes: all.map(([lane, { bytesIn }]) => [lane, bytesIn]),
      ringpost_mesh_out_bytes: all.map(([lane, { bytesOut }]) => [lane, bytesOut]),
      ringpost_mesh_links: links,
      ringpost_shards_led: this.cluster.host.claims().length,
    };
  }

  async #listen(): Promise<void> {
    const { log, isDefaultListen } = this.#o;
    try {
      await this.#transport.open();
    } catch (error) {
      if (!isDefaultListen || !(error instanceof OperationError)) throw error;
      this.#reporting.meshProblem = error.data.text;
      log.warn({ code: error.data.code }, `no other node can join here: ${error.data.text}`);
    }
  }

  /** A cluster of one elects itself: all is served when it says that it is ready. */
  async #serveAlone(): Promise<void> {
    const { host } = this.cluster;
    const last = metadataShard(this.#parts.shardCount);
    if (!host.status().every(({ configuration }) => configuration.voters.length === 1)) return;
    while (host.leader(last) === this.#parts.self && !host.serves(last)) {
      await new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
    }
  }

  #connected(): void {
    this.#gossip.say({ address: this.#about.address, version: this.#about.version, load: 0 });
    this.#every('renewal', renewalLookMs, () => this.#renew(), firstLookMs);
    this.#every('mark', markEveryMs, async () => {
      await this.#marks.next();
      this.cluster.membership.say();
    });
    void this.#takeOverTokens();
  }

  async #stop(): Promise<void> {
    for (const cancel of this.#cancels.values()) cancel();
    this.#gossip.stop();
    await this.#transport.close();
    await this.#writing;
  }

  /** Again and again; what fails is tried again the next time. */
  #every(name: string, everyMs: number, act: () => Promise<void>, firstMs = everyMs): void {
    const { clock } = this.#parts;
    this.#cancels.set(
      name,
      clock.after(firstMs, () => {
        this.#every(name, everyMs, act);
        act().catch((err: unknown) => this.#o.log.warn({ err }, `${name} failed, and is tried again`));
      }),
    );
  }

  #mapChanged(map: ClusterMap): void {
    if (this.#map === null && this.#identity.role === 'founder') void this.#settleFounding(map);
    this.#map = map;
    this.#reporting.mapChanged(map);
    const nodes = map.nodes.filter(({ state }) => state !== 'removed');
    this.#gossip.membersAre(nodes.map(({ id }) => id));
    this.#findPeers();
    const { clusterId, generation } = map;
    const role = this.#identity.role;
    const members = { clusterId, generation, role, nodes: nodes.map(({ id, address }) => ({ id, address })) };
    const { path } = this.#parts.directory;
    this.#writing = this.#writing
      .then(() => writeMembers(path, members))
      // The map is in the store; this file is for a start without one.
      .catch((err: unknown) => this.#o.log.error({ err }, 'mesh.json could not be written; it is, at the next change'));
  }

  /** A crash may have come between the commit of the first map and the end of founding. */
  async #settleFounding(map: ClusterMap): Promise<void> {
    const { directory, self, fatal } = this.#parts;
    try {
      const settled = await settleFounding(directory.path, this.#identity, map, self);
      if (settled === this.#identity) return;
      this.#identity = settled;
      this.#transport.identityChanged();
    } catch (error) {
      // The key is not the one that the cluster knows this node by: no link would come up.
      fatal(error);
    }
  }

  /** Where each member may be: what the operator says, else what the map, gossip and the last life say. */
  #findPeers(): void {
    const { mesh } = this.#o.config;
    const mapped = this.#map?.nodes.filter(({ state }) => state !== 'removed');
    const nodes = mapped ?? this.#identity.nodes;
    this.#transport.peersAre(
      nodes
        .filter(({ id }) => id !== this.#parts.self)
        .map(({ id, address }) => {
          const fixed = mesh.dial.filter(({ node }) => node === id).map((each) => each.address);
          if (fixed.length > 0) return { node: id, addresses: fixed, isFixed: true };
          const known = [address, ...this.#gossip.addressesOf(id)].filter((each) => each !== '');
          return { node: id, addresses: [...new Set(known)], elsewhere: mesh.seeds };
        }),
    );
  }

  async #renew(): Promise<void> {
    const { clock, self: node, directory } = this.#parts;
    const where = { node, dataDirectory: directory.path, commands: this.#commands, clock };
    const renewed = await renewIfDue({ identity: this.#identity, ...where });
    if (renewed === null) return;
    this.#identity = renewed;
    this.#transport.identityChanged();
  }

  async #createToken({ expiresInMs }: JoinTokenOrder): Promise<MadeToken> {
    const { random, clock } = this.#parts;
    const secret = newSecret(random);
    const order = { secretHash: secretHashOf(secret), expiresMs: clock.nowMs() + expiresInMs };
    const { expiresMs } = await this.#commands.ask(theCluster, { kind: 'createToken', ...order });
    const token = formatToken({ caHash: caHash(this.#identity.caCertificate), secret });
    return { token, expiresMs, address: this.#about.address === '' ? null : this.#about.address };
  }

  /** Those that were made while this node did not run. */
  async #takeOverTokens(): Promise<void> {
    const { directory, clock } = this.#parts;
    const { log } = this.#o;
    try {
      const refusals = await commitPendingTokens(directory.path, clock, (token) =>
        this.#commands.ask(theCluster, { kind: 'createToken', ...token }),
      );
      for (const { data } of refusals)
        log.warn({ code: data.code }, `a token to join is not good any more: ${data.text}`);
    } catch (err) {
      if (err instanceof OperationError && err.data.transient) {
        this.#cancels.set(
          'tokens',
          clock.after(1_000, () => void this.#takeOverTokens()),
        );
      } else log.error({ err }, 'tokens that were made while this node did not run could not be taken over');
    }
  }

  #newTransport(): WebSocketTransport {
    const { clock, random, self, directory } = this.#parts;
    const { clusterId } = directory.header;
    const { log, config } = this.#o;
    const commands = (): OwnCommands => this.#commands;
    const door = openJoinDoor({
      commands: {
        ask: (ref, command, timeoutMs) => commands().ask(ref, command, timeoutMs),
        query: (ref, query) => commands().query(ref, query),
      },
      clock,
      told: ({ node, refusedWith }) => {
        const peer = node ?? 'a stranger';
        if (refusedWith === null) log.info({ peer }, `${peer} was let into the cluster`);
        else log.warn({ peer, code: refusedWith.code }, `${peer} was not let in: ${refusedWith.text}`);
      },
    });
    return new WebSocketTransport({
      ...{ clock, random, log },
      listen: config.mesh.listen,
      own: () => ({
        ...{ clusterId, generation: this.#map?.generation ?? this.#identity.generation, node: self },
        ...{ incarnation: this.#marks.incarnation, marks: this.#marks.marks() },
        ...{ address: this.#about.address, version: this.#about.version },
      }),
      identity: () => {
        const { certificate, key, caCertificate } = this.#identity;
        return { certificatePem: certificate, keyPem: key, caPem: caCertificate };
      },
      known: (node) => this.#map?.nodes.find(({ id }) => id === node) ?? null,
      join: () => (this.#map === null ? null : door),
      refused: (refusal) => this.#refused(refusal),
    });
  }

  /** Half of the others say that this disk is not this node's any more: going on would only be in their way. */
  #refused({ of, by, code, text }: PeerRefusal): void {
    if (by === 'us' || (code !== 'diskOlder' && code !== 'nodeRemoved')) return;
    this.#disowning.add(of);
    const others = (this.#map?.nodes ?? this.#identity.nodes).length - 1;
    if (2 * this.#disowning.size < others) return;
    this.#parts.fatal(new OperationError({ code, transient: false, text }));
  }

  #newCluster(): Cluster {
    const { directory, ...parts } = this.#parts;
    const { log, hintedKinds } = this.#o;
    const { self, clock, shardCount } = parts;
    const { role, nodes } = this.#identity;
    const refused = (from: NodeId, what: string, err: unknown): void => {
      log.warn({ peer: from, err }, `${from} sent ${what} that cannot be; nothing of it was taken`);
    };
    return new Cluster({
      ...{ parts, transport: this.#transport, about: this.#about, hintedKinds },
      ...{ incarnation: this.#marks.incarnation, marks: () => this.#marks.marks() },
      known: nodes.map(({ id }) => id),
      found:
        role === 'joined'
          ? undefined
          : async (commands) => {
              const { clusterId } = directory.header;
              const { address, zone, host } = this.#about;
              const place = { dataDirectory: directory.path, clusterId, node: self, address, clock };
              const made = { commands, shardCount, replicas: replicasOfNewCluster, zone, host };
              this.#identity = (await foundCluster({ ...place, ...made })).identity;
              this.#transport.identityChanged();
            },
      events: {
        refused,
        mapChanged: (map) => this.#mapChanged(map),
        undeliverable: (err) => log.warn({ err }, 'a notice waits: a body of it cannot be read here'),
        alive: (node, isAlive) => {
          log.info({ peer: node, isAlive }, isAlive ? `${node} answers` : `${node} does not answer`);
          this.#reporting.alive(node, isAlive);
        },
        shouldLead: (shouldLead, reason) => {
          log.warn({ shouldLead }, shouldLead ? 'this node may lead again' : `this node leads nothing: ${reason}`);
          this.#reporting.unfitReason = shouldLead ? null : reason;
        },
        damage: (what, shard) => log.error({ shard }, `shard ${shard}: ${what}; it is repaired from the other nodes`),
        waits: (err) => log.info({ err }, 'this node is not in the map yet, and tries again'),
        led: (shard) => this.#reporting.led(shard),
        connected: () => this.#connected(),
        stopped: () => this.#stop(),
      },
    });
  }

  #newGossip(): Gossip {
    const { self, clock } = this.#parts;
    const transport = this.cluster.channel(channel.gossip);
    const gossip = new Gossip({
      ...{ self, clock, transport, incarnation: this.#marks.incarnation },
      helloOf: (peer) => this.#transport.helloOf(peer),
      changed: () => this.#findPeers(),
      refused: (from, reason) => this.#o.log.warn({ peer: from }, `${from} gossips what cannot be: ${reason}`),
    });
    transport.listen(gossip);
    return gossip;
  }
}
