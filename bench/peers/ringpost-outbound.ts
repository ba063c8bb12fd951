/** Our own queue as a scenario sees it. The one place that knows how the admin API speaks of queues. */
import { benchAddress, benchDomain } from '../load/recipients.ts';
import { adminCall } from './admin-call.ts';
import type { Outbound, OutboundOptions } from './outbound.ts';

const password = 'correct horse battery staple';

/** A new node: the sender's password, and where mail goes. */
export async function prepareOutbound(socketPath: string, options: OutboundOptions): Promise<void> {
  await adminCall(socketPath, 'account-passwd', { address: benchAddress(0), password });
  if (options.signs !== true) await retireKeys(socketPath);
  const routes = [...options.routes].map(([domain, route]) => `routes.${domain}=${route}`);
  const relay = options.relay === undefined ? [] : [`relay=${options.relay}`];
  for (const setting of [...relay, ...routes, ...(options.settings ?? [])]) {
    const cut = setting.indexOf('=');
    await adminCall(socketPath, 'settings-set', { key: setting.slice(0, cut), value: setting.slice(cut + 1) });
  }
}

async function retireKeys(socketPath: string): Promise<void> {
  const domain = benchDomain;
  const keys = JSON.parse(await adminCall(socketPath, 'dkim-list', { domain })) as { selector: string }[];
  for (const { selector } of keys) await adminCall(socketPath, 'dkim-retire', { domain, selector });
}

export function ringpostOutbound(socketPath: string, port: number, options: OutboundOptions): Outbound {
  const domains = [...options.routes.keys()];
  const each = async (command: string): Promise<void> => {
    for (const domain of domains) await adminCall(socketPath, command, { domain });
  };
  return {
    port,
    auth: { user: benchAddress(0), password },
    sender: benchAddress(0),
    hold: () => each('queue-pause'),
    release: () => each('queue-resume'),
    async isEmpty() {
      const all = { id: null, sender: null, olderThanMs: null, state: null, dropped: false, after: null };
      for (const domain of domains) {
        const page = JSON.parse(await adminCall(socketPath, 'queue-list', { ...all, domain })) as { rows: unknown[] };
        if (page.rows.length > 0) return false;
      }
      return true;
    },
  };
}
