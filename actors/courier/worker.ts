/** Entry of the worker thread that sends mail to other servers. */
import { networkInterfaces } from 'node:os';
import { systemClock } from '../../runtime/base/clock.ts';
import { randomText } from '../../runtime/base/ids.ts';
import { systemRandom } from '../../runtime/base/random.ts';
import { threadLogger } from '../../runtime/observe/logger.ts';
import { runEdgeWorker } from '../../runtime/threads/worker-main.ts';
import { submit } from '../routing/submit.ts';
import { startCourier } from './courier.ts';
import type { OwnNames } from './next-hops.ts';
import type { ReportMail } from './report-desk.ts';
import { flatStats } from './stats.ts';

/** Plain data: it crosses a thread. */
export interface CourierWorkerConfig {
  /** Of the node. */
  readonly nodeId: string;
  readonly hostname: string;
  readonly dnsServers: readonly string[];
  readonly connectionsMax: number;
  /** The SMTP listeners of this node. */
  readonly listening: readonly { readonly host: string; readonly port: number }[];
  readonly logLevel: string;
}

runEdgeWorker<CourierWorkerConfig>((core, config, name) => {
  const { nodeId, hostname, dnsServers, connectionsMax, logLevel } = config;
  const principal = { kind: 'node', id: nodeId } as const;
  const context = { core, clock: systemClock, random: systemRandom, hostname };
  const report = ({ to, bytes, smtpUtf8 }: ReportMail): Promise<unknown> =>
    submit(context, {
      ...{ reversePath: '', submitter: null, received: null, sentCopy: null, signs: true },
      // RFC 3461 §6.2: a report asks for none about itself.
      ...{ recipients: [{ address: to, notify: ['never'], orcpt: null }], dsn: { ret: null, envelopeId: null } },
      ...{ bytes, smtpUtf8, principal },
    });
  const courier = startCourier({
    ...context,
    ...{ dnsServers, connectionsMax, submit: report, listening: addressesOf(config.listening) },
    courier: { node: nodeId, start: randomText(systemRandom, 26) },
    log: threadLogger(name, logLevel),
  });
  return Promise.resolve({
    stop: (graceMs: number) => courier.stop(graceMs),
    stats: () => Promise.resolve(flatStats(courier.stats())),
    // A client shows no certificate.
    reloadCertificate: () => Promise.resolve(),
  });
});

/** A listener on all addresses is one on each that the machine has. */
function addressesOf(listening: CourierWorkerConfig['listening']): OwnNames['listening'] {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return listening.flatMap(({ host, port }) => {
    if (host !== '::' && host !== '0.0.0.0') return [{ ip: host, port }];
    return own.map(({ address }) => ({ ip: address, port }));
  });
}
