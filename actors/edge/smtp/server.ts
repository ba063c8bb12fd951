/**
 * The SMTP-in edge: opens its listeners, keeps what all sessions share, stops in good order.
 *
 * Runs in a worker thread and knows the core as `CoreApi` only. Several workers may share a port (`reusePort`).
 */
import { randomText } from '../../../runtime/base/ids.ts';
import type { Clock } from '../../../runtime/base/clock.ts';
import type { Random } from '../../../runtime/base/random.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import type { Inspector } from '../../inspect/inspector.ts';
import { LoginThrottle } from '../../account/login-throttle.ts';
import { signatureLines } from '../../dkim/sign.ts';
import { Router } from '../../routing/router.ts';
import { Admission } from './admission.ts';
import { stranger } from './commit.ts';
import type { Edge, EdgeLog } from './dialogue.ts';
import { accountChangedTopic, KnownAccounts } from './known-accounts.ts';
import { addressChangedTopic, domainChangedTopic, KnownAddresses } from './known-addresses.ts';
import { checkLimits, defaultLimits, defaultSettings, type SmtpLimits, type SmtpSettings } from './limits.ts';
import { type SmtpListener, SmtpListenerServer } from './listener.ts';
import { watchSessions } from './patience.ts';
import type { SmtpSession } from './session.ts';
import { type EdgeStats, newStats } from './stats.ts';
import { checkCertificate, noCertificate, tlsOptionsOf } from './tls.ts';

export interface SmtpEdgeOptions {
  readonly core: CoreApi;
  readonly listeners: readonly SmtpListener[];
  /** Name of this node: greeting, EHLO, Received, and by which a loop is known. */
  readonly hostname: string;
  readonly limits?: Partial<SmtpLimits>;
  /** Null: STARTTLS is not offered. */
  readonly tls: CertificatePem | null;
  readonly settings?: Partial<SmtpSettings>;
  readonly inspectors?: readonly Inspector[];
  /** Other than DKIM's in tests. */
  readonly sign?: Edge['sign'];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EdgeLog;
}

export interface SmtpEdge {
  /** Where it listens, in the order of the listeners; tells the port where 0 was asked for. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Takes no more sessions, lets go the idle ones, finishes the mail that is being received; cuts off after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** For new handshakes; running sessions keep theirs. @throws {OperationError} `badCertificate`, the old one then stays */
  reloadCertificate(certificate: CertificatePem): void;
  /** Cluster settings as they are now; holds from the next command on. */
  applySettings(settings: Partial<SmtpSettings>): void;
  /** A copy; `flatStats` makes plain numbers by name of it. */
  stats(): EdgeStats;
}

/** Topic that the core publishes: true while the guard on free space refuses writes. */
export const storageLowTopic = 'storageLow';

/** @throws {OperationError} `badCertificate`; or what the system says of a listener, and then none is open */
export async function startSmtpEdge(options: SmtpEdgeOptions): Promise<SmtpEdge> {
  const known = new KnownAddresses(options.clock);
  const edge = makeEdge(options, known);
  if (options.tls !== null) checkCertificate(options.tls);
  // smtp-server would otherwise show a certificate whose key everybody has.
  else if (options.listeners.some(({ tls }) => tls === 'implicit')) throw noCertificate();
  const admission = new Admission(edge.limits);
  const servers = options.listeners.map((listener) => new SmtpListenerServer(listener, edge, admission, options.tls));
  const opened = await Promise.allSettled(servers.map((server) => server.open()));
  const failed = opened.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    for (const { server } of servers) server.close();
    throw failed.reason;
  }
  const sessions = function* (): Iterable<SmtpSession> {
    for (const server of servers) yield* server.sessions;
  };
  const endWatch = watchSessions(edge, sessions);
  const unsubscribes = [
    options.core.subscribe(storageLowTopic, (value) => {
      edge.isStorageLow = value === true;
    }),
    options.core.subscribe(addressChangedTopic, (value) => known.forget(value as string | null)),
    options.core.subscribe(accountChangedTopic, (value) => edge.knownAccounts.forget(value as string | null)),
    options.core.subscribe(domainChangedTopic, (value) => known.forgetDomain(value as string | null)),
  ];
  return {
    addresses: opened.flatMap((each) =>
      each.status === 'fulfilled' ? [{ host: each.value.address, port: each.value.port }] : [],
    ),
    async stop(graceMs) {
      for (const unsubscribe of unsubscribes) unsubscribe();
      await stopServers(edge, servers, graceMs);
      endWatch();
    },
    reloadCertificate(certificate) {
      checkCertificate(certificate);
      for (const server of servers) server.updateSecureContext(tlsOptionsOf(certificate));
    },
    applySettings(settings) {
      edge.settings = { ...edge.settings, ...settings };
    },
    stats: () => structuredClone({ ...edge.stats, dataBytes: edge.budget.usedBytes }),
  };
}

function makeEdge(options: SmtpEdgeOptions, known: KnownAddresses): Edge {
  const { core, clock, log, hostname, inspectors = [], sign = signatureLines } = options;
  const { random } = options;
  const limits: SmtpLimits = { ...defaultLimits, ...options.limits };
  checkLimits(limits);
  const queryOptions = { principal: stranger, timeoutMs: limits.queryMsMax };
  return {
    core,
    clock,
    random,
    log,
    hostname,
    limits,
    inspectors,
    throttle: new LoginThrottle(clock),
    knownAccounts: new KnownAccounts(clock),
    sign,
    settings: { ...defaultSettings, ...options.settings },
    sessionPrefix: `${randomText(random, 8)}-`,
    router: new Router(core, limits, queryOptions, known),
    budget: { usedBytes: 0, bytesMax: limits.dataBytesMax },
    stats: newStats(),
    isStorageLow: false,
    isStopping: false,
  };
}

async function stopServers(edge: Edge, servers: readonly SmtpListenerServer[], graceMs: number): Promise<void> {
  edge.isStopping = true;
  const closed = servers.map((each) => new Promise<void>((resolve) => each.server.close(() => resolve())));
  const all = (): SmtpSession[] => servers.flatMap((each) => [...each.sessions]);
  for (const server of servers) for (const socket of server._pendingSockets.values()) socket.destroy();
  for (const session of all()) session.leave();
  const cancel = edge.clock.after(graceMs, () => {
    for (const session of all()) session.cutOff();
  });
  await Promise.all(closed);
  cancel();
}
