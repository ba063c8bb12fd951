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
import { actorKeys } from './actor/actor-keys.ts';
import { systemClock } from './base/clock.ts';
import { assertLimits } from './base/limits.ts';
import { systemRandom } from './base/random.ts';
import { systemIo } from './cli/io.ts';
import { type NodeCommands, nodeNouns, nodeRows } from './cli/node-rows.ts';
import { runCli } from './cli/run.ts';
import { loadConfig, type LoadedConfig } from './config/load.ts';
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
 * `accountChanged`: the key of each of them that changes; `deliveryDue`: of each delivery domain that has work.
 */
function topicsOf({ engine }: Core): ReadonlyMap<string, Topic> {
  const principal = { kind: 'node', id: 'settings' } as const;
  const settings: Topic = (publish) => {
    const read = (): void =>
      engine.query({ ...clusterSettings, query: { kind: 'all' }, principal }, (outcome) => {
        if (outcome.ok) publish(outcome.answer);
      });
    read();
    return engine.watch(clusterSettings, read);
  };
  return new Map([
    ['settings', settings],
    [addressChangedTopic, (publish) => engine.watchKind(addresses.kind, publish)],
    [accountChangedTopic, (publish) => engine.watchKind(accounts.kind, publish)],
    [domainChangedTopic, (publish) => engine.watchKind(localDomains.kind, publish)],
    [deliveryDueTopic, dueTopic(engine, deliveryDomains.kind)],
  ]);
}

/** The queues, for the metrics. */
function queueGauges({ engine, store, directory }: Core, log: Logger): QueueGauges {
  const pause = (): Promise<void> => new Promise((resolve) => systemClock.soon(resolve));
  return new QueueGauges({
    engine,
    clock: systemClock,
    keys: (after, limit) =>
      actorKeys(store, directory.header.shardCount, { kind: deliveryDomains.kind, after, limit }, pause),
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
async function runNode({ config, warnings }: LoadedConfig, { setUp, served }: NodeRun): Promise<void> {
  const [{ Node }, { openLogger }, { signalled }, { kinds }, { openLoneLog }] = await Promise.all([
    import('./node/node.ts'),
    import('./observe/logger.ts'),
    import('./lifecycle/signals.ts'),
    import('../actors/kinds.ts'),
    import('../cluster/lone-node.ts'),
  ]);
  assertLimits();
  const log = openLogger({ node: config.node.id, level: config.log.level });
  for (const warning of warnings) log.warn({}, warning);
  const node = new Node({
    config,
    version,
    kinds,
    openLog: openLoneLog,
    log,
    edges: (facts) => edgeSpecs({ ...facts, config, version }),
    topics: topicsOf,
    readings: (core) => queueGauges(core, log),
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

const seed = (core: CoreApi, seeds: ReturnType<typeof splitSets>): Promise<void> =>
  seedSettings(core, seeds.cluster, (text) => io.err(`ringpost: ${text}\n`));

const commands: NodeCommands = {
  nodeSets: (sets) => splitSets(sets).node,
  async start(sources) {
    const seeds = splitSets(sources.sets ?? []);
    const loaded = loadConfig({ ...sources, sets: seeds.node, alsoKnown: settingNames });
    const { data, smtp } = loaded.config;
    const at = smtp.listen.map(({ host, port }) => `${host}:${port}`).join(', ');
    const served = (): Promise<void> =>
      io.out(`Ringpost ${version} serves: data in ${data}, SMTP on ${at || 'no address'}\n`);
    await runNode(loaded, { setUp: (core) => seed(core, seeds), served });
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
    let instructions = '';
    const setUp = async (core: CoreApi): Promise<void> => {
      await seed(core, seeds);
      const principal = { kind: 'operator', id: 'quickstart' } as const;
      const chance = { clock: systemClock, random: systemRandom };
      const secrets = { hashPassword, checkPasswordHash: requirePasswordHash, makeKeyPair };
      const context = { core, principal, ...chance, hostname, dnsServers: dnsServersOf(loaded.config), ...secrets };
      const listener = smtp.listen[0] ?? { host: '127.0.0.1', port: 25 };
      const made = await quickstart(context, {
        ...{ address, smtp: listener, http: http.listen[0] ?? null },
        ...{ dataDirectory: data, program },
      });
      instructions = made.text;
    };
    await runNode(loaded, { setUp, served: () => io.out(`${instructions}\n`) });
  },
};

process.exitCode = await runCli(process.argv.slice(2), {
  rows: [...nodeRows(commands), ...mailCliRows],
  nouns: new Map([...nodeNouns, ...mailNouns]),
  version,
  io,
  clock: systemClock,
  random: systemRandom,
});
