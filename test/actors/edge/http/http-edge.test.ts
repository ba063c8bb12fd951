import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { startAdminApi } from '../../../../actors/edge/http/admin-api.ts';
import { startHttpEdge } from '../../../../actors/edge/http/http-edge.ts';
import { type Clock, systemClock } from '../../../../runtime/base/clock.ts';
import { refused, tryLater } from '../../../../runtime/base/errors.ts';
import { systemRandom } from '../../../../runtime/base/random.ts';
import { AdminClient } from '../../../../runtime/cli/admin-client.ts';
import { adminRow } from '../../../../runtime/cli/admin-row.ts';
import type { CoreApi } from '../../../../runtime/threads/core-api.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { selfSigned } from '../../../support/smtp-certificate.ts';

const firstCertificate = await selfSigned('first.example.org');

async function edgeWith(
  inspect: (topic: string) => Promise<unknown>,
  clock: Clock = systemClock,
  tls: 'none' | 'implicit' = 'none',
) {
  const bugs: unknown[] = [];
  const edge = await startHttpEdge({
    core: { inspect },
    listeners: [{ host: '127.0.0.1', port: 0, tls }],
    tls: firstCertificate,
    clock,
    api: null,
    bug: (_, error) => void bugs.push(error),
  });
  const [address] = edge.addresses;
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${address?.port}${path}`, { method });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  return { edge, get, bugs };
}

void test('probes: alive always, ready only when every condition is met, and the reasons else', async () => {
  let conditions = [{ name: 'smtp', isMet: false, text: 'port 25 is taken' }];
  const { edge, get } = await edgeWith(async () => ({ isReady: conditions.length === 0, conditions }));
  assert.equal((await get('/healthz')).status, 200);
  const unready = await get('/readyz');
  assert.equal(unready.status, 503);
  assert.equal(unready.type, 'application/problem+json');
  assert.deepEqual(JSON.parse(unready.text).reasons, ['smtp: port 25 is taken']);
  conditions = [];
  assert.equal((await get('/readyz')).status, 200);
  await edge.stop(0);
});

void test('metrics are text as Prometheus reads it, and nothing else is here', async () => {
  const { edge, get } = await edgeWith(async () => 'ringpost_up 1\n');
  const metrics = await get('/metrics');
  assert.deepEqual(metrics, { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: 'ringpost_up 1\n' });
  for (const [path, method] of [
    ['/', 'GET'],
    ['/admin/status', 'POST'],
    ['/metrics', 'POST'],
  ] as const) {
    const answer = await get(path, method);
    assert.equal(answer.status, 404, path);
    assert.equal(answer.type, 'application/problem+json');
  }
  await edge.stop(0);
});

void test('a core that does not answer makes the node unready, not the probe wait', async () => {
  const clock = new FakeClock();
  let asked = (): void => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { edge, get } = await edgeWith(() => {
    asked();
    return new Promise(() => undefined);
  }, clock);
  const answer = get('/readyz');
  await isAsked;
  await new Promise<void>((resolve) => systemClock.soon(resolve));
  clock.advance(2_000);
  assert.equal((await answer).status, 503);
  await edge.stop(0);
});

const isReady = async () => ({ isReady: true, conditions: [] });

/** One request by TLS: its status, and the name in the certificate that was shown. */
function secureGet(port: number): Promise<{ readonly status: number | undefined; readonly name: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/readyz', agent: false, rejectUnauthorized: false };
    const ask = secureRequest(options, (answer) => {
      const { subject } = (answer.socket as TLSSocket).getPeerCertificate();
      answer.resume();
      resolve({ status: answer.statusCode, name: String(subject.CN) });
    });
    ask.once('error', reject);
    ask.end();
  });
}

void test('TLS: a listener of implicit TLS serves by it, and says nothing in clear', async () => {
  const { edge, get } = await edgeWith(isReady, systemClock, 'implicit');
  const port = edge.addresses[0]?.port ?? 0;
  assert.deepEqual(await secureGet(port), { status: 200, name: 'first.example.org' });
  await assert.rejects(get('/readyz'), 'in clear there is no answer');
  await edge.stop(0);
});

void test('TLS: new handshakes see a new certificate, and a bad one changes nothing', async () => {
  const { edge } = await edgeWith(isReady, systemClock, 'implicit');
  const port = edge.addresses[0]?.port ?? 0;
  const second = await selfSigned('second.example.org');
  edge.reloadCertificate(second);
  assert.equal((await secureGet(port)).name, 'second.example.org');
  assert.throws(() => edge.reloadCertificate({ ...firstCertificate, certificate: 'no PEM' }));
  assert.throws(() => edge.reloadCertificate({ ...firstCertificate, key: second.key }));
  assert.deepEqual(await secureGet(port), { status: 200, name: 'second.example.org' });
  await edge.stop(0);
});

void test('TLS: a client that never begins its handshake does not hold up the end', async () => {
  const clock = new FakeClock();
  const { edge } = await edgeWith(isReady, clock, 'implicit');
  const port = edge.addresses[0]?.port ?? 0;
  const silent = connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => {
    silent.once('close', () => resolve());
    silent.once('error', () => undefined);
  });
  // Once a later one was served, the silent one was taken in too.
  await secureGet(port);
  const stopped = edge.stop(3_000);
  clock.advance(3_000);
  await stopped;
  await closed;
});

const echo = adminRow({
  name: 'echo',
  permission: 'test.read',
  summary: 'Say it again',
  args: z.strictObject({ code: z.string() }),
  async run(_, { code }) {
    if (code === 'busy') throw tryLater('busy', 'later');
    if (code === 'bug') throw new Error('secret detail');
    if (code !== '') throw refused(code, 'no');
    return { said: code };
  },
});
const large = adminRow({
  name: 'large',
  permission: 'test.read',
  summary: 'Give many bytes back',
  transfer: 'upload',
  args: z.strictObject({ times: z.int() }),
  async run(_, { times }, upload) {
    return { sizeBytes: upload.byteLength * times, first: upload[0] };
  },
});
const broken = adminRow({
  name: 'broken',
  permission: 'test.read',
  summary: 'Break off in the middle',
  transfer: 'download',
  args: z.strictObject({}),
  async run() {
    return (async function* () {
      yield new Uint8Array(10);
      throw new Error('disk gone');
    })();
  },
});

async function withApi(
  story: (client: AdminClient, directory: string, bugs: unknown[]) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ringpost-api-'));
  const bugs: unknown[] = [];
  const options = {
    core: {} as CoreApi,
    clock: systemClock,
    random: systemRandom,
    hostname: 'mail.test',
    hashPassword: () => Promise.resolve(''),
    makeKeyPair: () => Promise.resolve({ privateKeyPem: '', publicKeyDer: new Uint8Array(0) }),
    dnsServers: [],
    checkPasswordHash: () => undefined,
    rows: [echo, large, broken],
    socketPath: join(directory, 'admin.sock'),
    bug: (_: string, error: unknown) => void bugs.push(error),
  };
  const api = await startAdminApi(options);
  await assert.rejects(startAdminApi(options), { code: 'alreadyRunning' });
  const client = new AdminClient(directory);
  try {
    await story(client, directory, bugs);
  } finally {
    client.close();
    await api.stop(0);
    assert.deepEqual(await readdir(directory), [], 'the socket is gone with the server');
    await rm(directory, { recursive: true });
  }
}

void test('admin API: a refusal arrives as the same error, a bug without its text', async () => {
  await withApi(async (client, directory, bugs) => {
    assert.deepEqual(await client.call(echo, { code: '' }), { said: '' });
    await assert.rejects(client.call(echo, { code: 'noSuchThing' }), { code: 'noSuchThing', transient: false });
    await assert.rejects(client.call(echo, { code: 'busy' }), { code: 'busy', transient: true });
    await assert.rejects(client.call(echo, {} as never), { code: 'badArguments' });
    await assert.rejects(client.call(echo, { code: 'bug' }), (error: Error) => !error.message.includes('secret'));
    assert.equal(bugs.length, 1);
    for (const [code, status] of [
      ['', 200],
      ['noSuchThing', 404],
      ['taken', 409],
      ['busy', 503],
      ['badArguments', 400],
    ] as const) {
      assert.equal(await statusOf(join(directory, 'admin.sock'), code), status, code);
    }
  });
});

void test('admin API: bytes go up whole; an answer that breaks off is no answer', async () => {
  await withApi(async (client, _, bugs) => {
    const bytes = new Uint8Array(5_000_000).fill(7);
    assert.deepEqual(await client.upload(large, { times: 2 }, bytes), { sizeBytes: 10_000_000, first: 7 });
    const reading = async (): Promise<void> => {
      for await (const _ of client.download(broken, {}));
    };
    await assert.rejects(reading, { code: 'nodeWentAway' });
    assert.equal(bugs.length, 1);
  });
});

function statusOf(socketPath: string, code: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const ask = request({ socketPath, method: 'POST', path: '/admin/echo', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    ask.once('error', reject);
    ask.end(JSON.stringify({ code }));
  });
}
