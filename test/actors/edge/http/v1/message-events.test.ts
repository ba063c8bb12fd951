import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiContext, Caller } from '../../../../../actors/edge/http/v1/api-context.ts';
import { storyFor } from '../../../../../actors/edge/http/v1/message-events.ts';
import { type Answer, type ApiWorld, apiWorld } from './api-world.ts';

let world: ApiWorld;
let ann: string;
let bob: string;
let id: string;
before(async () => {
  world = await apiWorld();
  await world.admin.json(['account', 'add', 'eve@example.org']);
  ann = await world.token('ann@example.org', 'api');
  bob = await world.token('bob@example.org', 'api');
  const body = { from: 'ann@example.org', to: 'bob@example.org', bcc: 'eve@example.org', subject: 's', text: 'x' };
  const answer = await world.call('POST', '/v1/messages', { auth: ann, body });
  assert.equal(answer.status, 202, answer.text);
  id = answer.json.id;
  // Both copies are on their way from the spool; a query behind them sees them.
  for (let i = 0; i < 500 && (await stories(ann)).length < 3; i++);
});
after(() => world.stop());

const story = (auth: string, of = id): Promise<Answer> => world.call('GET', `/v1/messages/${of}`, { auth });
const stories = async (auth: string): Promise<readonly { kind: string; detail: Record<string, unknown> }[]> =>
  (await story(auth)).json.events;

void test('the sender sees what became of each copy, and not where in a mailbox it lies', async () => {
  const { status, json } = await story(ann);
  assert.equal(status, 200);
  assert.equal(json.role, 'sender');
  assert.deepEqual(json.events.map(({ kind }: { kind: string }) => kind).sort(), [
    'accepted',
    'delivered',
    'delivered',
  ]);
  for (const { kind, detail, at } of json.events) {
    assert.match(at, /^\d{4}-.*Z$/);
    if (kind === 'delivered') assert.deepEqual(Object.keys(detail), ['address']);
  }
});

void test('a mail to another server waits in its queue, which its story says', async () => {
  const body = { from: 'ann@example.org', to: 'carl@elsewhere.example', subject: 's', text: 'x' };
  const answer = await world.call('POST', '/v1/messages', { auth: ann, body });
  assert.equal(answer.status, 202, answer.text);
  const kinds = (await story(ann, answer.json.id)).json.events.map(({ kind }: { kind: string }) => kind);
  assert.deepEqual(kinds, ['accepted', 'queued']);
  assert.equal((await story(bob, answer.json.id)).status, 404);
});

const sendTo = async (to: string): Promise<string> => {
  const body = { from: 'ann@example.org', to, subject: 's', text: 'x' };
  return (await world.call('POST', '/v1/messages', { auth: ann, body })).json.id;
};

void test('the sender does not see where an address of somebody else sends his mail on', async () => {
  await world.admin.json(['address', 'add', 'away@example.org', '--to', 'secret@hidden.example']);
  await world.admin.json(['address', 'add', 'team@example.org', '--to', 'secret@hidden.example', 'bob@example.org']);
  // The one is accepted by the queue itself, the other by a spool, which tells it.
  for (const [to, kinds] of [
    ['away@example.org', ['accepted', 'queued']],
    ['team@example.org', ['accepted', 'delivered', 'queued']],
  ] as const) {
    const of = await sendTo(to);
    let told = await story(ann, of);
    for (let i = 0; i < 500 && told.json.events.length < kinds.length; i++) told = await story(ann, of);
    assert.deepEqual(told.json.events.map(({ kind }: { kind: string }) => kind).sort(), kinds);
    assert.doesNotMatch(told.text, /secret|hidden/);
  }
});

void test('of each event of a queue the sender sees the state and the code, and no name, address or word', async () => {
  const hidden = {
    ...{ domain: 'hidden.example', item: 'hidden', to: 'secret@hidden.example', mx: 'mx.hidden.example' },
    ...{ ip: '192.0.2.7', source: '192.0.2.8', text: '<secret@hidden.example> is full', by: 'operator:hidden' },
    added: 'hidden by default',
  };
  const shown = { recipients: 1, attempt: 2, code: 452, enhanced: '4.2.2', tookMs: 7, tls: 'verified' };
  const atQueue = { actor: 'delivery-domain', key: 'hidden.example', shard: 0, subject: id };
  const facts = { submitter: 'acc', from: 'ann@example.org' };
  const kinds = ['queued', 'deferred', 'delivered', 'failed', 'expired', 'inDoubt', 'dropped', 'held', 'rerouted'];
  const events = [
    { ...atQueue, kind: 'accepted', atMs: 0, detail: facts },
    ...kinds.map((kind, i) => ({ ...atQueue, kind, atMs: i + 1, detail: { ...shown, ...hidden } })),
  ];
  const context = { core: { inspect: async () => events } } as unknown as ApiContext;
  const caller = { scopes: ['submit'], facts: { accountId: 'acc', mailboxId: 'box' } } as unknown as Caller;
  const told = (await storyFor(context, caller, id)).events.map(({ kind, detail }) => ({ kind, detail }));
  assert.deepEqual(told, [{ kind: 'accepted', detail: facts }, ...kinds.map((kind) => ({ kind, detail: shown }))]);
});

void test('a recipient sees his own copy only: who got it by Bcc stays unseen', async () => {
  const { json, text } = await story(bob);
  assert.equal(json.role, 'recipient');
  assert.deepEqual(json.events.map(({ kind }: { kind: string }) => kind).sort(), ['accepted', 'delivered']);
  assert.doesNotMatch(text, /eve@|"recipients"|"submitter"/);
});

void test('for everybody else, and for a token that may not see it, it is not there', async () => {
  await world.admin.json(['account', 'add', 'carl@example.org']);
  const carl = await world.token('carl@example.org', 'api');
  const bobSends = await world.token('bob@example.org', 'submit');
  const annReads = await world.token('ann@example.org', 'mail');
  const annSends = await world.token('ann@example.org', 'submit');
  const answers = await Promise.all([carl, bobSends, annReads].map((auth) => story(auth)));
  for (const answer of answers) {
    assert.equal(answer.status, 404);
    assert.equal(answer.json.code, 'noSuchMessage');
  }
  assert.equal((await story(annSends)).status, 200);
  for (const other of ['nothing', '00000000000000000000000000', '%00', 'x'.repeat(2_000)]) {
    assert.equal((await story(ann, other)).status, 404, other);
  }
});
