/**
 * The `ringpost` program: the only file that knows the runtime, the mail and the cluster.
 *
 *     words -> rows of the command line -> (start, quickstart) a node   or   (all others) a running node's admin API
 */
import { readFileSync } from 'node:fs';
import { mailCliRows, mailNouns } from '../actors/admin/cli-rows.ts';
import { quickstart } from '../actors/admin/quickstart.ts';
import { hashPassword, requirePasswordHash } from '../actors/account/password.ts';
import type { HttpWorkerConfig } from '../actors/edge/http/worker.ts';
import type { SmtpWorkerConfig } from '../actors/edge/smtp/worker.ts';
import { kinds } from '../actors/kinds.ts';
import { clusterSettings } from '../actors/settings/protocol.ts';
import { systemClock } from './base/clock.ts';
import { assertLimits } from './base/limits.ts';
import { systemRandom } from './base/random.ts';
import type { AdminContext } from './cli/admin-row.ts';
import { adminSocketPath } from './cli/admin-socket.ts';
import { systemIo } from './cli/io.ts';
import { type NodeCommands, nodeNouns, nodeRows } from './cli/node-rows.ts';
import { runCli } from './cli/run.ts';
import { loadConfig, type LoadedConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { Core } from './node/core.ts';
import type { Topic } from './node/core-target.ts';
import type { EdgeSpec } from './node/edges.ts';
import { Node } from './node/node.ts';
import { type Logger, openLogger } from './observe/logger.ts';
import type { CertificatePem } from './threads/control-channel.ts';

const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/** A first look must not need a privilege, nor be reachable from outside. */
const quickstartDefaults = { 'smtp.listen': '127.0.0.1:2525', 'http.listen': '127.0.0.1:8025' };

function edgesOf(config: Config, certificate: () => CertificatePem, dataPath: string): EdgeSpec[] {
  const { hostname, smtp, limits } = config;
  const logLevel = config.log.level;
  const smtpConfig = (): SmtpWorkerConfig => ({
    listeners: smtp.listen.map(({ host, port, tls, proxyProtocol, trusted }) => ({
      host,
      port,
      tls,
      proxiesTrusted: proxyProtocol ? trusted : [],
      reusePort: smtp.threads > 1,
    })),
    hostname,
    limits: {
      messageBytesMax: limits.messageBytesMax,
      dataBytesMax: limits.dataBufferBytesMax,
      silenceMsMax: smtp.idleTimeoutMs,
      dataBytesPerSecondMin: smtp.dataRateMinBytesPerS,
      connectionsMax: smtp.connectionsMax,
      connectionsPerClientMax: smtp.connectionsPerClientMax,
    },
    settings: { greetingDelayMs: smtp.greetingDelayMs },
    tls: certificate(),
    logLevel,
  });
  const httpConfig = (): HttpWorkerConfig => ({
    listeners: config.http.listen,
    adminSocketPath: adminSocketPath(dataPath),
    hostname,
    logLevel,
  });
  const smtpEntry = new URL('../actors/edge/smtp/worker.ts', import.meta.url);
  const httpEntry = new URL('../actors/edge/http/worker.ts', import.meta.url);
  const smtpThreads = smtp.listen.length === 0 ? 0 : smtp.threads;
  return [
    ...Array.from({ length: smtpThreads }, (_, i) => ({ name: `smtp-${i + 1}`, entry: smtpEntry, config: smtpConfig })),
    { name: 'http', entry: httpEntry, config: httpConfig },
  ];
}

/** `settings`: all cluster settings, now and at every change. */
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
  return new Map([['settings', settings]]);
}

/** Starts a node, and ends when it was told to stop. */
async function runNode(loaded: LoadedConfig, served: (node: Node) => Promise<void>): Promise<void> {
  const { config, warnings } = loaded;
  assertLimits();
  const log = openLogger({ node: config.node.id, level: config.log.level });
  for (const warning of warnings) log.warn({}, warning);
  const node = new Node({
    config,
    version,
    kinds,
    log,
    edges: ({ certificate, dataPath }) => edgesOf(config, certificate, dataPath),
    topics: topicsOf,
    fatal: (error) => die(log, error),
  });
  const told = signalled(log);
  await node.start();
  await served(node);
  await told;
  await node.stop();
  log.flush();
}

/** P6: a broken promise or a failed fsync stops the node. What was acknowledged is on disk; the next start goes on. */
function die(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'this node stops at once, since it must not go on with bad state; nothing acknowledged is lost');
  log.flush();
  process.exit(1);
}

/** Settles at the first SIGTERM or SIGINT. A service manager may signal us twice for one stop, so the second must come later. */
function signalled(log: Logger): Promise<void> {
  const impatientMs = 1_000;
  let firstMs: number | undefined;
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = systemClock.monotonicMs();
      if (firstMs === undefined) {
        firstMs = nowMs;
        log.info({ signal }, 'stopping');
        resolve();
      } else if (nowMs - firstMs > impatientMs) {
        log.warn({ signal }, 'stopping at once');
        log.flush();
        process.exit(1);
      }
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

const io = systemIo();

const commands: NodeCommands = {
  async start(sources) {
    const loaded = loadConfig(sources);
    await runNode(loaded, async () => {
      const { data, smtp } = loaded.config;
      const at = smtp.listen.map(({ host, port }) => `${host}:${port}`).join(', ');
      await io.out(`Ringpost ${version} serves: data in ${data}, SMTP on ${at || 'no address'}\n`);
    });
  },
  async quickstart(sources, address) {
    const loaded = loadConfig({ ...sources, defaults: quickstartDefaults });
    const { config } = loaded;
    await io.out(`Everything is kept in ${config.data}\n`);
    await runNode(loaded, async (node) => {
      const smtp = config.smtp.listen[0] ?? { host: '127.0.0.1', port: 25 };
      const context: AdminContext = {
        core: node.coreApi(),
        principal: { kind: 'operator', id: 'quickstart' },
        clock: systemClock,
        random: systemRandom,
        hostname: config.hostname,
        hashPassword,
        checkPasswordHash: requirePasswordHash,
      };
      const { text } = await quickstart(context, { address, smtp, dataDirectory: config.data });
      await io.out(`${text}\n`);
    });
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
