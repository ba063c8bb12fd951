/**
 * The kinds of values that a setting can have: what is allowed, in words, and its one canonical spelling.
 *
 * Promises: a canonical spelling is a fixed point (read again it stays itself).
 */
import { parseDuration } from '../../runtime/base/durations.ts';
import { parseSize } from '../../runtime/base/sizes.ts';
import { formatHostPort, parseHostPort } from '../mail/host-port.ts';

export interface SettingKind {
  /** For `badSetting`: `it is a size, such as 10GB`. */
  readonly what: string;
  /** Nobody but the node's own workers gets to see the value: others are told that it is set. */
  readonly isSecret?: true;
  /** The canonical spelling, or null when the text is no such value. */
  canonical(text: string): string | null;
}

/** Kept as a number of bytes. */
export function size(what: string, bytesMin: number, bytesMax: number): SettingKind {
  return numeric(what, parseSize, bytesMin, bytesMax);
}

export function count(min: number, max: number): SettingKind {
  return numeric(
    `a whole number from ${min} to ${max}`,
    (text) => (/^\d{1,15}$/.test(text) ? Number(text) : null),
    min,
    max,
  );
}

/** Kept as a number of milliseconds. */
export function duration(what: string, msMin: number, msMax: number): SettingKind {
  return numeric(what, parseDuration, msMin, msMax);
}

function numeric(what: string, parse: (text: string) => number | null, min: number, max: number): SettingKind {
  return {
    what,
    canonical(text) {
      const value = parse(text);
      return value !== null && value >= min && value <= max ? String(value) : null;
    },
  };
}

/** Spaces or commas between them; kept as numbers of milliseconds with a space between. */
export function durations(what: string, each: SettingKind, countMax: number): SettingKind {
  return {
    what,
    canonical(text) {
      const words = text.split(/[\s,]+/).filter((word) => word !== '');
      if (words.length < 1 || words.length > countMax) return null;
      const values = words.map((word) => each.canonical(word));
      return values.includes(null) ? null : values.join(' ');
    },
  };
}

export function choice(...values: readonly string[]): SettingKind {
  const what = values.length === 1 ? `${values[0]}` : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
  return {
    what,
    canonical(text) {
      const lower = text.toLowerCase();
      return values.includes(lower) ? lower : null;
    },
  };
}

const hostPortWords = 'a host with its port, such as mx.example.net:25, 127.0.0.1:2526 or [2001:db8::1]:25';

export const hostPort: SettingKind = {
  what: hostPortWords,
  canonical(text) {
    const parsed = parseHostPort(text);
    return parsed === null ? null : formatHostPort(parsed);
  },
};

/** Kept as '' when there is none. */
export const hostPortOrNone: SettingKind = {
  what: `${hostPortWords}, or none`,
  canonical: (text) => (/^(?:none)?$/i.test(text) ? '' : hostPort.canonical(text)),
};

export function text(what: string, charactersMax: number): SettingKind {
  return {
    what,
    canonical: (given) => (given.length <= charactersMax && !/\p{Cc}/u.test(given) ? given : null),
  };
}

export function secret(what: string, charactersMax: number): SettingKind {
  return { ...text(what, charactersMax), isSecret: true };
}

export const separator: SettingKind = {
  what: 'one of - + = _ # . or none',
  canonical: (given) => (/^(?:[-+=_#.]|none)$/.test(given) ? given : null),
};
