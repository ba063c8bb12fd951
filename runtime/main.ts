/**
 * The `ringpost` program: the only file that knows the runtime, the mail and the cluster.
 *
 *     words -> rows of the command line -> (start, quickstart) a node   or   (all others) a running node's admin API
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { accounts } from '../actors/account/protocol.ts';
import { addresses } from '../actors/address/protocol.ts';
import { mailCliRows, mailNouns } from '../actors/admin/cli-rows.ts';
import { dueTopic } from '../actors/delivery-domain/due-topic.ts';
import { deliveryDomains, deliveryDueTopic } from '../actors/delivery-domain/protocol.ts';
import { QueueGauges } from '../actors/delivery-domain/queue-gauges.ts';
import { dnsServersOf, edgeSpecs } from '../actors/edge/edge-specs.ts';
import { accountChangedTopic } from '../actors/edge/smtp/known-accounts.ts';
import { addressChangedTopic, domainChangedTopic } from '../actors/edge/smtp/known-addresses.ts';
import { localDomains } from '../actors/local-domain/protocol.ts';
import { parseAddress } from '../actors/mail/address.ts';
import { clusterSettings } from '../actors/settings/protocol.ts';
import { seedSettings, settingNames, splitSets } from '../actors/settings/seeds.ts';
import { clusterNouns, clusterRows } from '../cluster/cli/cluster-rows.ts';
import { formingRows } from '../cluster/cli/forming-rows.ts';
import { withJoinTokens } from '../cluster/cli/token-row.ts';
import type { NodeCluster } from '../cluster/node-cluster.ts';
import { actorKeys } from './actor/actor-keys.ts';
import { systemClock } from './base/clock.ts';
import { shardId } from './base/ids.ts';
import { OperationError } from './base/errors.ts';
import { assertLimits } from './base/limits.ts';
import { systemRandom } from './base/random.ts';
import { systemIo } from './cli/io.ts';
import { type NodeCommands, nodeNouns, nodeRows } from './cli/node-rows.ts';
import { runCli } from './cli/run.ts';
import { dropFirstSettings, keepFirstSettings, readFirstSettings } from './config/first-settings.ts';
import { loadConfig, type LoadedConfig } from './config/load.ts';
import { isDefaultMeshListen } from './config/mesh-address.ts';
import { keepInNodeFile } from './config/node-file.ts';
import type { Core } from './node/core.ts';
import type { Topic } from './node/core-target.ts';
import type { Logger } from './observe/logger.ts';
import type { CoreApi } from './threads/core-api.ts';

const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;

/** What a person types to run this program again: a clone is not on the PATH. */
const program = import.meta.url.includes('/node_modules/') ? 'ringpost' : 'npx ringpost';

/** A first look must not need a privilege, nor be reachable from outside, nor bury what it says in log lines. */
const quickstartDefaults = { 'smtp.listen': '127.0.0.1:2525', 'http.listen': '127.0.0.1:8025', 'log.level': 'warn' };

/**
 * `settings`: all cluster settings but their secrets, now and at every change; `addressChanged`, `domainChanged`,
 * `accountChanged`: the key of each of them that changes (null: any of them may have); `deliveryDue`: of each delivery
 * domain that has work and is led here.
 */
function topicsOf({ engine }: Core, { cluster }: NodeCluster): ReadonlyMap<string, Topic> {
  const principal = { kind: 'node', id: 'settings' } as const;
  const settings: Topic = (publish) => {
    const read = (): void =>
      cluster.router.query({ ...clusterSettings, query: { kind: 'all' }, principal }, (outcome) => {
        if (outcome.ok) publish(outcome.answer);
      });
    read();
    const ends = [engine.watch(clusterSettings, read), cluster.hints.listen(clusterSettings.kind, read)];
    return () => {
      for (const end of ends) end();
    };
  };
  const changes =
    (kind: string): Topic =>
    (publish) => {
      const ends = [engine.watchKind(kind, publish), cluster.hints.listen(kind, publish)];
      return () => {
        for (const end of ends) end();
      };
    };
  return new Map([
    ['settings', settings],
    [addressChangedTopic, changes(addresses.kind)],
    [accountChangedTopic, changes(accounts.kind)],
    [domainChangedTopic, changes(localDomains.kind)],
    [deliveryDueTopic, dueTopic(engine, deliveryDomains.kind)],
  ]);
}

/** Actors of which edges remember something. */
const hintedKinds = [clusterSettings.kind, addresses.kind, accounts.kind, localDomains.kind];

/** The queues of the domains that this node leads, for the metrics. */
function queueGauges({ engine, store, directory, log: shards }: Core, log: Logger): QueueGauges {
  const { shardCount } = directory.header;
  const led = (): ReadonlySet<number> =>
    new Set(Array.from({ length: shardCount }, (_, shard) => shardId(shard)).filter((shard) => shards.serves(shard)));
  const pause = (): Promise<void> => new Promise((resolve) => systemClock.soon(resolve));
  return new QueueGauges({
    engine,
    clock: systemClock,
    keys: (after, limit) =>
      actorKeys(store, shardCount, { kind: deliveryDomains.kind, after, limit, shards: led() }, pause),
    failed: (err) => log.error({ err }, 'the queues could not be counted; it is tried again at the next scrape'),
  });
}

interface NodeRun {
  /** Before the node says that it is ready. */
  readonly setUp?: (core: CoreApi) => Promise<void>;
  /** Once it is. */
  readonly served: () => Promise<void>;
}

/**
 * Starts a node, and ends when it was told to stop. What only a node needs is loaded here: it is most of the program,
 * and the other commands are over before that would be read.
 */
async function runNode(loaded: LoadedConfig, { setUp, served }: NodeRun): Promise<void> {
  const { config, warnings } = loaded;
  const [{ Node }, { openLogger }, { signalled }, { kinds }, { NodeCluster }, { clusterActor }] = await Promise.all([
    import('./node/node.ts'),
    import('./observe/logger.ts'),
    import('./lifecycle/signals.ts'),
    import('../actors/kinds.ts'),
    import('../cluster/node-cluster.ts'),
    import('../cluster/metadata/cluster-actor.ts'),
  ]);
  assertLimits();
  const log = openLogger({ node: config.node.id, level: config.log.level });
  for (const warning of warnings) log.warn({}, warning);
  let opened: NodeCluster | undefined;
  const node = new Node({
    config,
    version,
    kinds: new Map([...kinds, [clusterActor.kind, clusterActor]]),
    async openLog(parts) {
      opened = await NodeCluster.open(
        { config, isDefaultListen: isDefaultMeshListen(loaded), version, hintedKinds, log },
        parts,
      );
      return opened.cluster;
    },
    log,
    edges: (facts) => edgeSpecs({ ...facts, config, version }),
    topics: (core) => topicsOf(core, opened!),
    inspections: () => opened!.inspections,
    readings(core) {
      const queues = queueGauges(core, log);
      return {
        read: async () => ({ ...(await queues.read()), ...opened!.readings() }),
        close: () => queues.close(),
      };
    },
    ...(setUp === undefined ? {} : { setUp }),
    fatal: (error) => die(log, error),
  });
  let isTold = false;
  const stopped = signalled(log, systemClock).then(() => {
    isTold = true;
    return node.stop();
  });
  try {
    await node.start();
    await served();
    await stopped;
  } catch (error) {
    // One that is told to stop while it starts does not come up, as it was told.
    if (!isTold) throw error;
    await stopped;
  } finally {
    log.flush();
  }
}

/** P6: a broken promise or a failed fsync stops the node. What was acknowledged is on disk; the next start goes on. */
function die(log: Logger, error: unknown): void {
  log.fatal(
    { err: error },
    'this node stops at once, since it must not go on with bad state; nothing acknowledged is lost',
  );
  log.flush();
  process.exit(1);
}

const io = systemIo();

/** Those of the command line go before those that `init` has kept. */
async function seed(core: CoreApi, dataDirectory: string, seeds: ReturnType<typeof splitSets>): Promise<void> {
  const kept = splitSets(readFirstSettings(dataDirectory)).cluster;
  const given = new Map([...kept, ...seeds.cluster].map((setting) => [setting.key, setting]));
  await seedSettings(core, [...given.values()], (text) => io.err(`ringpost: ${text}\n`));
  dropFirstSettings(dataDirectory);
}

/** Loaded here, since most commands look at no data. */
async function isNode(dataDirectory: string): Promise<boolean> {
  const { holdsNode } = await import('./store/data-directory.ts');
  return holdsNode(dataDirectory);
}

const newClusterText = (dataDirectory: string): string =>
  `${dataDirectory} holds no node yet: it becomes the first node of a new cluster. (A node of a cluster that is there: ringpost join)\n`;

const commands: NodeCommands = {
  nodeSets: (sets) => splitSets(sets).node,
  async start(sources) {
    const seeds = splitSets(sources.sets ?? []);
    const loaded = loadConfig({ ...sources, sets: seeds.node, alsoKnown: settingNames });
    const { data, smtp } = loaded.config;
    const at = smtp.listen.map(({ host, port }) => `${host}:${port}`).join(', ');
    const served = (): Promise<void> =>
      io.out(`Ringpost ${version} serves: data in ${data}, SMTP on ${at || 'no address'}\n`);
    if (!(await isNode(data))) await io.out(newClusterText(data));
    await runNode(loaded, { setUp: (core) => seed(core, data, seeds), served });
  },
  async quickstart(sources, address) {
    const seeds = splitSets(sources.sets ?? []);
    const loaded = loadConfig({ ...sources, sets: seeds.node, alsoKnown: settingNames, defaults: quickstartDefaults });
    const [{ quickstart }, { hashPassword, requirePasswordHash }, { makeKeyPair }] = await Promise.all([
      import('../actors/admin/quickstart.ts'),
      import('../actors/account/password.ts'),
      import('../actors/dkim/key-pair.ts'),
    ]);
    // Before there is a node whose data directory would stay behind.
    if (address !== null) parseAddress(address);
    const { data, hostname, smtp, http } = loaded.config;
    await io.out(`Everything is kept in ${resolve(data)}\n`);
    const isNew = !(await isNode(data));
    let instructions = '';
    const setUp = async (core: CoreApi): Promise<void> => {
      if (isNew && sources.file === undefined) keepInNodeFile(data, seeds.node);
      await seed(core, data, seeds);
      const principal = { kind: 'operator', id: 'quickstart' } as const;
      const chance = { clock: systemClock, random: systemRandom };
      const secrets = { hashPassword, checkPasswordHash: requirePasswordHash, makeKeyPair };
      const context = { core, principal, ...chance, hostname, dnsServers: dnsServersOf(loaded.config), ...secrets };
      const listener = smtp.listen[0] ?? { host: '127.0.0.1', port: 25 };
      const where = { address, smtp: listener, http: http.listen[0] ?? null, dataDirectory: data, program };
      try {
        instructions = (await quickstart(context, where)).text;
      } catch (error) {
        // One of several nodes, and the others are not there: it serves when they are, and all was made before.
        if (isNew || !(error instanceof OperationError) || !error.transient) throw error;
        instructions = `This node runs and waits for the others: ${error.message}. See: ${program} cluster status --data ${data}`;
      }
    };
    await runNode(loaded, { setUp, served: () => io.out(`${instructions}\n`) });
  },
};

const forming = formingRows({ version, splitSets, settingNames, keepFirstSettings });

process.exitCode = await runCli(process.argv.slice(2), {
  rows: [...nodeRows(commands), ...forming, ...clusterRows, ...withJoinTokens(mailCliRows)],
  nouns: new Map([...nodeNouns, ...clusterNouns, ...mailNouns]),
  version,
  io,
  clock: systemClock,
  random: systemRandom,
});
