/**
 * Our own program as a cluster: `init` on the first node, `join` on the others, all on this machine.
 *
 * Promises: it is under load only once every shard has all its copies and leaders are spread; nothing of it stays behind
 * when it does not get that far. Accounts are made through the first node. It forms a new cluster each time, so it wants an
 * empty directory.
 */
import { join } from 'node:path';
import { systemClock } from '../../runtime/base/clock.ts';
import { type ClusterFacts, factsOf } from '../../cluster/cli/facts.ts';
import type { ClusterReport } from '../../cluster/report.ts';
import { ringpostVersion } from '../measure/machine.ts';
import { pause, until } from '../measure/wait.ts';
import { adminCall } from './admin-call.ts';
import { Child, freePort, nodeProgram, settleByCpu } from './child.ts';
import { isSpread, leadsOf, missingOf, type ShardLeader } from './cluster-shape.ts';
import { nodeCounts } from './node-counts.ts';
import { isReady } from './ringpost.ts';
import { addDomain, importAccounts } from './ringpost-accounts.ts';
import { ringpostCli, ringpostProgram } from './ringpost-cli.ts';
import type { RunningServer, StartOptions } from './server.ts';

const startMsMax = 60_000;
/** 256 shards are copied twice. */
const growMsMax = 600_000;
const spreadMsMax = 120_000;
/** Looking costs CPU, which the cluster needs to grow. */
const lookEveryMs = 1_000;
const stopMsMax = 30_000;
/** A cluster at rest does work, so that it is never as quiet as a lone server; it is not waited for long. */
const settleOptions = { shareMax: 0.1, timeoutMs: 5_000 };

/** @throws {Error} when it is not whole in time, with what is missing */
export async function startRingpostCluster(options: StartOptions, nodeCount: number): Promise<RunningServer> {
  if (options.outbound !== undefined) throw new Error('a cluster of the bench takes mail in only');
  const startedMs = systemClock.monotonicMs();
  const nodes: ClusterNode[] = [];
  try {
    for (let number = 1; number <= nodeCount; number++) {
      const node = await ClusterNode.place(options.dataDir, `n${number}`);
      nodes.push(node);
      const [first] = nodes;
      if (first === node) await node.init();
      else await node.join(first as ClusterNode);
      await node.start(options.sets);
    }
    const [first] = nodes as [ClusterNode];
    await untilWhole(first, nodes);
    const startMs = systemClock.monotonicMs() - startedMs;
    await addDomain(first.socketPath);
    await importAccounts(first.socketPath, 0, options.accounts);
    return runningServer(nodes, first, startMs);
  } catch (error) {
    // What was started of it ends with it; why it did not come up is what counts.
    await Promise.allSettled(nodes.map((node) => node.kill()));
    throw error;
  }
}

function runningServer(nodes: readonly ClusterNode[], first: ClusterNode, startMs: number): RunningServer {
  const pids = nodes.map(({ pid }) => pid);
  return {
    name: 'ringpost',
    version: `${ringpostVersion()} of ${nodes.length} nodes`,
    smtpPort: first.smtpPort,
    rootPids: pids,
    startMs,
    nodes: nodes.map((node) => ({
      name: node.name,
      smtpPort: node.smtpPort,
      counts: () => nodeCounts(node.name, node.httpPort),
    })),
    leaders: () => leadersOf(first),
    settle: () => settleByCpu(pids, settleOptions),
    stop: () => all(nodes.map((node) => node.stop())),
    kill: () => all(nodes.map((node) => node.kill())),
  };
}

/** As `Promise.all`, but nobody is left under way when one fails. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

async function untilWhole(first: ClusterNode, nodes: readonly ClusterNode[]): Promise<void> {
  let missing = 'nothing is known';
  const told = (error: unknown): never => {
    throw new Error(`${error instanceof Error ? error.message : String(error)}: ${missing}`);
  };
  const isWhole = async (): Promise<boolean> => {
    await pause(lookEveryMs);
    const views = await Promise.all(nodes.map((node) => node.facts()));
    const [view] = views as [ClusterFacts];
    const shards = views.flatMap(({ report, shards }) => shards.map((shard) => ({ ...shard, by: report.self.id })));
    missing = missingOf(view, shards, nodes.length);
    return missing === '';
  };
  await until('every shard has all its copies', isWhole, growMsMax).catch(told);
  const names = nodes.map(({ name }) => name);
  const isEven = async (): Promise<boolean> => {
    await pause(lookEveryMs);
    const leaders = await leadersOf(first);
    missing = names.map((name) => `${name} leads ${leadsOf(leaders, name)}`).join(', ');
    return isSpread(leaders, names);
  };
  await until('leaders are spread over the nodes', isEven, spreadMsMax).catch(told);
}

async function leadersOf(node: ClusterNode): Promise<readonly ShardLeader[]> {
  return (await node.facts()).shards;
}

class ClusterNode {
  readonly name: string;
  readonly dataDir: string;
  readonly smtpPort: number;
  readonly httpPort: number;
  readonly #meshPort: number;
  readonly #logPath: string;
  #child: Child | undefined;

  private constructor(root: string, name: string, [smtp, http, mesh]: readonly [number, number, number]) {
    this.name = name;
    this.dataDir = join(root, name);
    this.smtpPort = smtp;
    this.httpPort = http;
    this.#meshPort = mesh;
    this.#logPath = join(root, `${name}.log`);
  }

  /** Where it will be; nothing is made yet. */
  static async place(root: string, name: string): Promise<ClusterNode> {
    return new ClusterNode(root, name, [await freePort(), await freePort(), await freePort()]);
  }

  get socketPath(): string {
    return join(this.dataDir, 'admin.sock');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async init(): Promise<void> {
    await ringpostCli(['init', ...this.#words()]);
  }

  async join(member: ClusterNode): Promise<void> {
    const token = await ringpostCli(['token', 'create', '--data', member.dataDir]);
    await ringpostCli(['join', `127.0.0.1:${member.#meshPort}`, '--token', token.trim(), ...this.#words()]);
  }

  async start(sets: readonly string[]): Promise<void> {
    const args = [ringpostProgram, 'start', '--data', this.dataDir, ...sets.flatMap((set) => ['--set', set])];
    this.#child = new Child(nodeProgram(), args, this.#logPath);
    await this.#child.ready(`${this.name} does not start`, () => isReady(this.httpPort), startMsMax);
  }

  /** The cluster as it sees it: not by the command line, whose processes would cost more than what is looked at. */
  async facts(): Promise<ClusterFacts> {
    return factsOf(JSON.parse(await adminCall(this.socketPath, 'cluster-report', {})) as ClusterReport);
  }

  async stop(): Promise<void> {
    await this.#child?.stop(stopMsMax);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  #words(): string[] {
    return [
      ...['--data', this.dataDir, '--node', this.name],
      ...['--set', `mesh.listen=127.0.0.1:${this.#meshPort}`],
      ...['--set', `smtp.listen=127.0.0.1:${this.smtpPort}`],
      ...['--set', `http.listen=127.0.0.1:${this.httpPort}`],
    ];
  }
}
