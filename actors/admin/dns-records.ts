/**
 * What a domain needs in the DNS so that mail finds it and others trust its mail. Pure: facts in, records out.
 *
 * Leaves to others: whether they are there (`dns-check.ts`).
 */
import { isIPv4, isIPv6 } from 'node:net';
import { dkimRecordName, dkimRecordText, txtStrings } from '../dkim/record.ts';
import type { DkimKeyFacts } from '../local-domain/protocol.ts';

export type RecordType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'SRV';
export type RecordPurpose = 'host' | 'mx' | 'spf' | 'dkim' | 'dmarc' | 'client';

export interface DnsRecord {
  readonly purpose: RecordPurpose;
  readonly type: RecordType;
  /** In A-labels, without a final dot. */
  readonly name: string;
  /** As in a zone file, but a text in one piece and without quotes; null when only the operator knows it. */
  readonly value: string | null;
  /** False: nice to have. */
  readonly isNeeded: boolean;
  readonly why: string;
}

export interface DomainFacts {
  readonly domain: string;
  /** Of this machine, as it names itself to others. */
  readonly hostname: string;
  /** `host:port` through which mail leaves; '' when it goes straight to the recipients' servers. */
  readonly relay: string;
  readonly keys: readonly DkimKeyFacts[];
}

const preference = 10;

export function recordsToPublish(facts: DomainFacts): readonly DnsRecord[] {
  return [...hostRecords(facts), mxRecord(facts), ...trustRecords(facts), ...clientRecords(facts)];
}

function hostRecords({ hostname }: DomainFacts): DnsRecord[] {
  const why = 'where the MX leads; which addresses the world reaches this machine by, it does not know itself';
  return [
    { purpose: 'host', type: 'A', name: hostname, value: null, isNeeded: true, why },
    {
      purpose: 'host',
      type: 'AAAA',
      name: hostname,
      value: null,
      isNeeded: false,
      why: 'the same for IPv6, if it has any',
    },
  ];
}

function mxRecord({ domain, hostname }: DomainFacts): DnsRecord {
  const why = 'mail for the domain comes to this server';
  return { purpose: 'mx', type: 'MX', name: domain, value: `${preference} ${hostname}.`, isNeeded: true, why };
}

function trustRecords({ domain, relay, keys }: DomainFacts): DnsRecord[] {
  const spf = relay === '' ? 'v=spf1 mx -all' : `v=spf1 mx ${mechanismOf(relay)} ~all`;
  const spfWhy =
    relay === ''
      ? 'only the servers of the MX send mail of the domain'
      : `mail leaves through ${relay}: its provider says what to put in place of ${mechanismOf(relay)}`;
  return [
    { purpose: 'spf', type: 'TXT', name: domain, value: spf, isNeeded: true, why: spfWhy },
    ...keys.filter(({ state }) => state !== 'retired').map((key) => dkimRecord(domain, key)),
    {
      purpose: 'dmarc',
      type: 'TXT',
      name: `_dmarc.${domain}`,
      value: `v=DMARC1; p=none; rua=mailto:postmaster@${domain}`,
      isNeeded: true,
      why: 'reports come to postmaster; when they show nothing but your own mail passing, raise p to quarantine, then reject',
    },
  ];
}

export function dkimRecord(domain: string, key: DkimKeyFacts): DnsRecord {
  return {
    purpose: 'dkim',
    type: 'TXT',
    name: dkimRecordName(domain, key.selector),
    value: dkimRecordText(key),
    isNeeded: true,
    why: key.state === 'active' ? 'mail is signed with this key' : 'this key will sign once it is activated',
  };
}

/** RFC 6186 §3.1, RFC 8314 §5.1. */
function clientRecords({ domain, hostname }: DomainFacts): DnsRecord[] {
  const service = (name: string, port: number, what: string): DnsRecord => ({
    purpose: 'client',
    type: 'SRV',
    name: `_${name}._tcp.${domain}`,
    value: `0 1 ${port} ${hostname}.`,
    isNeeded: false,
    why: `mail programs find ${what}; only if this machine is reached on port ${port}`,
  });
  return [
    service('submissions', 465, 'where to hand in mail'),
    service('submission', 587, 'where to hand in mail (STARTTLS)'),
    service('imaps', 993, 'their mailbox'),
  ];
}

/** RFC 7208 §5.3, §5.6. */
function mechanismOf(relay: string): string {
  const host = relay.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return isIPv4(host) ? `ip4:${host}` : isIPv6(host) ? `ip6:${host}` : `a:${host}`;
}

/** A line of a zone file, with a gap to fill in where the value is not known. */
export function zoneLine({ type, name, value }: DnsRecord): string {
  if (value === null) return `${name}. IN ${type} <its ${type === 'A' ? 'IPv4' : 'IPv6'} address>`;
  const data = type === 'TXT' ? txtStrings(value).map(quoted).join(' ') : value;
  return `${name}. IN ${type} ${data}`;
}

/** RFC 1035 §5.1. */
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
