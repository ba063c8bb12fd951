/**
 * The kinds of values that a key can have. Each takes what TOML gives (a string, a number, a list …) as well as the text
 * that the environment and `--set` give, and says in words what it allows.
 */
import { z } from 'zod';
import { formatSize, parseSize } from '../base/sizes.ts';

/** What the reference prints of a key. */
export interface FieldFacts {
  /** What it does, why one would change it, and what turning it up costs. Whole sentences. */
  readonly does: string;
  /** What is allowed, to complete "it must be …". */
  readonly form: string;
  readonly defaultText: string;
}

/** How one value is read: the value, or undefined when it is not allowed. */
export type Reading<T> = (value: unknown) => T | undefined;

export interface FieldOptions<T> {
  readonly does: string;
  /** Given as an operator would write it, and read like any other value. */
  readonly default: string | number;
  /** For the reference, where the default depends on the machine. */
  readonly defaultText?: string;
  readonly form: string;
  readonly read: Reading<T>;
}

/** Throws of a reading carry a text that says more than `form` does. */
export class Misfit extends Error {}

export function field<T>(options: FieldOptions<T>): z.ZodType<T> {
  const { does, form, read, defaultText = String(options.default) } = options;
  const facts: FieldFacts = { does, form, defaultText: defaultText === '' ? 'none' : defaultText };
  return z
    .unknown()
    .transform((value, context): T => {
      const misfit = misfitOf(value, read, form);
      if (misfit.value !== undefined) return misfit.value;
      context.addIssue({ code: 'custom', message: misfit.text });
      return z.NEVER;
    })
    .prefault(options.default)
    .meta({ ...facts });
}

function misfitOf<T>(value: unknown, read: Reading<T>, form: string): { readonly value?: T; readonly text: string } {
  try {
    const found = read(value);
    return found === undefined ? { text: `it must be ${form}` } : { value: found, text: '' };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return { text: `${error.message}; it must be ${form}` };
  }
}

type Common = Pick<FieldOptions<never>, 'does' | 'defaultText'>;

export function text(o: Common & { default: string; form: string; pattern?: RegExp }): z.ZodType<string> {
  const { pattern = /^[^\0]*$/s } = o;
  return field({ ...o, read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined) });
}

export function oneOf<const T extends string>(o: Common & { default: T; values: readonly T[] }): z.ZodType<T> {
  return field({
    ...o,
    form: `one of ${o.values.join(', ')}`,
    read: (value) => o.values.find((each) => each === value),
  });
}

export function flag(o: Common & { default: 'true' | 'false' }): z.ZodType<boolean> {
  return field({
    ...o,
    form: 'true or false',
    read: (value) =>
      value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined,
  });
}

interface Range {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

export function count(o: Common & Range): z.ZodType<number> {
  const { min, max } = o;
  return field({
    ...o,
    form: `a whole number from ${min} to ${max}`,
    read: (value) => within(o, typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
  });
}

export function milliseconds(o: Common & Range): z.ZodType<number> {
  return field({
    ...o,
    form: `milliseconds from ${o.min} to ${o.max}, or with a unit: 500ms, 30s, 5min`,
    read: (value) => within(o, typeof value === 'string' ? parseMilliseconds(value) : value),
  });
}

export function sizeBytes(o: Common & Range): z.ZodType<number> {
  return field({
    ...o,
    defaultText: `${o.default} (${formatSize(o.default)})`,
    form: `bytes from ${formatSize(o.min)} to ${formatSize(o.max)}, or with a unit: 512KB, 25MB, 2GB (1 KB is 1,024 bytes)`,
    read: (value) => within(o, typeof value === 'string' ? parseSize(value) : value),
  });
}

function within({ min, max }: Range, value: unknown): number | undefined {
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
  return fits ? value : undefined;
}

const unitMs: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** Null when it is no duration. */
function parseMilliseconds(written: string): number | null {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*([a-z]*)$/.exec(written.trim());
  const unit = match === null ? undefined : unitMs[match[2] ?? ''];
  return match === null || unit === undefined ? null : Math.round(Number(match[1]) * unit);
}
