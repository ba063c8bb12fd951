/**
 * All cluster-wide settings (plan §11): what each is for, what it may be, what holds until somebody sets it.
 *
 * A value is kept as text in one canonical spelling, so that whoever needs a number takes `Number(value)`.
 * To add one, add a row. What belongs to one node is not here but in its TOML (`runtime/config/`).
 */
import { refused } from '../../runtime/base/errors.ts';
import { nearest } from '../../runtime/base/suggest.ts';
import { type MatchedPattern, matchPattern, nearestPattern } from './patterns.ts';
import {
  choice,
  count,
  duration,
  durations,
  hostPortOrNone,
  secret,
  separator,
  type SettingKind,
  size,
  text,
} from './setting-kinds.ts';

export interface Setting {
  readonly is: SettingKind;
  readonly byDefault: string;
  /** What it does, and what turning it up or down costs. */
  readonly does: string;
  /** What a principal needs to change it. */
  readonly permission: string;
}

const permission = 'settings.write';
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Shorter waits would keep a courier busy with one dead server. */
const wait = duration('a duration', 100, 7 * dayMs);

const receiving: Readonly<Record<string, Setting>> = {
  'mailbox.quotaBytes': {
    is: size('a size, such as 500MB or 10GB, or none', 0, Number.MAX_SAFE_INTEGER),
    byDefault: '0',
    does: 'Quota of mailboxes that are made from now on; 0: none. A full mailbox refuses new mail at RCPT with 452.',
    permission,
  },
  'smtp.recipientsMax': {
    is: count(100, 1000),
    byDefault: '1000',
    does: 'Recipients of one mail. RFC 5321 §4.5.3.1.8 asks for 100 at least; one costs about 500 bytes until the commit.',
    permission,
  },
  'smtp.hopsMax': {
    is: count(30, 1000),
    byDefault: '100',
    does: 'Received lines at which a mail is taken to loop and refused with 554 5.4.6. RFC 5321 §6.3 advises 100.',
    permission,
  },
  'smtp.detailSeparator': {
    is: separator,
    byDefault: '+',
    does: 'What begins the detail of ann+lists@… in domains that are made from now on; none switches it off.',
    permission,
  },
};

const relaying: Readonly<Record<string, Setting>> = {
  relay: {
    is: hostPortOrNone,
    byDefault: '',
    does: 'Server that takes all mail for other domains, except those with a route; none: it goes to their own servers (MX).',
    permission,
  },
  'relay.user': {
    is: text('a user name of at most 320 characters, or nothing', 320),
    byDefault: '',
    does: 'User name at the relay. Empty: nobody logs in.',
    permission,
  },
  'relay.password': {
    is: secret('a password of at most 1,000 characters without control characters', 1_000),
    byDefault: '',
    does: 'Password at the relay. It is never shown again, and is sent only to a relay whose certificate is good.',
    permission,
  },
  'relay.tls': {
    is: choice('opportunistic', 'required', 'none'),
    byDefault: 'opportunistic',
    does: 'TLS with the relay: where it is offered, or never without it and without a good certificate (mail waits then), or never.',
    permission,
  },
};

const queueing: Readonly<Record<string, Setting>> = {
  'queue.retry': {
    is: durations('one to 50 durations, such as 5m 15m 1h 4h', wait, 50),
    byDefault: [...[1, 5, 15, 30].map((minutes) => minutes * minuteMs), hourMs, 2 * hourMs, 4 * hourMs].join(' '),
    does: 'Waits between the attempts at a mail; the last one repeats. Shorter ones cost attempts at servers that are down.',
    permission,
  },
  'queue.expire': {
    is: duration('a duration from 1s to 30d, such as 5d', 1_000, 30 * dayMs),
    byDefault: String(5 * dayMs),
    does: 'Age at which a mail is given up and its sender told. RFC 5321 §4.5.4.1 advises 4 to 5 days.',
    permission,
  },
  'queue.delayWarn': {
    is: duration('a duration up to 30d, such as 4h, or none', 0, 30 * dayMs),
    byDefault: String(4 * hourMs),
    does: 'Age at which a sender is told that the mail still waits; 0: never.',
    permission,
  },
  'queue.attemptTimeout': {
    is: duration('a duration from 1s to 1h, such as 10m', 1_000, hourMs),
    byDefault: String(10 * minuteMs),
    does:
      'Time that an attempt has; one without result by then is in doubt, and holds its place until then. RFC 5321 ' +
      '§4.5.3.2.6 gives a server ten minutes for its last reply: less means more doubt, more that a lost node is felt longer.',
    permission,
  },
  'queue.inDoubt': {
    is: choice('retry', 'hold', 'drop'),
    byDefault: 'retry',
    does: 'What becomes of a mail whose remote reply was lost: retry may deliver it twice, drop may lose it, hold waits for you.',
    permission,
  },
  'queue.concurrency': {
    is: count(1, 1_000),
    byDefault: '20',
    does: 'Dialogues at a time with the servers of one domain, of the whole cluster. More is faster, and more refuse it.',
    permission,
  },
  'queue.perMinute': {
    is: count(0, 1_000_000),
    byDefault: '0',
    does: 'Attempts at mails for one domain that are begun in any minute, of the whole cluster; 0: no limit.',
    permission,
  },
  'queue.mailsPerConnection': {
    is: count(1, 10_000),
    byDefault: '100',
    does: 'Mails that go over one connection. More save handshakes; some servers end a connection after so many.',
    permission,
  },
};

export const settingsTable: Readonly<Record<string, Setting>> = { ...receiving, ...relaying, ...queueing };

/** What a key means: a row of the table, or one of a domain. */
export type KnownSetting =
  | { readonly key: string; readonly is: SettingKind; readonly byDefault: string; readonly pattern: null }
  | MatchedPattern;

/**
 * `key` of the answer is the canonical one: domains are in A-labels.
 * @throws {OperationError} `unknownSetting`, which names the nearest one; `badSetting` when its domain is none
 */
export function settingOf(key: string): KnownSetting {
  const setting = Object.hasOwn(settingsTable, key) ? settingsTable[key] : undefined;
  if (setting !== undefined) return { key, is: setting.is, byDefault: setting.byDefault, pattern: null };
  const matched = matchPattern(key);
  if (matched !== null) return matched;
  const near = nearestPattern(key) ?? nearest(key, Object.keys(settingsTable));
  const hint = near === null ? '`ringpost settings` lists them' : `did you mean ${near}?`;
  throw refused('unknownSetting', `there is no setting "${key}"; ${hint}`);
}

/** Whether `key` is the name of a setting of the cluster, however its value may be. */
export function isSettingKey(key: string): boolean {
  return Object.hasOwn(settingsTable, key) || matchPattern(key, (domain) => domain) !== null;
}

/** The canonical spellings. @throws {OperationError} `unknownSetting`; `badSetting`, which says what it may be */
export function parseSetting(key: string, given: string): { readonly key: string; readonly value: string } {
  const known = settingOf(key);
  const { is } = known;
  const value = is.canonical(is.isSecret === true ? given : given.trim());
  if (value !== null) return { key: known.key, value };
  const shown = is.isSecret === true ? 'this' : JSON.stringify(given.slice(0, 100));
  const byDefault = known.pattern === null ? `; the default is ${known.byDefault || 'none'}` : '';
  throw refused('badSetting', `${shown} is not right for ${known.key}: it is ${is.what}${byDefault}`);
}
