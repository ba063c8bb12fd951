/**
 * A cluster of real nodes on this machine: made by the command line as an operator makes it, with a network between them
 * that can be broken link by link.
 *
 *     const cluster = await startCluster({ nodes: 3, directory, proxies: true });
 *     await cluster.node('n2').kill();
 *     cluster.cutOneWay('n1', 'n3');
 *     cluster.heal();
 *     await cluster.waitServed();
 *
 * Promises: with proxies, each node dials each other one at a proxy of its own; a node that is down refuses there too;
 * no process is left behind when ours ends.
 * Leaves to others: mail (`process-mailboxes.ts`), temp directories (`process-place.ts`).
 */
import { join } from 'node:path';
import { until } from '../../bench/measure/wait.ts';
import { ClusterNode } from './process-cluster-node.ts';
import { expectDone } from './process-command.ts';
import { type Direction, type Healing, MeshProxy } from './mesh-proxy.ts';
import { formatExit, type NodeSpec } from './process-node.ts';
import { steadyPort } from './process-ports.ts';

export interface ClusterSpec {
  readonly nodes: number;
  /** Each node's data directory and log go into it. */
  readonly directory: string;
  /** A proxy on every directed link. */
  readonly proxies: boolean;
  /** Further node keys of every node. */
  readonly sets?: readonly string[];
  readonly spec?: Pick<NodeSpec, 'program' | 'wrapper' | 'nodeOptions' | 'environment'>;
}

/** A row of `ringpost cluster leaders --json`. */
export interface LeaderRow {
  readonly shard: number;
  readonly leader: string | null;
  readonly term: number;
  readonly voters: readonly string[];
}

/** `ringpost cluster status --json`, as far as it is read. */
export interface ClusterStatus {
  readonly nodes: readonly { readonly id: string; readonly alive: boolean }[];
  readonly shards: { readonly total: number; readonly served: number; readonly atGoal: number };
}

interface Link {
  readonly from: string;
  readonly to: string;
  readonly proxy: MeshProxy;
}

/** Shards grow to three copies, a few at a time, on a busy machine. */
const goalMsMax = 300_000;
const servedMsMax = 60_000;

export async function startCluster(spec: ClusterSpec): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.lay(spec);
  try {
    await cluster.form();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

export class ProcessCluster {
  readonly nodes: readonly ClusterNode[];
  readonly #links: readonly Link[];

  private constructor(nodes: readonly ClusterNode[], links: readonly Link[]) {
    this.nodes = nodes;
    this.#links = links;
  }

  /** Ports, proxies and directories; no process yet. */
  static async lay({ nodes: count, directory, proxies, sets = [], spec = {} }: ClusterSpec): Promise<ProcessCluster> {
    const places: { id: string; mesh: number; smtp: number; submission: number; http: number }[] = [];
    for (let i = 1; i <= count; i++) {
      const [mesh, smtp] = [await steadyPort(), await steadyPort()];
      places.push({ id: `n${i}`, mesh, smtp, submission: await steadyPort(), http: await steadyPort() });
    }
    const links: Link[] = [];
    for (const from of places) {
      for (const to of places) {
        if (!proxies || from === to) continue;
        const proxy = await MeshProxy.start({ port: await steadyPort(), targetPort: to.mesh });
        links.push({ from: from.id, to: to.id, proxy });
      }
    }
    const nodes = places.map(({ id, mesh, smtp, submission, http }) => {
      const dials = links.filter(({ from }) => from === id).map(({ to, proxy }) => `${to}=127.0.0.1:${proxy.port}`);
      const toIt = links.filter(({ to }) => to === id);
      return new ClusterNode({
        ...{ id, dir: join(directory, id), spec },
        ...{ meshPort: mesh, smtpPort: smtp, submissionPort: submission, httpPort: http },
        sets: [
          ...[`mesh.listen=127.0.0.1:${mesh}`, `submission.listen=127.0.0.1:${submission}`],
          ...(dials.length === 0 ? [] : [`mesh.dial=${dials.join(',')}`]),
          ...sets,
        ],
        ends: () => toIt.forEach(({ proxy }) => proxy.targetDies()),
        begins: () => toIt.forEach(({ proxy }) => proxy.targetLives()),
      });
    });
    return new ProcessCluster(nodes, links);
  }

  /** `init`, `join`, `start`; until each shard has all its copies. */
  async form(): Promise<void> {
    const [first, ...others] = this.nodes as [ClusterNode, ...ClusterNode[]];
    await first.make(['init']);
    await first.start();
    for (const node of others) {
      const token = expectDone(await first.cli(['token', 'create']), 'token create')
        .toString('utf8')
        .trim();
      await node.make(['join', `127.0.0.1:${first.meshPort}`, '--token', token]);
      await node.start();
    }
    await this.waitServed({ isAtGoal: true, timeoutMs: goalMsMax });
  }

  /** @throws {Error} when there is none of that name */
  node(id: string): ClusterNode {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`there is no node ${id}`);
    return found;
  }

  /** Nothing passes between two nodes. */
  cut(a: string, b: string): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** What `from` sends does not reach `to`, whoever dialled. */
  cutOneWay(from: string, to: string): void {
    this.#eachWay(from, to, (proxy, direction) => proxy.hold(direction));
  }

  /** From one node to all others, and back, as far as is said. */
  isolate(id: string, ways: 'both' | 'in' | 'out' = 'both'): void {
    for (const { id: other } of this.nodes) {
      if (other === id) continue;
      if (ways !== 'in') this.cutOneWay(id, other);
      if (ways !== 'out') this.cutOneWay(other, id);
    }
  }

  /** What goes from one to the other arrives so much later. */
  delay(from: string, to: string, delayMs: number): void {
    this.#eachWay(from, to, (proxy, direction) => proxy.delay(delayMs, direction));
  }

  /** All links are whole again. */
  heal(how: Healing = 'deliver'): void {
    for (const { proxy } of this.#links) proxy.heal(how);
  }

  /** As a node that lives sees it. */
  leaders(through = this.#someone()): Promise<LeaderRow[]> {
    return through.ask<LeaderRow[]>(['cluster', 'leaders']);
  }

  status(through = this.#someone()): Promise<ClusterStatus> {
    return through.ask<ClusterStatus>(['cluster', 'status']);
  }

  /**
   * Waits until all nodes are alive and each shard has a leader that serves, as each of `through` sees it.
   * @returns milliseconds that it took
   * @throws {Error} with what was seen last
   */
  async waitServed({
    through = this.nodes,
    isAtGoal = false,
    timeoutMs = servedMsMax,
  }: {
    readonly through?: readonly ClusterNode[];
    readonly isAtGoal?: boolean;
    readonly timeoutMs?: number;
  } = {}): Promise<number> {
    let last = 'nothing was asked yet';
    let next = 0;
    const isServed = async (): Promise<boolean> => {
      for (; next < through.length; next++) {
        const node = through[next] as ClusterNode;
        // Nobody starts it while we wait.
        if (node.life.exit !== undefined) throw new Error(`${node.id} has ended: ${formatExit(node.life.exit)}`);
        try {
          const { nodes, shards } = await this.status(node);
          const dead = nodes.filter(({ alive }) => !alive).map(({ id }) => id);
          last = `${node.id} sees ${JSON.stringify(shards)}, not alive: ${dead.join(' ') || 'none'}`;
          const isWhole = shards.served === shards.total && (!isAtGoal || shards.atGoal === shards.total);
          if (!isWhole || dead.length > 0 || nodes.length < this.nodes.length) return false;
        } catch (error) {
          // A node that is busy, or has just ended: it is asked again.
          last = (error as Error).message;
          return false;
        }
      }
      return true;
    };
    try {
      return await until('each shard is served', isServed, timeoutMs);
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${last}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    for (const node of this.nodes) await node.end();
    for (const { proxy } of this.#links) proxy.close();
  }

  #someone(): ClusterNode {
    const node = this.nodes.find(({ isRunning }) => isRunning);
    if (node === undefined) throw new Error('no node runs');
    return node;
  }

  #eachWay(from: string, to: string, act: (proxy: MeshProxy, direction: Direction) => void): void {
    for (const link of this.#links) {
      if (link.from === from && link.to === to) act(link.proxy, 'forward');
      if (link.from === to && link.to === from) act(link.proxy, 'backward');
    }
  }
}
