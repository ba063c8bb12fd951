/** What a bench was asked for: the flags, their defaults and their bounds. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { SessionMode } from './load/session.ts';
import type { PostfixHold } from './peers/postfix-outbound.ts';
import type { ServerName } from './peers/server.ts';

export interface Settings {
  readonly scenario: string;
  /** Concurrent SMTP sessions; each scenario but `smtp-in` uses the first only. */
  readonly sessions: readonly number[];
  readonly sizesKib: readonly number[];
  readonly modes: readonly SessionMode[];
  readonly peers: readonly ServerName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly recipients: number;
  readonly pick: 'round-robin' | 'uniform';
  readonly messages: number;
  readonly accounts: number;
  readonly connections: number;
  readonly groups: number;
  /** Nodes of ours; more than one are a cluster. Each scenario but `cluster-scaling` uses the first only. */
  readonly nodes: readonly number[];
  /** smtp-out: mails in the queue of each round; queue-scale: mails in the large queue. */
  readonly mails: number;
  /** Remote domains that they are for. */
  readonly domains: number;
  /** queue-scale: mails for one domain that does not answer. */
  readonly deadMails: number;
  /** smtp-out: ours signs with DKIM what is submitted. */
  readonly signs: boolean;
  /** smtp-out: how Postfix's queue is held while it fills. */
  readonly postfixHold: PostfixHold;
  readonly json: boolean;
  readonly hasRingpost: boolean;
  /** Where the data directories are made. */
  readonly root: string;
  /** Data directories stay, to be looked at. */
  readonly keeps: boolean;
  readonly sets: readonly string[];
}

export const usage = `npm run bench -- <scenario> [flags]
  --sessions 1,10,50        concurrent SMTP sessions
  --size 1,10,100           KiB of each mail, headers and all
  --mode open|one-per-connection   (twice for both; the default is both in smtp-in, open elsewhere)
  --peer postfix|bare       same load against a peer in alternating rounds (may be given twice)
  --rounds 5                rounds of each server; medians are printed
  --seconds 4               length of a round, after --warmup 1 s that does not count
  --nodes 3                 smtp-in, cluster-…: nodes of ours, all on this machine (1,3,5 for cluster-scaling)
  --recipients 100          distinct recipients; --pick round-robin|uniform
  --messages 1000000        mailbox-scale, restart: mails in the mailbox
  --accounts 100000         accounts-scale, restart: accounts
  --connections 10000       idle-connections
  --groups 1024             idle-groups: Raft groups, each with a replica on three nodes
  --mails 10000             smtp-out, queue-scale: mails in the queue
  --domains 10              smtp-out, queue-scale: remote domains that they are for
  --dead-mails 50000        queue-scale: mails for one domain that does not answer
  --postfix-hold defer|stop smtp-out: by defer_transports and a flush, or by having no queue manager
  --signed                  smtp-out: ours signs with DKIM (the peer never does)
  --without-ringpost        peers only
  --set key=value           handed to ringpost (may be given many times)
  --root DIR                where data directories are made (default: the system's temporary directory)
  --keep                    do not delete them
  --json                    JSON on stdout instead of the table`;

/** Told to whoever mistyped; never a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const flags = {
  sessions: { type: 'string' },
  size: { type: 'string' },
  mode: { type: 'string', multiple: true },
  peer: { type: 'string', multiple: true },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string' },
  warmup: { type: 'string', default: '1' },
  recipients: { type: 'string', default: '100' },
  pick: { type: 'string', default: 'round-robin' },
  messages: { type: 'string', default: '1000000' },
  accounts: { type: 'string', default: '100000' },
  connections: { type: 'string', default: '10000' },
  groups: { type: 'string', default: '1024' },
  nodes: { type: 'string' },
  mails: { type: 'string' },
  domains: { type: 'string' },
  'dead-mails': { type: 'string', default: '50000' },
  signed: { type: 'boolean', default: false },
  'postfix-hold': { type: 'string', default: 'defer' },
  'without-ringpost': { type: 'boolean', default: false },
  set: { type: 'string', multiple: true },
  root: { type: 'string' },
  keep: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** What a scenario takes when a flag is not given. */
export interface ScenarioDefaults {
  readonly sessions: readonly number[];
  readonly sizesKib: readonly number[];
  readonly modes: readonly SessionMode[];
  readonly mails?: number;
  readonly domains?: number;
  readonly seconds?: number;
  /** Left out: the scenario starts what it needs, and takes no --nodes. */
  readonly nodes?: readonly number[];
}

/**
 * @param defaultsOf the defaults of a scenario, or undefined when there is none of that name
 * @throws {UsageError}
 */
export function parseSettings(
  args: readonly string[],
  defaultsOf: (scenario: string) => ScenarioDefaults | undefined,
): Settings {
  const { values, positionals } = parse(args);
  const scenario = positionals[0] ?? '';
  const defaults = defaultsOf(scenario);
  if (defaults === undefined || positionals.length !== 1)
    throw new UsageError(`no scenario "${positionals.join(' ')}"`);
  const peers = (values.peer ?? []).map((name) => oneOf('--peer', name, ['postfix', 'bare'] as const));
  if (values['without-ringpost'] && peers.length === 0) throw new UsageError('--without-ringpost needs a --peer');
  return {
    scenario,
    sessions: numbers('--sessions', values.sessions, 1, 10_000) ?? defaults.sessions,
    sizesKib: numbers('--size', values.size, 1, 51_200) ?? defaults.sizesKib,
    modes: values.mode?.map((name) => oneOf('--mode', name, ['open', 'one-per-connection'] as const)) ?? defaults.modes,
    peers: [...new Set(peers)],
    rounds: number('--rounds', values.rounds, 1, 1000),
    seconds: number('--seconds', values.seconds ?? String(defaults.seconds ?? 4), 0.1, 3600),
    warmupSeconds: number('--warmup', values.warmup, 0, 3600),
    recipients: number('--recipients', values.recipients, 1, 100_000),
    pick: oneOf('--pick', values.pick, ['round-robin', 'uniform'] as const),
    messages: number('--messages', values.messages, 1, 100_000_000),
    accounts: number('--accounts', values.accounts, 1, 1_000_000),
    connections: number('--connections', values.connections, 1, 19_000),
    groups: number('--groups', values.groups, 1, 16_384),
    nodes: nodesOf(scenario, values.nodes, defaults.nodes),
    mails: number('--mails', values.mails ?? String(defaults.mails ?? 10_000), 1, 10_000_000),
    domains: number('--domains', values.domains ?? String(defaults.domains ?? 10), 1, 1_000_000),
    deadMails: number('--dead-mails', values['dead-mails'], 0, 10_000_000),
    signs: values.signed,
    postfixHold: oneOf('--postfix-hold', values['postfix-hold'], ['defer', 'stop'] as const),
    json: values.json,
    hasRingpost: !values['without-ringpost'],
    root: values.root ?? tmpdir(),
    keeps: values.keep,
    sets: values.set ?? [],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function number(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max)) {
    throw new UsageError(`${flag} wants a number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

function numbers(flag: string, text: string | undefined, min: number, max: number): number[] | undefined {
  return text?.split(',').map((part) => number(flag, part, min, max));
}

function nodesOf(scenario: string, text: string | undefined, byDefault?: readonly number[]): readonly number[] {
  if (byDefault === undefined && text !== undefined) throw new UsageError(`--nodes: ${scenario} has nodes of its own`);
  const counts = numbers('--nodes', text, 1, 9) ?? byDefault ?? [1];
  const [half] = counts.filter((count) => !Number.isInteger(count));
  if (half !== undefined) throw new UsageError(`--nodes wants whole nodes, not ${half}`);
  return counts;
}

function oneOf<const T extends readonly string[]>(flag: string, text: string, choices: T): T[number] {
  if (!choices.includes(text)) throw new UsageError(`${flag} is one of ${choices.join(', ')}, not "${text}"`);
  return text;
}
