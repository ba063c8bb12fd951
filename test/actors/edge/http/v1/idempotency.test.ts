import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { refused, tryLater } from '../../../../../runtime/base/errors.ts';
import { type Answer, type ApiWorld, apiWorld } from './api-world.ts';

let world: ApiWorld;
let ann: string;
let keys = 0;
before(async () => {
  world = await apiWorld();
  ann = await world.token('ann@example.org', 'submit');
});
after(() => world.stop());

const mail = (subject: string) => ({ from: 'ann@example.org', to: 'bob@example.org', subject, text: 'body' });
const newKey = (): string => `key-${keys++}`;
const send = (key: string, body: object, auth = ann): Promise<Answer> =>
  world.call('POST', '/v1/messages', { auth, body, headers: { 'idempotency-key': key } });
const copies = async (subject: string): Promise<number> =>
  (await world.subjects('bob@example.org')).filter((one) => one === subject).length;

void test('the same key and payload make one mail and get the same answer', async () => {
  const key = newKey();
  const first = await send(key, mail('once'));
  const again = await send(`"${key}"`, mail('once'));
  assert.equal(first.status, 202, first.text);
  assert.equal(first.headers.get('idempotency-replayed'), null);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal(again.status, 202);
  assert.deepEqual(again.json, first.json);
  assert.equal(await copies('once'), 1);
});

void test('without a key, or under another one, an equal mail is another mail', async () => {
  const ids = new Set<string>();
  for (const key of [newKey(), newKey()]) ids.add((await send(key, mail('twice'))).json.id);
  for (let i = 0; i < 2; i++) {
    ids.add((await world.call('POST', '/v1/messages', { auth: ann, body: mail('twice') })).json.id);
  }
  assert.equal(ids.size, 4);
  assert.equal(await copies('twice'), 4);
});

void test('another payload under a key is 422, and changes nothing', async () => {
  const key = newKey();
  await send(key, mail('right'));
  const other = await send(key, mail('wrong'));
  assert.equal(other.status, 422);
  assert.equal(other.json.code, 'requestKeyReused');
  assert.equal(await copies('wrong'), 0);
  const raw = await world.call('POST', '/v1/messages?to=bob@example.org', {
    auth: ann,
    headers: { 'content-type': 'message/rfc822', 'idempotency-key': key },
    body: JSON.stringify(mail('right')).concat('\r\n\r\n'),
  });
  assert.notEqual(raw.status, 202);
});

void test('a key is its account’s own', async () => {
  const key = newKey();
  const bob = await world.token('bob@example.org', 'submit');
  await send(key, mail('hers'));
  const his = await send(key, { ...mail('his'), from: 'bob@example.org' }, bob);
  assert.equal(his.status, 202, his.text);
});

void test('two requests at a time under one key make one mail', async () => {
  const key = newKey();
  const answers = await Promise.all(Array.from({ length: 8 }, () => send(key, mail('at once'))));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  assert.equal(new Set(answers.map(({ json }) => json.id)).size, 1);
  assert.equal(await copies('at once'), 1);
});

void test('a crash at any step leaves one mail, and the repetition tells its id', async () => {
  const steps = ['beginRequest', 'deliver', 'finishRequest'];
  for (const kind of steps) {
    for (const when of ['before', 'after'] as const) {
      const subject = `crash ${when} ${kind}`;
      const key = newKey();
      world.failAsks((asked, at) => (asked === kind && at === when ? tryLater('nodeDied', 'gone') : undefined));
      const first = await send(key, mail(subject));
      world.failAsks(null);
      assert.equal(first.status, kind === 'finishRequest' ? 202 : 503, subject);
      const again = await send(key, mail(subject));
      assert.equal(again.status, 202, again.text);
      assert.equal(await copies(subject), 1, subject);
      if (first.status === 202) assert.deepEqual(again.json, first.json);
      assert.equal((await send(key, mail(subject))).json.id, again.json.id);
      const other = await send(key, mail(`${subject}, changed`));
      assert.equal(other.status, 422, 'what the key stands for is known since its begin');
    }
  }
});

void test('a raw mail without Date and Message-ID gets the same ones at a repetition', async () => {
  const key = newKey();
  const raw = (): Promise<Answer> =>
    world.call('POST', '/v1/messages?to=bob@example.org', {
      auth: ann,
      headers: { 'content-type': 'message/rfc822', 'idempotency-key': key },
      body: 'From: ann@example.org\nSubject: raw once\n\nbody\n',
    });
  world.failAsks((kind, when) => (kind === 'deliver' && when === 'after' ? tryLater('nodeDied', 'gone') : undefined));
  assert.equal((await raw()).status, 503);
  world.failAsks(null);
  const second = await raw();
  assert.equal(second.status, 202, second.text);
  assert.deepEqual((await raw()).json, second.json);
  assert.equal(await copies('raw once'), 1);
});

void test('a refusal frees its key, so that a better payload can follow', async () => {
  const key = newKey();
  assert.equal((await send(key, { ...mail('freed'), to: 'nobody@example.org' })).status, 422);
  assert.equal((await send(key, { ...mail('freed'), to: 'bob@example.org' })).status, 202);
});

void test('a refusal after an attempt of unknown outcome does not', async () => {
  const key = newKey();
  world.failAsks((kind, when) => (kind === 'deliver' && when === 'after' ? tryLater('nodeDied', 'gone') : undefined));
  await send(key, mail('unknown'));
  world.failAsks((kind) => (kind === 'deliver' ? refused('noSuchMailbox', 'gone meanwhile') : undefined));
  assert.equal((await send(key, mail('unknown'))).status, 422);
  world.failAsks(null);
  assert.equal((await send(key, mail('changed'))).json.code, 'requestKeyReused');
});

void test('a key that is none is 400', async () => {
  for (const key of ['', '""', 'x'.repeat(300)]) {
    const answer = await send(key, mail('bad key'));
    assert.equal(answer.status, 400, key);
    assert.equal(answer.json.code, 'badRequest');
  }
});
