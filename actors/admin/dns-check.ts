/**
 * Compares what a domain needs in the DNS with what is there.
 *
 * Promises: what an operator chose otherwise, and what does the same, counts as published: another policy of DMARC, an SPF
 * that names this server in another way, further MX hosts.
 */
import { errorData } from '../../runtime/base/errors.ts';
import { type DnsRecord, type RecordPurpose, zoneLine } from './dns-records.ts';
import type { Lookup } from './dns-lookup.ts';

/** `unknown`: the name servers did not say. */
export type RecordState = 'published' | 'missing' | 'differs' | 'unknown';

export interface CheckedRecord extends DnsRecord {
  readonly state: RecordState;
  /** As `value`: what is there for this purpose. */
  readonly found: readonly string[];
  readonly cure: string | null;
}

export async function checkRecords(records: readonly DnsRecord[], lookUp: Lookup): Promise<readonly CheckedRecord[]> {
  const addresses: string[] = [];
  const hosts = await Promise.all(records.filter(isOfHost).map((record) => check(record, lookUp, addresses)));
  addresses.push(...hosts.flatMap(({ found }) => found));
  const others = records.filter((record) => !isOfHost(record)).map((record) => check(record, lookUp, addresses));
  return [...hosts, ...(await Promise.all(others))];
}

/** Whether nothing that is needed is missing, wrong or unknown. */
export const isComplete = (records: readonly CheckedRecord[]): boolean =>
  records.every(({ state, isNeeded }) => state === 'published' || !isNeeded);

const isOfHost = ({ purpose }: DnsRecord): boolean => purpose === 'host';

async function check(record: DnsRecord, lookUp: Lookup, addresses: readonly string[]): Promise<CheckedRecord> {
  let found: readonly string[];
  try {
    const all = await lookUp(record.type, record.name);
    found = all.filter((text) => purposes[record.purpose].is(text));
  } catch (error) {
    return { ...record, state: 'unknown', found: [], cure: errorData(error).text };
  }
  if (found.length === 0) return { ...record, state: 'missing', found, cure: `add: ${zoneLine(record)}` };
  const isRight = purposes[record.purpose].isRight(record, found, addresses);
  if (isRight) return { ...record, state: 'published', found, cure: null };
  return { ...record, state: 'differs', found, cure: `put in its place: ${zoneLine(record)}` };
}

interface Purpose {
  /** Whether a record of that name and type is for this purpose at all. */
  is(text: string): boolean;
  isRight(record: DnsRecord, found: readonly string[], addresses: readonly string[]): boolean;
}

const any = (): boolean => true;

const purposes: Readonly<Record<RecordPurpose, Purpose>> = {
  // Whose addresses they are, only the operator can tell.
  host: { is: any, isRight: any },
  mx: { is: any, isRight: ({ value }, found) => found.some((text) => host(text) === host(value ?? '')) },
  spf: { is: (text) => /^v=spf1(?: |$)/i.test(text), isRight: isRightSpf },
  // RFC 6376 §3.6.2.2: what several records mean is undefined.
  dkim: {
    is: any,
    isRight: ({ value }, found) => found.length === 1 && tag(found[0] ?? '', 'p') === tag(value ?? '', 'p'),
  },
  dmarc: {
    is: (text) => /^v=DMARC1\s*(?:;|$)/.test(text),
    isRight: (_, found) => found.length === 1 && /^(?:none|quarantine|reject)$/i.test(tag(found[0] ?? '', 'p')),
  },
  client: {
    is: any,
    isRight: ({ value }, found) => found.some((text) => hostAndPort(text) === hostAndPort(value ?? '')),
  },
};

/** RFC 7208 §4.5: several records are an error. */
function isRightSpf({ value }: DnsRecord, found: readonly string[], addresses: readonly string[]): boolean {
  const [only = ''] = found;
  if (found.length !== 1) return false;
  const wanted = (value ?? '').split(' ').filter((term) => /^(?:mx$|a:|ip[46]:)/.test(term));
  const allowed = new Set([
    ...wanted,
    ...addresses.map((address) => `${address.includes(':') ? 'ip6' : 'ip4'}:${address}`),
  ]);
  const terms = only.toLowerCase().split(/ +/);
  // Through a relay mail leaves from addresses that only an `include:` of its provider names.
  const isRelayed = wanted.length > 1;
  return terms.some((term) => allowed.has(term.replace(/^\+/, '')) || (isRelayed && /^\+?include:/.test(term)));
}

/** The value of a tag (RFC 6376 §3.2), without white space; '' when it is not there. */
function tag(text: string, name: string): string {
  for (const part of text.split(';')) {
    const [key = '', ...value] = part.split('=');
    if (key.trim() === name) return value.join('=').replace(/\s+/g, '');
  }
  return '';
}

/** Last word of an MX or SRV. */
const host = (text: string): string => (text.split(' ').at(-1) ?? '').toLowerCase();
const hostAndPort = (text: string): string => text.toLowerCase().split(' ').slice(-2).join(' ');
