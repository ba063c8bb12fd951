/** The HTTP API of the real program: a token, a mail, its story and its bytes; and requests that a kill -9 cuts off. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { expectDone } from '../support/process-command.ts';
import { listMailbox } from '../support/process-mailboxes.ts';
import type { RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor, ownedBy } from '../support/process-place.ts';

async function tokenOf(node: RingpostNode, scope: string): Promise<string> {
  const words = ['token', 'create', ann, '--scope', scope, '--json'];
  const made = JSON.parse(expectDone(await node.cli(words), words.join(' ')).toString('utf8')) as { token: string };
  return `Bearer ${made.token}`;
}

async function call(node: RingpostNode, path: string, authorization: string, init: RequestInit = {}) {
  const headers = { authorization, ...(init.headers as Record<string, string> | undefined) };
  const answer = await fetch(`http://127.0.0.1:${node.httpPort}${path}`, { ...init, headers });
  const text = await answer.text();
  const json: any = path.endsWith('/raw') ? null : JSON.parse(text);
  return { status: answer.status, text, json };
}

function send(node: RingpostNode, auth: string, subject: string, key: string) {
  return call(node, '/v1/messages', auth, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ from: ann, to: ann, subject, text: 'hello' }),
  });
}

void test('HTTP API: a program with a token sends, follows and reads a mail', async (t) => {
  const node = await nodeFor(t);
  const auth = await tokenOf(node, 'api');
  const sent = await send(node, auth, 'by HTTP', 'k1');
  equal(sent.status, 202, sent.text);
  const story = await call(node, `/v1/messages/${sent.json.id}`, auth);
  deepEqual(
    story.json.events.map(({ kind }: { kind: string }) => kind),
    ['accepted', 'delivered'],
  );
  const page = await call(node, '/v1/folders/1/messages', auth);
  equal(page.json.messages[0].subject, 'by HTTP');
  const raw = await call(node, `/v1/folders/1/messages/${page.json.messages[0].uid}/raw`, auth);
  match(raw.text, /^Return-Path: <ann@example\.org>\r\nReceived: by \S+ with HTTP id /);
  const described = await call(node, '/openapi.json', '');
  equal(described.json.openapi, '3.1.0');
  equal((await send(node, 'Bearer rp_wrong', 'no', 'k2')).status, 401);
});

void test('HTTP API: kill -9 amid requests under keys, and each repeated one is one mail', async (t) => {
  const node = await nodeFor(t);
  const auth = await tokenOf(node, 'submit');
  const names = Array.from({ length: 60 }, (_, i) => `mail ${i}`);
  const first = new Map<string, string>();
  const cut: string[] = [];
  let ended: Promise<unknown> = Promise.resolve();
  await Promise.all(
    names.map(async (name) => {
      try {
        const answer = await send(node, auth, name, name);
        if (answer.status === 202) first.set(name, answer.json.id);
        if (first.size === 10) ended = node.kill();
      } catch {
        cut.push(name);
      }
    }),
  );
  await ended;
  ok(first.size >= 10 && cut.length > 0, `${first.size} answered, ${cut.length} cut off`);
  const again = ownedBy(t, await node.restart());
  for (const name of names) {
    const answer = await send(again, auth, name, name);
    equal(answer.status, 202, answer.text);
    equal(answer.json.id, first.get(name) ?? answer.json.id, 'the answer of before the crash holds');
    first.set(name, answer.json.id);
  }
  equal(new Set(first.values()).size, names.length);
  const subjects = (await listMailbox(again, ann)).map(({ subject }) => subject);
  deepEqual(subjects.sort(), [...names].sort());
  t.diagnostic(`${cut.length} requests were cut off by the kill`);
});
