/**
 * A node's configuration from its four sources. The later wins:
 *
 *     default  <  TOML file  <  environment (RINGPOST_SMTP_LISTEN)  <  --set smtp.listen=…
 *
 * The file is the one that is named, else (where it is asked for) the `ringpost.toml` in the data directory.
 *
 * Promises: a key that does not exist is an error that names the nearest one, and a bad value is an error that names the
 * key, where the value came from and what is allowed. All bad values are named at once.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { parse as parseToml } from 'smol-toml';
import { nearest } from '../base/suggest.ts';
import {
  badConfigFile,
  badConfigSet,
  badConfigValue,
  configFileUnreadable,
  dataInNodeFile,
  unknownConfigKey,
} from './codes.ts';
import { type ConfigKey, configKeys, variablePrefix } from './keys.ts';
import { isLoopback } from './listeners.ts';
import { findNodeFile } from './node-file.ts';
import { type Config, configSchema, type Machine } from './schema.ts';

export interface ConfigSources {
  /** Path of a TOML file. */
  readonly file?: string | undefined;
  /** Without `file`: the one in the data directory that the other sources name is read, when it is there. */
  readonly withNodeFile?: boolean;
  /** `key=value`, from --set. */
  readonly sets?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What `--set` knows beside the node's keys, and whoever calls has taken out: for suggestions only. */
  readonly alsoKnown?: readonly string[];
  /** Other defaults than the schema's, by key: what a subcommand such as `quickstart` means by its name. */
  readonly defaults?: Readonly<Record<string, string | number>>;
  readonly machine?: Machine;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Key -> where its value came from, for `ringpost config check`. */
  readonly sources: ReadonlyMap<string, string>;
  /** For the log: what is allowed but probably not meant. */
  readonly warnings: readonly string[];
}

interface Given {
  readonly value: unknown;
  readonly source: string;
}

/** @throws {OperationError} any code of `codes.ts` */
export function loadConfig(from: ConfigSources = {}): LoadedConfig {
  const machine = from.machine ?? thisMachine();
  const keys = configKeys(machine);
  const given = new Map<string, Given>();
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(from.defaults ?? {}))
    given.set(known(key, 'defaults', keys), { value, source: 'default' });
  const beforeFile = new Map(given);
  if (from.file !== undefined) takeFile(from.file, keys, given);
  takeEnvironment(from.env ?? {}, keys, given, warnings);
  for (const set of from.sets ?? []) takeSet(set, keys, given, from.alsoKnown ?? []);
  if (from.file === undefined && from.withNodeFile === true) takeNodeFile(keys, beforeFile, given, machine);
  const config = parsed(given, machine);
  checkRelations(config);
  warnings.push(...doubts(config));
  return { config, warnings, sources: new Map([...given].map(([key, { source }]) => [key, source])) };
}

export function thisMachine(): Machine {
  // A name may hold what no host name may (`Ann's laptop`): then the default must not be what fails.
  const own = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return { hostname: own === '' ? 'localhost' : own, cores: availableParallelism() };
}

/** Answers `key`. @throws {OperationError} `unknownConfigKey` */
function known(key: string, source: string, keys: readonly ConfigKey[], alsoKnown: readonly string[] = []): string {
  const names = keys.map((each) => each.key);
  if (names.includes(key)) return key;
  const last = key.split('.').at(-1);
  const same = names.find((name) => name.split('.').at(-1) === last) ?? null;
  // `listen` without its section: the first of that name is meant more often than the shortest.
  const near = (key.includes('.') ? null : same) ?? nearest(key, [...names, ...alsoKnown]) ?? same;
  throw unknownConfigKey(key, source, near);
}

function takeFile(path: string, keys: readonly ConfigKey[], given: Map<string, Given>): void {
  let toml: string;
  try {
    toml = readFileSync(path, 'utf8');
  } catch (cause) {
    throw configFileUnreadable(path, cause);
  }
  let table: Record<string, unknown>;
  try {
    table = parseToml(toml);
  } catch (cause) {
    throw badConfigFile(path, cause);
  }
  takeTable(table, '', path, keys, given);
}

/** The data directory is known only when the other sources are; then the file goes below them, as any file does. */
function takeNodeFile(
  keys: readonly ConfigKey[],
  beforeFile: ReadonlyMap<string, Given>,
  given: Map<string, Given>,
  machine: Machine,
): void {
  const data = given.get('data')?.value ?? configSchema(machine).shape.data.parse(undefined);
  const path = typeof data === 'string' ? findNodeFile(data) : undefined;
  if (path === undefined) return;
  const inFile = new Map<string, Given>();
  takeFile(path, keys, inFile);
  if (inFile.has('data')) throw dataInNodeFile(path);
  for (const [key, value] of inFile) {
    if (given.get(key) === beforeFile.get(key)) given.set(key, value);
  }
}

function takeTable(
  table: Readonly<Record<string, unknown>>,
  prefix: string,
  path: string,
  keys: readonly ConfigKey[],
  given: Map<string, Given>,
): void {
  for (const [name, value] of Object.entries(table)) {
    const key = `${prefix}${name}`;
    const isSection = keys.some((each) => each.key.startsWith(`${key}.`));
    if (isSection && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      takeTable(value as Record<string, unknown>, `${key}.`, path, keys, given);
    } else {
      given.set(known(key, path, keys), { value, source: path });
    }
  }
}

/**
 * An unknown variable is only a warning: whoever starts us may set some of that name for purposes of his own
 * (Kubernetes sets RINGPOST_PORT_25_TCP for a service called ringpost).
 */
function takeEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  keys: readonly ConfigKey[],
  given: Map<string, Given>,
  warnings: string[],
): void {
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(variablePrefix) || value === undefined) continue;
    const found = keys.find((each) => each.variable === variable);
    if (found !== undefined) {
      given.set(found.key, { value, source: variable });
      continue;
    }
    const near = nearest(
      variable,
      keys.map((each) => each.variable),
    );
    warnings.push(
      `the variable ${variable} is none of ours and is ignored${near === null ? '' : `; did you mean ${near}?`}`,
    );
  }
}

function takeSet(
  set: string,
  keys: readonly ConfigKey[],
  given: Map<string, Given>,
  alsoKnown: readonly string[],
): void {
  const equals = set.indexOf('=');
  if (equals <= 0) throw badConfigSet(set);
  const key = known(set.slice(0, equals).trim(), '--set', keys, alsoKnown);
  given.set(key, { value: set.slice(equals + 1).trim(), source: '--set' });
}

function parsed(given: ReadonlyMap<string, Given>, machine: Machine): Config {
  const schema = configSchema(machine);
  // Every section is there, so that the keys in it get their defaults.
  const tree: Record<string, unknown> = {};
  for (const { key } of configKeys(machine)) put(tree, key.split('.'), given.get(key));
  const result = schema.safeParse(tree);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => {
    const key = path.join('.');
    const { value, source } = given.get(key) ?? { value: undefined, source: 'default' };
    return `${source}: ${key} cannot be ${JSON.stringify(value)}: ${message}`;
  });
  throw badConfigValue(lines.join('\n'));
}

function put(tree: Record<string, unknown>, [name, ...rest]: readonly string[], given: Given | undefined): void {
  if (name === undefined) return;
  if (rest.length > 0) put((tree[name] ??= {}) as Record<string, unknown>, rest, given);
  else if (given !== undefined) tree[name] = given.value;
}

function checkRelations({ limits, smtp, tls }: Config): void {
  if (limits.messageBytesMax > limits.dataBufferBytesMax) {
    throw badConfigValue('limits.messageBytesMax is above limits.dataBufferBytesMax: no such mail could be received');
  }
  if (smtp.connectionsPerClientMax > smtp.connectionsMax) {
    throw badConfigValue(
      'smtp.connectionsPerClientMax is above smtp.connectionsMax: raise the second or lower the first',
    );
  }
  if ((tls.certificate === '') !== (tls.key === '')) {
    throw badConfigValue('tls.certificate and tls.key belong together: set both, or none for a certificate of our own');
  }
}

function doubts({ hostname: name, http }: Config): string[] {
  const found: string[] = [];
  if (!name.includes('.')) {
    found.push(
      `hostname "${name}" is not fully qualified: other servers may refuse our mail; set hostname = "mail.example.org"`,
    );
  }
  for (const { host, port, tls } of http.listen) {
    if (tls === 'none' && !isLoopback(host))
      found.push(`http.listen ${host}:${port} is in clear: passwords cross the network readable`);
  }
  return found;
}
