/**
 * The HTTP API on the real engine and actors, over a real socket on loopback: all but the threads.
 *
 * Two accounts, ann@example.org and bob@example.org, are there from the start.
 */
import { hashPassword } from '../../../../../actors/account/password.ts';
import { LoginThrottle } from '../../../../../actors/account/login-throttle.ts';
import { accounts, type Scope } from '../../../../../actors/account/protocol.ts';
import { type Resolution, addresses } from '../../../../../actors/address/protocol.ts';
import { startHttpEdge } from '../../../../../actors/edge/http/http-edge.ts';
import { apiApp } from '../../../../../actors/edge/http/v1/api.ts';
import { ByteBudget } from '../../../../../actors/edge/http/v1/byte-budget.ts';
import { mailboxes } from '../../../../../actors/mailbox/protocol.ts';
import { systemClock } from '../../../../../runtime/base/clock.ts';
import { systemRandom } from '../../../../../runtime/base/random.ts';
import type { CertificatePem } from '../../../../../runtime/threads/control-channel.ts';
import type { CoreApi } from '../../../../../runtime/threads/core-api.ts';
import { type AdminWorld, adminWorld } from '../../../admin/admin-world.ts';

export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, when it is JSON. */
  readonly json: any;
}

export interface Asked {
  readonly auth?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: object | string | Uint8Array<ArrayBuffer>;
}

type Decide = (kind: string, when: 'before' | 'after') => Error | undefined;

export interface ApiWorld {
  readonly admin: AdminWorld;
  readonly port: number;
  readonly bugs: unknown[];
  /** What the metrics were told: `{ metric, <label> }`. */
  readonly counted: Readonly<Record<string, string>>[];
  call(method: 'GET' | 'POST' | 'PUT' | 'OPTIONS', path: string, asked?: Asked): Promise<Answer>;
  /** `Bearer …` of a new token. */
  token(address: string, scope: Scope): Promise<string>;
  accountOf(address: string): Promise<{ readonly accountId: string; readonly mailboxId: string }>;
  /** Of its INBOX, or of another folder. */
  subjects(address: string, folder?: string): Promise<readonly string[]>;
  /** Asks of the core fail by this from now on: `before` they have an effect, or `after` it, the answer being lost. */
  failAsks(decide: Decide | null): void;
  /** Bodies cannot be read from now on. */
  failBodies(error: Error): void;
  stop(): Promise<void>;
}

export const password = 'correct horse battery';
export const basic = (address: string, secret = password): string =>
  `Basic ${Buffer.from(`${address}:${secret}`).toString('base64')}`;

const principal = { kind: 'operator', id: 'test' } as const;

export async function apiWorld(
  bounds: { readonly messageBytesMax?: number; readonly requestBytesMax?: number; readonly tls?: CertificatePem } = {},
): Promise<ApiWorld> {
  const admin = await adminWorld();
  const bugs: unknown[] = [];
  let decide: Decide | null = null;
  const counted: Record<string, string>[] = [];
  let bodyFailure: Error | undefined;
  const core = new Proxy(admin.context.core, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name === 'readBody' && bodyFailure !== undefined) return () => Promise.reject(bodyFailure);
      if (name === 'count')
        return (metric: string, labels: Record<string, string>) => void counted.push({ metric, ...labels });
      if (name !== 'ask') return typeof value === 'function' ? value.bind(target) : value;
      return async (...args: Parameters<CoreApi['ask']>) => {
        const { kind } = args[1];
        throwIfAny(decide?.(kind, 'before'));
        const answer: unknown = await target.ask(...args);
        throwIfAny(decide?.(kind, 'after'));
        return answer;
      };
    },
  });
  const bug = (what: string, error: unknown): void => void bugs.push({ what, error });
  const api = apiApp(
    {
      core,
      clock: systemClock,
      random: systemRandom,
      hostname: 'mail.test',
      messageBytesMax: bounds.messageBytesMax ?? 1024 * 1024,
      throttle: new LoginThrottle(systemClock, { ...quickFailures, failureMsMin: 1, failureMsMax: 1 }),
      budget: new ByteBudget(bounds.requestBytesMax ?? 64 * 1024 * 1024),
      bug,
    },
    '1.2.3',
  );
  const edge = await startHttpEdge({
    core,
    listeners: [{ host: '127.0.0.1', port: 0, tls: bounds.tls === undefined ? 'none' : 'implicit' }],
    tls: bounds.tls ?? { key: '', certificate: '' },
    clock: systemClock,
    api,
    bug,
  });
  const port = edge.addresses[0]?.port ?? 0;
  await admin.json(['domain', 'add', 'example.org']);
  for (const address of ['ann@example.org', 'bob@example.org']) await admin.json(['account', 'add', address]);

  const accountOf = async (address: string) => {
    const found: Resolution = await core.query(addresses.ref(address), { kind: 'resolve' }, { principal });
    if (!found.known || found.target.type !== 'mailbox') throw new Error(`${address} is no account`);
    return found.target;
  };
  const addPassword = async (address: string): Promise<void> => {
    const { accountId } = await accountOf(address);
    const hash = await hashPassword(password);
    const credential = { kind: 'password', label: '', scopes: ['all'], hash, expiresMs: null } as const;
    await core.ask(accounts.ref(accountId), { kind: 'addCredential', credential, replaceKind: true }, { principal });
  };
  await addPassword('ann@example.org');

  return {
    admin,
    port,
    bugs,
    counted,
    async call(method, path, { auth, headers = {}, body } = {}) {
      const isJson = typeof body === 'object' && !(body instanceof Uint8Array);
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          ...(auth === undefined ? {} : { authorization: auth }),
          ...(isJson ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body }),
      });
      const text = await answer.text();
      const type = answer.headers.get('content-type');
      const json: unknown = /json/.test(type ?? '') ? JSON.parse(text) : null;
      return { status: answer.status, type, headers: answer.headers, text, json };
    },
    async token(address, scope) {
      const made = await admin.json(['token', 'create', address, '--scope', scope]);
      return `Bearer ${made.token}`;
    },
    accountOf,
    async subjects(address, name = 'INBOX') {
      const { mailboxId } = await accountOf(address);
      const ref = mailboxes.ref(mailboxId);
      const folders = await core.query(ref, { kind: 'folders' }, { principal });
      const folder = folders.find((one) => one.name === name);
      if (folder === undefined) return [];
      const query = { kind: 'messages', folderId: folder.folderId, afterUid: 0, limit: 1000 } as const;
      const messages = await core.query(ref, query, { principal });
      return messages.map(({ header }) => header.subject);
    },
    failAsks(by) {
      decide = by;
    },
    failBodies(error) {
      bodyFailure = error;
    },
    async stop() {
      await edge.stop(0);
      await admin.stop();
    },
  };
}

/** As in production but for the waits. */
const quickFailures = { clientFailuresMax: 20, accountFailuresMax: 100, windowMs: 900_000, slipsMax: 3 };

function throwIfAny(failure: Error | undefined): void {
  if (failure !== undefined) throw failure;
}
