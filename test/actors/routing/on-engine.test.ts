/** A mail that is handed in, on the real engine and the real actors: it is in mailboxes and queues afterwards. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { addresses } from '../../../actors/address/protocol.ts';
import { deliveryDomains } from '../../../actors/delivery-domain/protocol.ts';
import { submit } from '../../../actors/routing/submit.ts';
import { loopTurns } from '../../support/smtp-until.ts';
import { type AdminWorld, adminWorld } from '../admin/admin-world.ts';

const principal = { kind: 'node', id: 'test' } as const;
let world: AdminWorld;
let mailboxId: string;
before(async () => {
  world = await adminWorld();
  await world.json(['domain', 'add', 'example.org']);
  for (const name of ['ann', 'bob']) await world.json(['account', 'add', `${name}@example.org`]);
  const { core } = world.context;
  const ann = await core.query(addresses.ref('ann@example.org'), { kind: 'resolve' }, { principal });
  mailboxId = ann.known && ann.target.type === 'mailbox' ? ann.target.mailboxId : '';
  const target = { type: 'forward', targets: ['me@new.example'], keepIn: mailboxId } as const;
  await core.ask(addresses.ref('moved@example.org'), { kind: 'claim', target }, { principal });
});
after(() => world.stop());

const handIn = (id: string, to: readonly string[], sentCopy = false): ReturnType<typeof submit> =>
  submit(world.context, {
    reversePath: 'ann@example.org',
    submitter: 'ann',
    recipients: to.map((address) => ({ address, notify: null, orcpt: null })),
    bytes: new Uint8Array(
      Buffer.from(`From: ann@example.org\r\nMessage-ID: <${id}@x>\r\nSubject: ${id}\r\n\r\nhi\r\n`),
    ),
    dsn: { ret: null, envelopeId: null },
    smtpUtf8: false,
    received: null,
    sentCopy: sentCopy ? { mailboxId, folder: 'Sent' } : null,
    signs: true,
    principal,
  });

/** What a spool tells others is under way when its answer is here. */
async function soon<Value>(look: () => Promise<Value>, expected: Value): Promise<void> {
  for (let looks = 0; looks < 20_000; looks++) {
    if (isDeepStrictEqual(await look(), expected)) return;
    await loopTurns(1);
  }
  assert.deepEqual(await look(), expected);
}

async function queued(domain: string, mailId: string): Promise<readonly string[]> {
  const page = { kind: 'items', after: null, limit: 100 } as const;
  const { items } = await world.context.core.query(deliveryDomains.ref(domain), page, { principal });
  return items.filter((item) => item.mailId === mailId).flatMap((item) => item.recipients);
}

/** Subjects of a folder. */
async function subjects(address: string, folder = 'INBOX'): Promise<string[]> {
  const rows = await world.json(['mailbox', 'list', address, '--folder', folder]);
  return rows.map((row: { readonly subject: string }) => row.subject);
}

void test('a mail to many places is in all of them, and in each once', async () => {
  const to = ['bob@example.org', 'ann@example.org', 'moved@example.org', 'a@other.example', 'b@other.example'];
  const { mailId } = await handIn('everywhere', to, true);
  assert.deepEqual(await handIn('everywhere', to, true), { mailId, resend: true, copies: [1, 1] });
  await soon(() => queued('other.example', mailId), ['a@other.example', 'b@other.example']);
  await soon(() => queued('new.example', mailId), ['me@new.example']);
  await soon(() => subjects('bob@example.org'), ['everywhere']);
  await soon(() => subjects('ann@example.org', 'Sent'), ['everywhere']);
  assert.deepEqual(await subjects('ann@example.org'), ['everywhere']);
});

void test('a mail to one remote domain is its queue, and a resend is not', async () => {
  const many = Array.from({ length: 250 }, (_, i) => `u${i}@many.example`);
  const { mailId } = await handIn('many', many);
  assert.deepEqual(await handIn('many', many), { mailId, resend: true, copies: [1, 1] });
  assert.equal((await queued('many.example', mailId)).length, 250);
});

void test('a mail with an unknown recipient is nowhere', async () => {
  await assert.rejects(handIn('nowhere', ['bob@example.org', 'nobody@example.org']), /nobody@example\.org is unknown/);
  assert.equal((await subjects('bob@example.org')).includes('nowhere'), false);
});
