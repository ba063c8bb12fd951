/**
 * Settings of the cluster that were given when its first node was made, and wait in the data directory for its first start.
 *
 * Promises: they are gone once they were given; giving them twice is harmless, since a first value never goes over another.
 * Leaves to others: what they mean.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstSettingsDamaged } from './codes.ts';

const fileName = 'first-settings.json';

/** @param sets `key=value`, checked */
export function keepFirstSettings(dataDirectory: string, sets: readonly string[]): void {
  const path = join(dataDirectory, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(sets)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

/** @throws {OperationError} `firstSettingsDamaged` */
export function readFirstSettings(dataDirectory: string): readonly string[] {
  const path = join(dataDirectory, fileName);
  if (!existsSync(path)) return [];
  try {
    const sets: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(sets) && sets.every((set) => typeof set === 'string')) return sets;
  } catch {
    // It is no JSON: said below.
  }
  throw firstSettingsDamaged(path);
}

export function dropFirstSettings(dataDirectory: string): void {
  rmSync(join(dataDirectory, fileName), { force: true });
}
