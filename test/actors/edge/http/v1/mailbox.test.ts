import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { refused } from '../../../../../runtime/base/errors.ts';
import { type ApiWorld, apiWorld } from './api-world.ts';

let world: ApiWorld;
let ann: string;
let bob: string;
before(async () => {
  world = await apiWorld({ messageBytesMax: 8 * 1024 * 1024 });
  ann = await world.token('ann@example.org', 'api');
  bob = await world.token('bob@example.org', 'mail');
  for (let i = 1; i <= 5; i++) await send(`mail ${i}`);
});
after(() => world.stop());

async function send(subject: string, text = 'body'): Promise<string> {
  const body = { from: 'ann@example.org', to: 'bob@example.org', subject, text };
  const answer = await world.call('POST', '/v1/messages', { auth: ann, body });
  assert.equal(answer.status, 202, answer.text);
  return answer.json.id;
}

const get = (path: string, auth = bob) => world.call('GET', path, { auth });

void test('the folders of the own mailbox, INBOX first', async () => {
  const { json } = await get('/v1/folders');
  const [inbox] = json.folders;
  assert.equal(inbox.name, 'INBOX');
  assert.equal(inbox.messages, 5);
  assert.equal(inbox.unseen, 5);
  assert.equal((await get('/v1/folders', ann)).json.folders[0].messages, 0, 'hers is another one');
});

void test('a folder is read page by page, and mails that come meanwhile are on the last page', async () => {
  const subjects: string[] = [];
  let cursor = '';
  for (let page = 0; page < 10; page++) {
    const { status, json } = await get(`/v1/folders/1/messages?limit=2${cursor}`);
    assert.equal(status, 200);
    assert.ok(json.messages.length <= 2);
    subjects.push(...json.messages.map((one: { subject: string }) => one.subject));
    if (page === 1) await send('mail 6');
    if (json.next === null) break;
    cursor = `&cursor=${json.next}`;
  }
  assert.deepEqual(subjects, ['mail 1', 'mail 2', 'mail 3', 'mail 4', 'mail 5', 'mail 6']);
});

void test('a mail shows its facts, and its bytes as they lie in the folder', async () => {
  const { json: facts } = await get('/v1/folders/1/messages/1');
  assert.equal(facts.subject, 'mail 1');
  assert.match(facts.receivedAt, /^\d{4}-.*Z$/);
  const raw = await get('/v1/folders/1/messages/1/raw');
  assert.equal(raw.type, 'message/rfc822');
  assert.equal(raw.headers.get('content-length'), String(facts.sizeBytes));
  assert.match(raw.headers.get('content-disposition') ?? '', /^attachment/);
  assert.equal(raw.headers.get('cache-control'), 'no-store');
  assert.match(raw.text, /^Return-Path: <ann@example\.org>\r\n/);
  assert.equal(Buffer.byteLength(raw.text), facts.sizeBytes);
});

void test('a mail of several slices arrives whole', async () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i} of a long mail`).join('\n');
  await send('large', text);
  const page = await get('/v1/folders/1/messages?limit=500');
  const { uid, sizeBytes } = page.json.messages.at(-1);
  const raw = await get(`/v1/folders/1/messages/${uid}/raw`);
  assert.ok(sizeBytes > 1_200_000);
  assert.equal(Buffer.byteLength(raw.text), sizeBytes);
  assert.ok(raw.text.includes('line 59999 of a long mail'));
});

void test('what is not there is 404, and what is no number or cursor is 400', async () => {
  for (const [path, code] of [
    ['/v1/folders/77/messages', 'noSuchFolder'],
    ['/v1/folders/1/messages/777', 'noSuchMessage'],
    ['/v1/folders/1/messages/777/raw', 'noSuchMessage'],
    ['/v1/folders/77/messages/1/raw', 'noSuchMessage'],
    ['/v1/nothing', 'noSuchRoute'],
    ['/v1', 'noSuchRoute'],
  ] as const) {
    const answer = await get(path);
    assert.equal(answer.status, 404, path);
    assert.equal(answer.json.code, code);
    assert.equal(answer.type, 'application/problem+json');
  }
  for (const path of [
    '/v1/folders/INBOX/messages',
    '/v1/folders/0/messages',
    '/v1/folders/1/messages?limit=501',
    '/v1/folders/1/messages?limit=0',
    '/v1/folders/1/messages?cursor=abc',
    '/v1/folders/1/messages/-1',
    '/v1/folders/1/messages/1e99/raw',
  ]) {
    const answer = await get(path);
    assert.equal(answer.status, 400, path);
    assert.equal(answer.json.code, 'badRequest');
  }
});

void test('a damaged body is an error and no answer that ends short', async () => {
  const damaged = await apiWorld();
  const auth = await damaged.token('ann@example.org', 'api');
  const body = { from: 'ann@example.org', to: 'ann@example.org', text: 'x' };
  assert.equal((await damaged.call('POST', '/v1/messages', { auth, body })).status, 202);
  damaged.failBodies(refused('bodyDamaged', 'its checksum is wrong'));
  const answer = await damaged.call('GET', '/v1/folders/1/messages/1/raw', { auth });
  assert.equal(answer.status, 500);
  assert.equal(answer.json.code, 'bodyDamaged');
  await damaged.stop();
});
