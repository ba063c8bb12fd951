/** A courier between a fake core and scripted servers, all on loopback, gone at the end of the test. */
import type { TestContext } from 'node:test';
import { type CourierHandle, type CourierOptions, startCourier } from '../../actors/courier/courier.ts';
import { type CourierLimits, courierLimits } from '../../actors/courier/limits.ts';
import type { ReportMail } from '../../actors/courier/report-desk.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { systemRandom } from '../../runtime/base/random.ts';
import { openLogger } from '../../runtime/observe/logger.ts';
import { CourierCore } from './courier-core.ts';
import { Remote, type RemoteOptions, type RemoteScript } from './courier-remote.ts';
import { type FakeDns, startFakeDns } from './fake-dns.ts';

/** Far shorter than real ones, far longer than loopback needs. */
export const shortLimits: CourierLimits = {
  ...courierLimits,
  ...{ connectMsMax: 400, greetingMsMax: 400, openMsMax: 600, commandMsMax: 400, dataMsMax: 400, blockMsMax: 400 },
  ...{ dotMsMax: 400, quitMsMax: 100, attemptMarginMs: 10, repeatMsMin: 5, repeatMsMax: 40, confirmMsMax: 200 },
  ...{ silentMs: 100, dnsMsMax: 400, askAgainMs: 20, resultWaitMs: 50 },
};

export interface CourierWorld {
  readonly core: CourierCore;
  readonly dns: FakeDns;
  readonly courier: CourierHandle;
  /** Reports that were submitted. */
  readonly submitted: ReportMail[];
  readonly logged: string[];
  /** Port of all remote servers. */
  readonly port: number;
  /** A server at an address of its own, and the MX record that leads there. */
  remote(domain: string, script?: RemoteScript, options?: RemoteOptions & { preference?: number }): Promise<Remote>;
}

export async function courierWorld(
  t: TestContext,
  options: Partial<CourierOptions> & { settings?: Readonly<Record<string, string>> } = {},
): Promise<CourierWorld> {
  const core = new CourierCore();
  for (const [key, value] of Object.entries(options.settings ?? {})) core.set(key, value);
  const dns = await startFakeDns();
  // Holds the port, so that servers at other addresses of loopback can have the same.
  const first = new Remote({}, { ip: '127.0.0.1' });
  await first.listen();
  const { port } = first;
  const remotes: Remote[] = [first];
  const submitted: ReportMail[] = [];
  const logged: string[] = [];
  const courier = startCourier({
    core,
    courier: { node: 'n1', start: 'start' },
    hostname: 'here.example',
    dnsServers: [dns.address],
    connectionsMax: 20,
    clock: systemClock,
    random: systemRandom,
    log: openLogger({ node: 'n1', level: 'info', sink: (line) => logged.push(line) }),
    submit: (mail) => Promise.resolve(submitted.push(mail)),
    limits: shortLimits,
    smtpPort: port,
    ...options,
  });
  t.after(async () => {
    await courier.stop(200);
    await Promise.all([dns.stop(), ...remotes.map((remote) => remote.stop())]);
  });
  return {
    ...{ core, dns, courier, submitted, logged, port },
    async remote(domain, script = {}, { preference = 10, ...rest } = {}) {
      const ip = rest.ip ?? `127.0.1.${remotes.length}`;
      const remote = new Remote(script, { port, ...rest, ip });
      await remote.listen();
      remotes.push(remote);
      const host = `mx${remotes.length}.${domain}`;
      dns.zone.set(`MX ${domain}`, [...((dns.zone.get(`MX ${domain}`) ?? []) as string[]), `${preference} ${host}`]);
      dns.zone.set(`A ${host}`, [ip]);
      return remote;
    },
  };
}

/** For what takes longer than turns of the loop. */
export async function inTheEnd(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => void systemClock.after(5, resolve));
}
