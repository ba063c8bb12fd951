import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { Hono } from 'hono';
import { accounts, type Scope } from '../../../../../actors/account/protocol.ts';
import type { ApiContext, ApiEnv } from '../../../../../actors/edge/http/v1/api-context.ts';
import { guard } from '../../../../../actors/edge/http/v1/guard.ts';
import { selfSigned } from '../../../../support/smtp-certificate.ts';
import { type ApiWorld, apiWorld, basic, password } from './api-world.ts';

let world: ApiWorld;
before(async () => {
  world = await apiWorld();
});
after(() => world.stop());

const folders = (auth?: string) => world.call('GET', '/v1/folders', auth === undefined ? {} : { auth });

void test('without a log-in, or with a wrong one, everything is 401 with both ways in', async () => {
  const wrong = [
    undefined,
    '',
    'Basic',
    'Basic ???',
    'Digest abc',
    'Bearer rp_',
    'Bearer abc',
    basic('ann@example.org', 'wrong'),
    basic('nobody@example.org'),
    basic('bob@example.org'),
    basic('no address'),
  ];
  const texts = new Set<string>();
  for (const auth of wrong) {
    const answer = await folders(auth);
    assert.equal(answer.status, 401, auth);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic .*, Bearer /);
    assert.equal(answer.json.code, 'notAuthenticated');
    texts.add(answer.text);
  }
  assert.equal(texts.size, 1, 'nothing tells them apart');
});

void test('address and password open everything; a token in the place of the password is as good', async () => {
  assert.equal((await folders(basic('ann@example.org'))).status, 200);
  assert.equal((await folders(basic('ANN@example.org'))).status, 200);
  const token = (await world.token('bob@example.org', 'mail')).slice('Bearer '.length);
  assert.equal((await folders(basic('bob@example.org', token))).status, 200);
  assert.equal((await folders(basic('ann@example.org', token))).status, 401, 'it is not her token');
});

void test('a scope opens what it is for, and 403 says what is missing', async () => {
  const mail = { from: 'bob@example.org', to: 'bob@example.org', text: 'x' };
  const opens = async (scope: Scope): Promise<readonly number[]> => {
    const auth = await world.token('bob@example.org', scope);
    const sent = await world.call('POST', '/v1/messages', { auth, body: mail });
    const read = await folders(auth);
    for (const answer of [sent, read].filter(({ status }) => status === 403)) {
      assert.equal(answer.json.code, 'missingScope');
      assert.match(answer.headers.get('www-authenticate') ?? '', /insufficient_scope/);
    }
    return [sent.status, read.status];
  };
  assert.deepEqual(await opens('submit'), [202, 403]);
  assert.deepEqual(await opens('mail'), [403, 200]);
  assert.deepEqual(await opens('api'), [202, 200]);
  assert.deepEqual(await opens('all'), [202, 200]);
});

void test('a token that was revoked, or whose account is disabled, or that is altered, opens nothing', async () => {
  const token = await world.token('bob@example.org', 'api');
  assert.equal((await folders(token)).status, 200);
  const altered = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
  assert.equal((await folders(altered)).status, 401);
  await world.admin.cli(['account', 'disable', 'bob@example.org']);
  assert.equal((await folders(token)).status, 401);
  await world.admin.cli(['account', 'enable', 'bob@example.org']);
  assert.equal((await folders(token)).status, 200);
  const [, , id = ''] = token.split('_');
  assert.equal((await world.admin.cli(['token', 'revoke', 'bob@example.org', id])).status, 0);
  assert.equal((await folders(token)).status, 401);
});

void test('an expired token opens nothing', async () => {
  const { accountId } = await world.accountOf('bob@example.org');
  const made = await world.admin.json(['token', 'create', 'bob@example.org', '--expires', '1ms']);
  const ref = accounts.ref(accountId);
  const asked = { principal: { kind: 'operator', id: 'test' } as const };
  const list = await world.admin.context.core.query(ref, { kind: 'credentialList' }, asked);
  assert.ok(list.some(({ id }) => id === made.id));
  assert.equal((await folders(`Bearer ${made.token}`)).status, 401);
});

void test('who guesses passwords is told to wait, and tokens of others behind the same address go on working', async () => {
  const other = await apiWorld();
  const token = await other.token('bob@example.org', 'api');
  const guess = () => other.call('GET', '/v1/folders', { auth: basic('ann@example.org', 'guess') });
  let answer = await guess();
  for (let i = 0; i < 30 && answer.status === 401; i++) answer = await guess();
  assert.equal(answer.status, 429);
  assert.equal(answer.json.code, 'tooManyFailures');
  assert.ok(Number(answer.headers.get('retry-after')) > 60);
  const right = await other.call('GET', '/v1/folders', { auth: basic('ann@example.org', password) });
  assert.equal(right.status, 429, 'not even the right password is listened to');
  assert.equal((await other.call('GET', '/v1/folders', { auth: token })).status, 200);
  await other.stop();
});

void test('a secret that comes in clear from elsewhere is not looked at', async () => {
  const app = new Hono<ApiEnv>();
  const { core } = world.admin.context;
  const asked: unknown[] = [];
  const watched = { query: (...words: unknown[]) => void asked.push(words) } as unknown as typeof core;
  app.use(guard({ core: watched } as ApiContext, ['mail']));
  const from = async (socket: object): Promise<number> => {
    const env = { incoming: { socket, complete: true } } as unknown as ApiEnv['Bindings'];
    return (await app.request('/', { headers: { authorization: 'Basic ???' } }, env)).status;
  };
  assert.equal(await from({ remoteAddress: '192.0.2.7' }), 403);
  assert.equal(await from({ remoteAddress: '2001:db8::1' }), 403);
  assert.equal(await from({ remoteAddress: undefined }), 403);
  for (const remoteAddress of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
    assert.equal(await from({ remoteAddress }), 401, remoteAddress);
  }
  assert.equal(await from({ remoteAddress: '192.0.2.7', encrypted: true }), 401);
  assert.deepEqual(asked, []);
});

void test('over TLS it is the same, and the mail says that it came so', async () => {
  const secure = await apiWorld({ tls: await selfSigned('mail.test') });
  const authorization = await secure.token('ann@example.org', 'api');
  const ask = (method: string, path: string, body = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization, 'content-type': 'application/json' };
      const where = {
        host: '127.0.0.1',
        port: secure.port,
        path,
        method,
        headers,
        rejectUnauthorized: false,
        agent: false,
      };
      const asked = request(where, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.once('end', () => resolve(`${answer.statusCode} ${text}`));
      });
      asked.once('error', reject).end(body);
    });
  const mail = { from: 'ann@example.org', to: 'ann@example.org', text: 'x' };
  assert.match(await ask('POST', '/v1/messages', JSON.stringify(mail)), /^202 /);
  assert.match(await ask('GET', '/v1/folders/1/messages/1/raw'), /\r\nReceived: by mail\.test with HTTPS id /);
  await secure.stop();
});
