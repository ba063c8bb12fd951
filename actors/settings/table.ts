/**
 * All cluster-wide settings (plan §11): what each is for, what it may be, what holds until somebody sets it.
 *
 * A value is kept as text in one canonical spelling, so that whoever needs a number takes `Number(value)`.
 * To add one, add a row. What belongs to one node is not here but in its TOML (`runtime/config/`).
 */
import { refused } from '../../runtime/base/errors.ts';
import { parseSize } from '../../runtime/base/sizes.ts';
import { nearest } from '../../runtime/base/suggest.ts';

interface SettingKind {
  /** For `badSetting`: `it is a size, such as 10GB`. */
  readonly what: string;
  /** The canonical spelling, or null when the text is no such value. */
  canonical(text: string): string | null;
}

export interface Setting {
  readonly is: SettingKind;
  readonly byDefault: string;
  /** What it does, and what turning it up or down costs. */
  readonly does: string;
  /** What a principal needs to change it. */
  readonly permission: string;
}

/** Kept as a number of bytes. */
function size(what: string, bytesMin: number, bytesMax: number): SettingKind {
  return {
    what,
    canonical(text) {
      const bytes = parseSize(text);
      return bytes !== null && bytes >= bytesMin && bytes <= bytesMax ? String(bytes) : null;
    },
  };
}

function count(min: number, max: number): SettingKind {
  return {
    what: `a whole number from ${min} to ${max}`,
    canonical(text) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
      return value >= min && value <= max ? String(value) : null;
    },
  };
}

const separator: SettingKind = {
  what: 'one of - + = _ # . or none',
  canonical: (text) => (/^(?:[-+=_#.]|none)$/.test(text) ? text : null),
};

const permission = 'settings.write';

export const settingsTable: Readonly<Record<string, Setting>> = {
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

/** @throws {OperationError} `unknownSetting`, which names the nearest one */
export function settingOf(key: string): Setting {
  const setting = Object.hasOwn(settingsTable, key) ? settingsTable[key] : undefined;
  if (setting !== undefined) return setting;
  const near = nearest(key, Object.keys(settingsTable));
  const hint = near === null ? '`ringpost settings` lists them' : `did you mean ${near}?`;
  throw refused('unknownSetting', `there is no setting "${key}"; ${hint}`);
}

/** The canonical spelling. @throws {OperationError} `unknownSetting`; `badSetting`, which says what it may be */
export function parseSetting(key: string, text: string): string {
  const { is, byDefault } = settingOf(key);
  const canonical = is.canonical(text.trim());
  if (canonical !== null) return canonical;
  const shown = JSON.stringify(text.slice(0, 100));
  throw refused('badSetting', `${shown} is not right for ${key}: it is ${is.what}; the default is ${byDefault}`);
}
