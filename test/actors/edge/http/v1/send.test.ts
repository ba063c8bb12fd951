import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import PostalMime from 'postal-mime';
import { tryLater } from '../../../../../runtime/base/errors.ts';
import { type Answer, type ApiWorld, apiWorld } from './api-world.ts';

let world: ApiWorld;
let ann: string;
before(async () => {
  world = await apiWorld();
  ann = await world.token('ann@example.org', 'submit');
});
after(() => world.stop());

const hello = { from: 'Ann <ann@example.org>', to: 'bob@example.org', subject: 'Hello', text: 'Hello Bob' };
const send = (body: object, headers = {}): Promise<Answer> =>
  world.call('POST', '/v1/messages', { auth: ann, body, headers });

/** The newest mail of bob, as he would download it. */
async function newest(): Promise<{
  readonly raw: string;
  readonly mail: Awaited<ReturnType<typeof PostalMime.parse>>;
}> {
  const auth = await world.token('bob@example.org', 'mail');
  const page = await world.call('GET', '/v1/folders/1/messages?limit=500', { auth });
  const uid = page.json.messages.at(-1).uid;
  const raw = (await world.call('GET', `/v1/folders/1/messages/${uid}/raw`, { auth })).text;
  return { raw, mail: await PostalMime.parse(raw) };
}

function assertProblem(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.type, 'application/problem+json');
  assert.equal(answer.json.code, code);
  assert.equal(answer.json.status, status);
  assert.equal(answer.json.type, 'about:blank');
  assert.ok(answer.json.title.length > 0 && answer.json.detail.length > 0);
}

void test('a mail of JSON is in the mailbox when 202 is said, with all its parts', async () => {
  const answer = await send({
    ...hello,
    cc: [{ name: 'Grüße, Bob', address: 'bob@example.org' }],
    bcc: 'ann@example.org',
    replyTo: 'Ann <ann@example.org>',
    subject: 'Größe über alles',
    html: '<b>Hello</b>',
    headers: { 'X-Order': '4711' },
    attachments: [
      { filename: 'zeichen.txt', contentType: 'text/plain', contentBase64: Buffer.from('größe').toString('base64') },
    ],
    tags: ['order'],
    stream: 'transactional',
  });
  assert.equal(answer.status, 202, answer.text);
  assert.match(answer.json.id, /^[0-9a-z]{26}$/);
  assert.equal(answer.headers.get('location'), `/v1/messages/${answer.json.id}`);
  const { raw, mail } = await newest();
  assert.equal(mail.subject, 'Größe über alles');
  assert.deepEqual(mail.from, { name: 'Ann', address: 'ann@example.org' });
  assert.equal(mail.text?.trim(), 'Hello Bob');
  assert.equal(mail.html?.trim(), '<b>Hello</b>');
  assert.equal(mail.messageId, `<${answer.json.messageId}>`);
  assert.match(raw, /^X-Order: 4711\r$/m);
  assert.match(raw, /^Received: by mail\.test with HTTP id /m);
  assert.doesNotMatch(raw, /^bcc/im);
  assert.doesNotMatch(raw, /[^\r]\n/);
  const [attachment] = mail.attachments;
  assert.equal(attachment?.filename, 'zeichen.txt');
  assert.equal(Buffer.from(attachment?.content as ArrayBuffer).toString(), 'größe');
  assert.ok((await world.subjects('ann@example.org')).includes('Größe über alles'), 'bcc gets it too');
});

void test('a raw mail is kept to the byte, with CRLF, Date and Message-ID where they are missing, without Bcc', async () => {
  const raw = 'From: ann@example.org\nTo: bob@example.org\nBcc: eve@example.net\nSubject: raw\n\n.\nbody\n';
  const answer = await world.call('POST', '/v1/messages?from=ann@example.org&to=bob@example.org', {
    auth: ann,
    headers: { 'content-type': 'message/rfc822' },
    body: raw,
  });
  assert.equal(answer.status, 202, answer.text);
  const got = (await newest()).raw;
  assert.match(got, /\r\nFrom: ann@example\.org\r\nTo: bob@example\.org\r\nSubject: raw\r\n/);
  assert.match(got, new RegExp(`\r\nMessage-ID: <${answer.json.messageId}>\r\n`));
  assert.match(got, /\r\nDate: .* \+0000\r\n/);
  assert.ok(got.endsWith('\r\n\r\n.\r\nbody\r\n'));
  assert.doesNotMatch(got, /eve/);
});

void test('a copy is kept in Sent when that is wished', async () => {
  world.counted.splice(0);
  assert.equal((await send({ ...hello, subject: 'kept', saveToSent: true })).status, 202);
  assert.deepEqual(world.counted, [{ metric: 'ringpost_mails_accepted_total', edge: 'http' }]);
  assert.equal((await send({ ...hello, subject: 'not kept' })).status, 202);
  assert.deepEqual(await world.subjects('ann@example.org', 'Sent'), ['kept']);
});

void test('nobody sends as somebody else: From, reverse-path and Sender must be the own', async () => {
  assertProblem(await send({ ...hello, from: 'bob@example.org' }), 403, 'notYourAddress');
  assertProblem(await send({ ...hello, from: 'ann@elsewhere.example' }), 403, 'notYourAddress');
  const raw = (header: string, query: string): Promise<Answer> =>
    world.call('POST', `/v1/messages?to=bob@example.org${query}`, {
      auth: ann,
      headers: { 'content-type': 'message/rfc822' },
      body: `${header}\r\n\r\nbody\r\n`,
    });
  assertProblem(await raw('From: bob@example.org', '&from=ann@example.org'), 403, 'notYourAddress');
  assertProblem(await raw('From: ann@example.org', '&from=bob@example.org'), 403, 'notYourAddress');
  assertProblem(await raw('From: ann@example.org\r\nSender: bob@example.org', ''), 403, 'notYourAddress');
  assertProblem(await raw('From: ann@example.org, bob@example.org', ''), 403, 'notYourAddress');
  assertProblem(await raw('From: ann@example.org\r\nFrom: ann@example.org', ''), 400, 'badRequest');
  assertProblem(await raw('Subject: nobody', ''), 400, 'badRequest');
  assertProblem(await raw('From: bob@example.org:ann@example.org;', ''), 400, 'badRequest');
  assertProblem(await raw('From: ann@example.org\r\nResent-From: bob@example.org', ''), 403, 'notYourAddress');
  assertProblem(await raw(`From: ann@example.org\r\n${'a:\r\n'.repeat(2_001)}b:`, ''), 422, 'headerTooLarge');
  assertProblem(await raw('From: ann@example.org\r\nno field', ''), 422, 'notAField');
  assert.equal((await raw('From: ann+shop@example.org', '')).status, 202, 'a detail of the own address is own');
  await world.admin.json(['address', 'add', 'team@example.org', '--to', 'ann@example.org', 'bob@example.org']);
  assert.equal((await raw('From: team@example.org', '')).status, 202, 'so is what it shares with others');
});

void test('what is malformed is 400 and says where', async () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ ...hello, to: [] }, /no recipient/],
    [{ ...hello, to: 'nobody' }, /to\.0: bad address/],
    [{ ...hello, from: 'Eve\r\nBcc: x@example.org <ann@example.org>' }, /from: /],
    [{ ...hello, subject: 'a\r\nBcc: x@example.org' }, /subject: it holds control characters/],
    [{ ...hello, headers: { 'X-A': 'a\r\nBcc: x@example.org' } }, /control characters/],
    [{ ...hello, headers: { 'X-A: x\r\nY': 'a' } }, /no name of a header/],
    [{ ...hello, headers: { From: 'bob@example.org' } }, /set by the server/],
    [{ ...hello, headers: { 'Content-Type': 'text/evil' } }, /set by the server/],
    [{ ...hello, attachments: [{ filename: 'a', contentBase64: '***' }] }, /not base64/],
    [{ ...hello, attachments: [{ filename: 'a', contentType: 'a/b\r\nX: y', contentBase64: '' }] }, /media type/],
    [{ ...hello, attachments: [{ filename: 'a', path: '/etc/passwd', contentBase64: '' }] }, /path/],
    [{ ...hello, html: { path: '/etc/passwd' } }, /html/],
    [{ ...hello, text: 'a\0b' }, /NUL/],
    [{ ...hello, unknown: 1 }, /unknown/],
    [{ ...hello, tags: ['a b'] }, /tags\.0/],
    [[], /./],
  ];
  for (const [body, says] of wrong) {
    const answer = await send(body);
    assertProblem(answer, 400, 'badRequest');
    assert.match(answer.json.detail, says);
  }
  const broken = await world.call('POST', '/v1/messages', {
    auth: ann,
    headers: { 'content-type': 'application/json' },
    body: '{"from":',
  });
  assertProblem(broken, 400, 'badRequest');
});

void test('another media type is 415, so that no form of a web page can send', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const headers = { 'content-type': type };
    assertProblem(
      await world.call('POST', '/v1/messages', { auth: ann, headers, body: '{}' }),
      415,
      'unsupportedMediaType',
    );
  }
  const preflight = await world.call('OPTIONS', '/v1/messages', { headers: { origin: 'https://evil.example' } });
  assert.equal(preflight.status, 404);
  assert.equal(preflight.headers.get('access-control-allow-origin'), null);
});

void test('a recipient who is not there refuses the whole mail', async () => {
  const before = (await world.subjects('bob@example.org')).length;
  world.counted.splice(0);
  assertProblem(await send({ ...hello, to: ['bob@example.org', 'nobody@example.org'] }), 422, 'unknownRecipient');
  assert.equal((await world.subjects('bob@example.org')).length, before);
  assert.deepEqual(world.counted, [{ metric: 'ringpost_mails_refused_total', reason: 'http 422' }]);
});

void test('a mail that is too large is 413, by its length or by its bytes', async () => {
  const large = await send({ ...hello, text: 'x'.repeat(3 * 1024 * 1024) });
  assertProblem(large, 413, 'requestTooLarge');
  const lines = 'x'.repeat(76).concat('\n').repeat(15_000);
  assertProblem(await send({ ...hello, text: lines }), 413, 'messageTooLarge');
  const chunked = await fetch(`http://127.0.0.1:${world.port}/v1/messages`, {
    method: 'POST',
    headers: { authorization: ann, 'content-type': 'application/json' },
    body: new Blob([JSON.stringify({ ...hello, text: 'x'.repeat(3 * 1024 * 1024) })]).stream(),
    duplex: 'half',
  });
  assert.equal(chunked.status, 413);
});

void test('a mail of JSON with a million parts is 413, though its bytes are few', async () => {
  const parts = Array.from({ length: 500_000 }, () => ({}));
  assertProblem(await send({ ...hello, to: parts }), 413, 'tooIntricate');
});

void test('a core that is busy is 503 with Retry-After, and a bug tells nothing of itself', async () => {
  world.failAsks((kind) => (kind === 'deliver' ? tryLater('busy', 'too much to do') : undefined));
  const busy = await send(hello);
  assertProblem(busy, 503, 'busy');
  assert.equal(busy.headers.get('retry-after'), '5');
  world.failAsks((kind) => (kind === 'deliver' ? new Error('secret detail') : undefined));
  const bug = await send(hello);
  assertProblem(bug, 503, 'internal');
  assert.doesNotMatch(bug.text, /secret/);
  assert.equal(world.bugs.splice(0).length, 1);
  world.failAsks(null);
});
