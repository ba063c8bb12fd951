/** Entry of the worker thread that serves everything but SMTP: probes, metrics, the HTTP API and the admin API. */
import { systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { threadLogger } from '../../../runtime/observe/logger.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import { runEdgeWorker } from '../../../runtime/threads/worker-main.ts';
import { LoginThrottle } from '../../account/login-throttle.ts';
import { hashPassword, requirePasswordHash } from '../../account/password.ts';
import { adminRows } from '../../admin/admin-rows.ts';
import { makeKeyPair } from '../../dkim/key-pair.ts';
import { startAdminApi } from './admin-api.ts';
import { type HttpListener, startHttpEdge } from './http-edge.ts';
import { apiApp } from './v1/api.ts';
import { ByteBudget } from './v1/byte-budget.ts';

/** Plain data: it crosses a thread. */
export interface HttpWorkerConfig {
  readonly listeners: readonly HttpListener[];
  readonly tls: CertificatePem;
  /** `adminSocketPath(dataDirectory)`. */
  readonly adminSocketPath: string;
  readonly hostname: string;
  readonly dnsServers: readonly string[];
  /** Of the program. */
  readonly version: string;
  readonly limits: {
    readonly messageBytesMax: number;
    /** Memory for requests that are being taken in. */
    readonly requestBytesMax: number;
  };
  readonly logLevel: string;
}

runEdgeWorker<HttpWorkerConfig>(async (core, config, name) => {
  const log = threadLogger(name, config.logLevel);
  const bug = (what: string, error: unknown): void => log.error({ err: error }, what);
  const { listeners, tls, hostname, limits } = config;
  const api = apiApp(
    {
      core,
      clock: systemClock,
      random: systemRandom,
      hostname,
      messageBytesMax: limits.messageBytesMax,
      throttle: new LoginThrottle(systemClock),
      budget: new ByteBudget(limits.requestBytesMax),
      bug,
    },
    config.version,
  );
  const http = await startHttpEdge({ core, listeners, tls, clock: systemClock, api, bug });
  const admin = await startAdminApi({
    core,
    rows: adminRows,
    socketPath: config.adminSocketPath,
    hostname,
    clock: systemClock,
    random: systemRandom,
    hashPassword,
    checkPasswordHash: requirePasswordHash,
    makeKeyPair,
    dnsServers: config.dnsServers,
    bug,
  });
  for (const address of http.addresses) log.info({ ...address }, 'HTTP listens');
  return {
    async stop(graceMs) {
      await Promise.all([http.stop(graceMs), admin.stop(graceMs)]);
    },
    stats: () => Promise.resolve({}),
    reloadCertificate: async (pem) => http.reloadCertificate(pem),
  };
});
