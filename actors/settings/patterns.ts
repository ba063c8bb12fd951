/**
 * Settings of which there is one for each domain that somebody sets it for: `routes.<domain>`, `domains.<domain>.…`.
 * Most domains have none, so they are listed only when set.
 */
import { OperationError, refused } from '../../runtime/base/errors.ts';
import { nearest } from '../../runtime/base/suggest.ts';
import { parseDomain } from '../mail/address.ts';
import { choice, count, hostPort, type SettingKind } from './setting-kinds.ts';

export interface SettingPattern {
  /** `domains.<domain>.concurrency` */
  readonly name: string;
  readonly is: SettingKind;
  /** Key of the setting that holds for domains without one; null: none does. */
  readonly fallsBackTo: string | null;
  readonly does: string;
}

const placeholder = '<domain>';

export const settingPatterns: readonly SettingPattern[] = [
  {
    name: 'routes.<domain>',
    is: hostPort,
    fallsBackTo: null,
    does: 'Server that takes the mail for this domain, in place of the relay and of its own servers (MX).',
  },
  {
    name: 'domains.<domain>.concurrency',
    is: count(1, 1_000),
    fallsBackTo: 'queue.concurrency',
    does: 'As queue.concurrency, for this domain.',
  },
  {
    name: 'domains.<domain>.perMinute',
    is: count(0, 1_000_000),
    fallsBackTo: 'queue.perMinute',
    does: 'As queue.perMinute, for this domain.',
  },
  {
    name: 'domains.<domain>.inDoubt',
    is: choice('retry', 'hold', 'drop'),
    fallsBackTo: 'queue.inDoubt',
    does: 'As queue.inDoubt, for this domain.',
  },
];

export interface MatchedPattern {
  /** With the domain in A-labels. */
  readonly key: string;
  readonly is: SettingKind;
  readonly pattern: SettingPattern;
}

const partsOf = ({ name }: SettingPattern): readonly [string, string] => {
  const at = name.indexOf(placeholder);
  return [name.slice(0, at), name.slice(at + placeholder.length)];
};

/** Null when the key is of no pattern. @throws {OperationError} `badSetting` when what stands for the domain is none */
export function matchPattern(
  key: string,
  domainOf: (text: string, key: string) => string = requireDomain,
): MatchedPattern | null {
  for (const pattern of settingPatterns) {
    const [before, behind] = partsOf(pattern);
    if (key.length <= before.length + behind.length || !key.startsWith(before) || !key.endsWith(behind)) continue;
    const domain = domainOf(key.slice(before.length, key.length - behind.length), key);
    return { key: `${before}${domain}${behind}`, is: pattern.is, pattern };
  }
  return null;
}

function requireDomain(text: string, key: string): string {
  try {
    return parseDomain(text);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw refused('badSetting', `${JSON.stringify(text)} in ${key.slice(0, 300)} is no domain, such as example.org`);
  }
}

/** What was probably meant by a key with a domain in it: `domain.example.org.inDoubts` → `domains.example.org.inDoubt`. */
export function nearestPattern(key: string): string | null {
  const words = key.split('.');
  const [first = ''] = words;
  const last = words.at(-1) ?? '';
  for (const pattern of settingPatterns) {
    const [before, behind] = partsOf(pattern);
    const [head, tail] = [before.slice(0, -1), behind.slice(1)];
    if (words.length < (tail === '' ? 2 : 3) || nearest(first, [head]) === null) continue;
    if (tail === '') return `${before}${words.slice(1).join('.')}`;
    if (nearest(last, [tail]) !== null) return `${before}${words.slice(1, -1).join('.')}${behind}`;
  }
  // `domains.example.org`: the domain may be right, and what of it is meant is not said.
  const bare = settingPatterns.find(
    (pattern) => partsOf(pattern)[1] !== '' && nearest(first, [partsOf(pattern)[0].slice(0, -1)]) !== null,
  );
  return bare === undefined || words.length < 2 ? null : bare.name;
}
