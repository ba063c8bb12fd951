/**
 * The command line and the admin API on the real engine and the real actors, on a disk: all but the process
 * and its threads.
 */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminRows } from '../../../actors/admin/admin-rows.ts';
import { mailCliRows, mailNouns } from '../../../actors/admin/cli-rows.ts';
import { startAdminApi } from '../../../actors/edge/http/admin-api.ts';
import { kinds } from '../../../actors/kinds.ts';
import { actorKeys } from '../../../runtime/actor/actor-keys.ts';
import { eventsOf, findSubjects } from '../../../runtime/actor/history.ts';
import { type Clock, systemClock } from '../../../runtime/base/clock.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import type { AdminContext, KeyPair } from '../../../runtime/cli/admin-row.ts';
import { adminSocketPath } from '../../../runtime/cli/admin-socket.ts';
import type { CliIo } from '../../../runtime/cli/io.ts';
import { nodeNouns, nodeRows } from '../../../runtime/cli/node-rows.ts';
import { runCli } from '../../../runtime/cli/run.ts';
import { openLoneCore } from '../../support/lone-log.ts';
import { openCore } from '../../../runtime/node/core.ts';
import { readBody } from '../../../runtime/store/body-rows.ts';
import type { CoreTarget } from '../../../runtime/threads/core-target.ts';
import { LocalCore } from '../../../runtime/threads/local-core.ts';

export type Inspection = (argument: unknown) => unknown;

export interface CliSaid {
  readonly status: number;
  readonly out: Buffer;
  readonly text: string;
  readonly err: string;
}

export interface AdminWorld {
  readonly directory: string;
  /** For calling a row's steps directly. */
  readonly context: AdminContext;
  /** `ringpost <words> --data …` */
  cli(words: readonly string[], input?: string): Promise<CliSaid>;
  /** The same, which must succeed; parsed when it is JSON. */
  json(words: readonly string[], input?: string): Promise<any>;
  /** Kills every command behind the n-th from now on, once: a node that dies in the middle. */
  failAfterAsks(count: number): void;
  stop(): Promise<void>;
}

/** A hash that costs nothing: tests of hashing are elsewhere. */
const fakeHash = (password: string): string =>
  `$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$${Buffer.from(password).toString('base64url')}`;

/** One of each kind for all tests: an RSA key takes 50 to 200 ms. */
const keyPairs = {
  rsa: pairOf(generateKeyPairSync('rsa', { modulusLength: 2_048 })),
  ed25519: pairOf(generateKeyPairSync('ed25519')),
};

function pairOf({ privateKey, publicKey }: KeyPairKeyObjectResult): KeyPair {
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyDer: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

export interface AdminWorldOptions {
  readonly dnsServers?: readonly string[];
}

export async function adminWorld(
  inspections: Readonly<Record<string, Inspection>> = {},
  { dnsServers = [] }: AdminWorldOptions = {},
): Promise<AdminWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'ringpost-admin-'));
  const { api: core, close } = await realCore(directory, inspections);
  let asksLeft = Number.POSITIVE_INFINITY;
  const failing = new Proxy(core, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== 'ask') return typeof value === 'function' ? value.bind(target) : value;
      return (...args: Parameters<typeof core.ask>) => {
        if (asksLeft-- > 0) return target.ask(...args);
        asksLeft = Number.POSITIVE_INFINITY;
        return Promise.reject(refused('testDied', 'the node died here'));
      };
    },
  });
  const context: AdminContext = {
    core: failing,
    principal: { kind: 'operator', id: 'test' },
    clock: systemClock,
    random: systemRandom,
    hostname: 'mail.test',
    hashPassword: (password) => Promise.resolve(fakeHash(password)),
    checkPasswordHash(hash) {
      if (!hash.startsWith('$argon2id$'))
        throw refused('badPasswordHash', 'only argon2id hashes in PHC form are taken');
    },
    makeKeyPair: (kind) => Promise.resolve(keyPairs[kind]),
    dnsServers,
  };
  const bugs: unknown[] = [];
  const api = await startAdminApi({
    ...context,
    rows: adminRows,
    socketPath: adminSocketPath(directory),
    bug: (what, error) => void bugs.push({ what, error }),
  });
  const cli = (words: readonly string[], input = ''): Promise<CliSaid> => say([...words, '--data', directory], input);
  return {
    directory,
    context,
    cli,
    async json(words, input) {
      const said = await cli([...words, '--json'], input);
      if (said.status !== 0) throw new Error(`${words.join(' ')}: ${said.status} ${said.err}`);
      return JSON.parse(said.text);
    },
    failAfterAsks: (count) => {
      asksLeft = count;
    },
    async stop() {
      await api.stop(0);
      await close();
      await rm(directory, { recursive: true });
      if (bugs.length > 0) throw new Error('the admin API met bugs', { cause: bugs });
    },
  };
}

/** One run of the command, with all subcommands. */
export async function say(words: readonly string[], input = '', isInTerminal = false): Promise<CliSaid> {
  const out: Buffer[] = [];
  let err = '';
  const io: CliIo = {
    out: (chunk) => {
      out.push(Buffer.from(chunk as Uint8Array));
      return Promise.resolve();
    },
    err: (text) => {
      err += text;
    },
    stdin: (async function* () {
      yield Buffer.from(input);
    })(),
    isErrTerminal: false,
    isInTerminal,
    environment: {},
  };
  const node = nodeRows({ start: () => Promise.resolve(), quickstart: () => Promise.resolve() });
  const status = await runCli(words, {
    rows: [...node, ...mailCliRows],
    nouns: new Map([...nodeNouns, ...mailNouns]),
    version: '1.2.3',
    io,
    clock: systemClock,
    random: systemRandom,
  });
  const all = Buffer.concat(out);
  return { status, out: all, text: all.toString('utf8'), err };
}

/** Its timers do not keep the process: a call's deadline of 30 s would keep each test file for as long. */
const restlessClock: Clock = {
  ...systemClock,
  after(delayMs, wake) {
    const timer = setTimeout(wake, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

interface OpenedCore {
  readonly api: LocalCore;
  close(): Promise<void>;
}

async function realCore(directory: string, inspections: Readonly<Record<string, Inspection>>): Promise<OpenedCore> {
  const fatal = (error: unknown): never => {
    throw error;
  };
  const core = await openCore({
    dataPath: join(directory, 'node'),
    nodeId: nodeId('n1'),
    mayCreate: true,
    kinds,
    openLog: openLoneCore,
    clock: systemClock,
    random: systemRandom,
    limits,
    reports: {
      bug: (what, error) => fatal(new Error(what, { cause: error })),
      turn: () => undefined,
      slow: () => undefined,
      noticeFailed: fatal,
    },
    observe: () => undefined,
    fatal,
  });
  const { store, engine } = core;
  const { shardCount } = core.directory.header;
  const known: Readonly<Record<string, Inspection>> = {
    actors: (argument) =>
      actorKeys(store, shardCount, argument as Parameters<typeof actorKeys>[2], () => Promise.resolve()),
    events: (argument) => eventsOf(store, shardCount, (argument as { subject: string }).subject),
    findEvents: (argument) => {
      const { messageId, limit } = argument as { messageId: string; limit: number };
      return findSubjects(store, { field: 'messageId', value: messageId, limit }, () => Promise.resolve());
    },
    ...inspections,
  };
  const target: CoreTarget = {
    shardCount,
    ask: (request, settle) => engine.ask(request, settle),
    query: (request, settle) => engine.query(request, settle),
    readBody(hash, range) {
      const bytes = readBody(store, hash, range);
      return bytes === undefined ? Promise.reject(refused('bodyMissing', 'gone')) : Promise.resolve(bytes);
    },
    subscribe: () => () => undefined,
    inspect: async (topic, argument) => await known[topic]?.(argument),
    count: () => undefined,
  };
  return { api: new LocalCore({ target, clock: restlessClock, random: systemRandom }), close: () => core.close() };
}
