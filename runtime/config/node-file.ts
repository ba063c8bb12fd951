/**
 * `ringpost.toml` in a data directory: what its node was given with `--set` when it was made, so that `ringpost start --data DIR`
 * needs no more words. An operator may edit it, or write it before the node is made.
 *
 * Promises: it is replaced as a whole; keys that are in it and not given stay.
 * Leaves to others: reading it as a configuration (`load.ts`), what keys mean (`schema.ts`).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml, stringify } from 'smol-toml';
import { badConfigFile, badConfigSet } from './codes.ts';

const nodeFileName = 'ringpost.toml';

type Table = Record<string, unknown>;

/** Its path, where there is one. */
export function findNodeFile(dataDirectory: string): string | undefined {
  const path = join(dataDirectory, nodeFileName);
  return existsSync(path) ? path : undefined;
}

/**
 * @param sets `key=value`, checked already by `loadConfig`; `data` is not kept, since the file is where the data are
 * @returns the path of the file, or null when there was nothing to keep
 * @throws {OperationError} `badConfigFile`, `badConfigSet`
 */
export function keepInNodeFile(dataDirectory: string, sets: readonly string[], program = 'ringpost'): string | null {
  const path = join(dataDirectory, nodeFileName);
  const before = existsSync(path) ? readTable(path) : {};
  const after = structuredClone(before);
  for (const set of sets) {
    const equals = set.indexOf('=');
    if (equals <= 0) throw badConfigSet(set);
    const key = set.slice(0, equals).trim();
    if (key !== 'data') put(after, key.split('.'), set.slice(equals + 1).trim());
  }
  if (Object.keys(after).length === 0) return null;
  const text = `${header(program)}\n${stringify(after)}`;
  if (JSON.stringify(after) === JSON.stringify(before)) return path;
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  return path;
}

const header = (program: string): string =>
  [
    '# What belongs to the node of this directory. Read by `start --data` when no --config is given; edit it freely.',
    `# \`${program} config describe\` lists all keys. What holds for the whole cluster is in \`${program} settings\`.`,
    '',
  ].join('\n');

function readTable(path: string): Table {
  try {
    return parseToml(readFileSync(path, 'utf8'));
  } catch (cause) {
    // Not ours to replace: whoever wrote it has to mend it.
    throw badConfigFile(path, cause);
  }
}

/** A key that was written in the middle of a table goes there, else tables are made. */
function put(table: Table, [name = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    table[name] = value;
    return;
  }
  const inner = table[name];
  const isTable = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  const next: Table = isTable ? (inner as Table) : {};
  table[name] = next;
  put(next, rest, value);
}
