/**
 * The worker threads of a node, and what each is told: the one place where the node's configuration becomes theirs.
 *
 *     smtp-1 …   port 25, 587, 465      http   API, admin API, probes      courier   mail to other servers
 */
import type { Listener } from '../../runtime/config/listeners.ts';
import type { Config } from '../../runtime/config/schema.ts';
import { adminSocketPath } from '../../runtime/cli/admin-socket.ts';
import type { EdgeSpec } from '../../runtime/node/edges.ts';
import type { CertificatePem } from '../../runtime/threads/control-channel.ts';
import type { CourierWorkerConfig } from '../courier/worker.ts';
import type { HttpWorkerConfig } from './http/worker.ts';
import type { SmtpListener } from './smtp/listener.ts';
import type { SmtpWorkerConfig } from './smtp/worker.ts';

export interface EdgeFacts {
  readonly config: Config;
  readonly certificate: () => CertificatePem;
  readonly dataPath: string;
  readonly version: string;
}

/** The addresses in `dns.servers`. */
export function dnsServersOf({ dns }: Config): readonly string[] {
  return dns.servers.split(/[\s,]+/).filter((each) => each !== '');
}

export function edgeSpecs(facts: EdgeFacts): EdgeSpec[] {
  const { smtp } = facts.config;
  const listeners = smtpListeners(facts.config);
  const smtpThreads = listeners.length === 0 ? 0 : smtp.threads;
  const smtpSpec = { entry: new URL('smtp/worker.ts', import.meta.url), config: () => smtpConfig(facts, listeners) };
  return [
    ...Array.from({ length: smtpThreads }, (_, i) => ({ name: `smtp-${i + 1}`, ...smtpSpec })),
    { name: 'http', entry: new URL('http/worker.ts', import.meta.url), config: () => httpConfig(facts) },
    {
      name: 'courier',
      entry: new URL('../courier/worker.ts', import.meta.url),
      config: () => courierConfig(facts.config),
    },
  ];
}

function smtpListeners({ smtp, submission, submissions }: Config): readonly SmtpListener[] {
  const reusePort = smtp.threads > 1;
  const of = ({ host, port, tls, proxyProtocol, trusted }: Listener): SmtpListener => {
    return { host, port, tls, proxiesTrusted: proxyProtocol ? trusted : [], reusePort };
  };
  const allowsClearAuth = submission.allowClearAuth;
  return [
    ...smtp.listen.map(of),
    ...submission.listen.map((each) => ({ ...of(each), role: 'submission' as const, allowsClearAuth })),
    ...submissions.listen.map((each) => ({ ...of(each), role: 'submission' as const })),
  ];
}

function smtpConfig({ config, certificate }: EdgeFacts, listeners: readonly SmtpListener[]): SmtpWorkerConfig {
  const { hostname, smtp, limits } = config;
  return {
    listeners,
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
    logLevel: config.log.level,
  };
}

function httpConfig({ config, certificate, dataPath, version }: EdgeFacts): HttpWorkerConfig {
  const { http, hostname, limits } = config;
  return {
    listeners: http.listen.map(({ host, port, tls }) => ({ host, port, tls: tls === 'none' ? tls : 'implicit' })),
    tls: certificate(),
    adminSocketPath: adminSocketPath(dataPath),
    hostname,
    dnsServers: dnsServersOf(config),
    version,
    limits: { messageBytesMax: limits.messageBytesMax, requestBytesMax: limits.dataBufferBytesMax },
    logLevel: config.log.level,
  };
}

function courierConfig(config: Config): CourierWorkerConfig {
  const { node, hostname, courier, smtp, log } = config;
  return {
    nodeId: node.id,
    hostname,
    dnsServers: dnsServersOf(config),
    connectionsMax: courier.connectionsMax,
    listening: smtp.listen.map(({ host, port }) => ({ host, port })),
    logLevel: log.level,
  };
}
