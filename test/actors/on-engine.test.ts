/** The actors of mail together, on the real engine: what the bench of a single one cannot show. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { kinds } from '../../actors/kinds.ts';
import type { Recipient } from '../../actors/mail/message.ts';
import type { Work } from '../../actors/delivery-domain/protocol.ts';
import type { Message } from '../../actors/mailbox/protocol.ts';
import { batchesKept, compactedEvery } from '../../cluster/groups/compaction.ts';
import { readBody } from '../../runtime/store/body-rows.ts';
import { engineWorld, type EngineWorld } from '../support/engine-world.ts';
import { sampleMail, sampleRecipient } from '../support/mail-samples.ts';
import { samplePolicy } from '../support/queue-bench.ts';

/** A command or query of whatever kind. */
type Loose = { readonly kind: string } & Readonly<Record<string, unknown>>;

interface Attached {
  readonly message: ReturnType<typeof sampleMail>;
  readonly bodies: readonly { hash: string; bytes: Uint8Array }[];
}

function mailWithBody(text: string): Attached {
  const bytes = new TextEncoder().encode(text);
  const hash = createHash('sha256').update(bytes).digest('base64url');
  return { message: { ...sampleMail(), body: { hash, sizeBytes: bytes.length } }, bodies: [{ hash, bytes }] };
}

async function answer(
  world: EngineWorld,
  kind: string,
  key: string,
  command: Loose,
  attached?: Attached,
): Promise<unknown> {
  const asked = world.ask(kind, key, command, attached === undefined ? {} : { bodies: attached.bodies });
  await world.settle();
  assert.deepEqual(world.bugs, []);
  assert.ok(asked.outcome);
  return asked.outcome.ok ? asked.outcome.answer : asked.outcome.error.code;
}

const messagesIn = (world: EngineWorld, mailboxId: string): readonly Message[] =>
  look(world, 'mailbox', mailboxId, { kind: 'messages', folderId: 1, afterUid: 0, limit: 1000 }) as readonly Message[];

/** Whether the body is still there after so many commits that no entry of the log keeps it. */
async function keeps(world: EngineWorld, { message }: Attached): Promise<boolean> {
  for (let i = 0; i < batchesKept + 2 * compactedEvery; i++) {
    await answer(world, 'mailbox', 'm1', { kind: 'setQuota', quotaBytes: 1_000_000 + i });
    if (i % 100 === 0) world.clock.advance(250);
  }
  return readBody(world.store, message.body.hash) !== undefined;
}

function look(world: EngineWorld, kind: string, key: string, query: Loose): unknown {
  return world.query(kind, key, query);
}

void test('a spooled mail reaches each mailbox once, and a resend of it none', async () => {
  const world = await engineWorld([...kinds.values()]);
  for (const key of ['m1', 'm2'])
    await answer(world, 'mailbox', key, { kind: 'create', accountId: key, quotaBytes: 0 });
  const attached = mailWithBody('hello');
  const recipients = ['m1', 'm2'].map((mailboxId) => sampleRecipient({ mailboxId, fingerprint: `print ${mailboxId}` }));
  const accept = { kind: 'accept', message: attached.message, recipients };
  assert.deepEqual(await answer(world, 'spool', 'print', accept, attached), {
    mailId: attached.message.mailId,
    resend: false,
  });
  assert.deepEqual(await answer(world, 'spool', 'print', accept, attached), {
    mailId: attached.message.mailId,
    resend: true,
  });
  for (const key of ['m1', 'm2']) {
    assert.deepEqual(
      messagesIn(world, key).map(({ mailId }) => mailId),
      [attached.message.mailId],
    );
  }
});

void test('a mailbox that went meanwhile: its sender is told by a report, which keeps the mail until it is written', async () => {
  const world = await engineWorld([...kinds.values()]);
  await answer(world, 'mailbox', 'm1', { kind: 'create', accountId: 'm1', quotaBytes: 0 });
  const attached = mailWithBody('hello');
  const recipients = ['m1', 'gone'].map((mailboxId) => sampleRecipient({ mailboxId, address: `${mailboxId}@x.org` }));
  await answer(world, 'spool', 'print', { kind: 'accept', message: attached.message, recipients }, attached);
  const begin = { kind: 'begin', courier: { node: 'n1', start: 's' }, policy: samplePolicy, mailsMax: 1 };
  const work = (await answer(world, 'delivery-domain', 'example.net', begin)) as Work;
  assert.deepEqual(
    work.reports.map(({ kind, mailId, recipients: [first] }) => [kind, mailId, first?.address, first?.enhanced]),
    [['failure', attached.message.mailId, 'gone@x.org', '5.1.1']],
  );
  assert.deepEqual(work.jobs, []);
  await answer(world, 'mailbox', 'm1', { kind: 'expunge', folderId: 1, uids: [1] });
  assert.equal(await keeps(world, attached), true, 'the report alone holds it now');
  const reportIds = work.reports.map(({ reportId }) => reportId);
  await answer(world, 'delivery-domain', 'example.net', { kind: 'reported', reportIds });
  assert.equal(await keeps(world, attached), false);
});

void test('an address learns that its mailbox is full, and that it is no longer', async () => {
  const world = await engineWorld([...kinds.values()]);
  const key = 'ann@example.org';
  const target = { type: 'mailbox', mailboxId: 'm', accountId: 'acc', primary: true };
  const isFull = () => (world.query('address', key, { kind: 'resolve' }) as { full?: boolean }).full;
  await answer(world, 'mailbox', 'm', { kind: 'create', accountId: 'acc', quotaBytes: 5 });
  await answer(world, 'address', key, { kind: 'claim', target });
  await answer(world, 'mailbox', 'm', { kind: 'addAddress', address: key });
  assert.equal(isFull(), false);
  const attached = mailWithBody('hello');
  await answer(
    world,
    'mailbox',
    'm',
    { kind: 'deliver', message: attached.message, recipient: sampleRecipient() },
    attached,
  );
  assert.equal(isFull(), true);
  await answer(world, 'mailbox', 'm', { kind: 'expunge', folderId: 1, uids: [1] });
  assert.equal(isFull(), false);
});

void test('thousands of messages are moved, deleted with their folder and purged, in turns that the engine allows', async () => {
  const world = await engineWorld([...kinds.values()], { limits: { turnRowsReadMax: 2000 } });
  await answer(world, 'mailbox', 'm', { kind: 'create', accountId: 'acc', quotaBytes: 0 });
  const attached = mailWithBody('shared by all');
  const deliver = (recipient: Recipient) => ({ kind: 'deliver', message: attached.message, recipient });
  for (let i = 0; i < 1200; i++) {
    world.ask('mailbox', 'm', deliver(sampleRecipient()), { bodies: attached.bodies });
    if (i % 500 === 499) await world.settle();
  }
  await world.settle();
  const uids = Array.from({ length: 1200 }, (_, i) => i + 1);
  const made = (await answer(world, 'mailbox', 'm', {
    kind: 'createFolder',
    name: 'Old',
    specialUse: null,
  })) as { folderId: number };
  const move = { kind: 'move', folderId: 1, uids, toFolderId: made.folderId };
  assert.equal(((await answer(world, 'mailbox', 'm', move)) as { pairs: unknown[] }).pairs.length, 1200);
  await answer(world, 'mailbox', 'm', { kind: 'deleteFolder', folderId: made.folderId });
  const summary = () => world.query('mailbox', 'm', { kind: 'summary' }) as { messages: number };
  for (let i = 0; i < 20 && summary().messages > 0; i++) {
    world.clock.advance(1000);
    await world.settle();
  }
  assert.equal(summary().messages, 0);
  for (let i = 0; i < 3; i++) await answer(world, 'mailbox', 'm', deliver(sampleRecipient()), attached);
  for (let i = 0; i < 1500; i++) {
    const recipient = sampleRecipient({ fingerprint: `print ${i}` });
    world.ask('mailbox', 'm', deliver(recipient), { bodies: attached.bodies });
    if (i % 500 === 499) await world.settle();
  }
  const all = Array.from({ length: 3000 }, (_, i) => i + 1);
  const flags = { mode: 'add', flags: ['\\Deleted'], unchangedSince: null };
  await answer(world, 'mailbox', 'm', { kind: 'setFlags', folderId: 1, uids: all, ...flags });
  const flagged = (await answer(world, 'mailbox', 'm', { kind: 'expunge', folderId: 1, uids: null })) as {
    removed: number[];
  };
  assert.equal(flagged.removed.length, 1503);
  for (let i = 0; i < 3; i++) await answer(world, 'mailbox', 'm', deliver(sampleRecipient()), attached);
  // Tombstones and fingerprints are more rows than one turn may read.
  assert.deepEqual(await answer(world, 'mailbox', 'm', { kind: 'purge' }), { removed: 3 });
  assert.equal(await answer(world, 'mailbox', 'm', { kind: 'setQuota', quotaBytes: 1 }), 'noSuchMailbox');
});
