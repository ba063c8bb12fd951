/** The schema as a flat list: `smtp.greetingDelayMs`, its facts, and its name in the environment. */
import { z } from 'zod';
import type { FieldFacts } from './fields.ts';
import { configSchema, type Machine } from './schema.ts';

export interface ConfigKey extends FieldFacts {
  /** E.g. `smtp.greetingDelayMs`. */
  readonly key: string;
  /** E.g. `RINGPOST_SMTP_GREETING_DELAY_MS`. */
  readonly variable: string;
}

export const variablePrefix = 'RINGPOST_';

/** In the order of the schema. */
export function configKeys(machine: Machine): ConfigKey[] {
  return keysOf(configSchema(machine), '');
}

function keysOf(section: z.ZodObject, prefix: string): ConfigKey[] {
  return Object.entries(section.shape).flatMap(([name, inner]): ConfigKey[] => {
    const key = `${prefix}${name}`;
    if (inner instanceof z.ZodObject) return keysOf(inner, `${key}.`);
    return [{ key, variable: variableOf(key), ...(inner as z.ZodType).meta() } as unknown as ConfigKey];
  });
}

function variableOf(key: string): string {
  const words = key.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter}`);
  return variablePrefix + words.toUpperCase();
}
