/**
 * What the cluster's settings say about mail for one remote domain. Whoever asks a delivery domain brings it along, since
 * a handler cannot ask.
 *
 * Promises: a setting that is missing or malformed counts as its default; never throws.
 * Leaves to others: what may be set (`settings/`).
 */
import { parseHostPort } from '../mail/host-port.ts';
import type { DeliveryPolicy } from './protocol.ts';

/** As the topic `settings` has it. Keys with a domain in them are there only when set. */
export type ClusterSettings = Readonly<Record<string, { readonly value: string; readonly isDefault: boolean }>>;

export interface RemoteRoute {
  readonly host: string;
  readonly port: number;
  readonly auth: { readonly user: string; readonly password: string } | null;
  readonly tls: 'opportunistic' | 'required' | 'none';
}

const minute = 60_000;
const hour = 60 * minute;

const byDefault = {
  retryMs: [minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour],
  expireMs: 5 * 24 * hour,
  delayWarnMs: 4 * hour,
  attemptTimeoutMs: 10 * minute,
  concurrency: 20,
  perMinute: 0,
  mailsPerConnection: 100,
} as const;

export function policyOf(domain: string, settings: ClusterSettings): DeliveryPolicy {
  const own = (name: string): string | undefined => textOf(settings, `domains.${domain}.${name}`);
  const all = (name: string): string | undefined => textOf(settings, `queue.${name}`);
  return {
    concurrency: count(own('concurrency'), 1) ?? count(all('concurrency'), 1) ?? byDefault.concurrency,
    perMinute: count(own('perMinute'), 0) ?? count(all('perMinute'), 0) ?? byDefault.perMinute,
    retryMs: durations(all('retry')) ?? byDefault.retryMs,
    expireMs: count(all('expire'), 1) ?? byDefault.expireMs,
    delayWarnMs: count(all('delayWarn'), 0) ?? byDefault.delayWarnMs,
    attemptTimeoutMs: count(all('attemptTimeout'), 1) ?? byDefault.attemptTimeoutMs,
    inDoubt: doubt(own('inDoubt')) ?? doubt(all('inDoubt')) ?? 'retry',
  };
}

/** Mails that go over one connection. */
export function mailsPerConnectionOf(settings: ClusterSettings): number {
  return count(textOf(settings, 'queue.mailsPerConnection'), 1) ?? byDefault.mailsPerConnection;
}

/** The domain's own route, else the relay, else null: its MX hosts. */
export function routeOf(domain: string, settings: ClusterSettings): RemoteRoute | null {
  const own = parseHostPort(textOf(settings, `routes.${domain}`) ?? '');
  if (own !== null) return { ...own, auth: null, tls: 'opportunistic' };
  const relay = parseHostPort(textOf(settings, 'relay') ?? '');
  if (relay === null) return null;
  const user = textOf(settings, 'relay.user') ?? '';
  const auth = user === '' ? null : { user, password: textOf(settings, 'relay.password') ?? '' };
  const tls = textOf(settings, 'relay.tls');
  return { ...relay, auth, tls: tls === 'required' || tls === 'none' ? tls : 'opportunistic' };
}

function textOf(settings: ClusterSettings, key: string): string | undefined {
  return Object.hasOwn(settings, key) ? settings[key]!.value : undefined;
}

function count(text: string | undefined, min: number): number | undefined {
  const value = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : -1;
  return value >= min ? value : undefined;
}

function durations(text: string | undefined): readonly number[] | undefined {
  const values = (text ?? '').split(' ').map((each) => count(each, 1));
  return values.includes(undefined) ? undefined : (values as number[]);
}

function doubt(text: string | undefined): DeliveryPolicy['inDoubt'] | undefined {
  return text === 'retry' || text === 'hold' || text === 'drop' ? text : undefined;
}
