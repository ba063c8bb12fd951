/** The courier on the real engine and the real actors: from the hand-over of a mail to the report about it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { addresses } from '../../../actors/address/protocol.ts';
import { startCourier } from '../../../actors/courier/courier.ts';
import { dueTopic } from '../../../actors/delivery-domain/due-topic.ts';
import { deliveryDomains, deliveryDueTopic } from '../../../actors/delivery-domain/protocol.ts';
import { kinds } from '../../../actors/kinds.ts';
import { localDomains } from '../../../actors/local-domain/protocol.ts';
import { mailboxes } from '../../../actors/mailbox/protocol.ts';
import { submit } from '../../../actors/routing/submit.ts';
import { clusterSettings } from '../../../actors/settings/protocol.ts';
import { type Clock, systemClock } from '../../../runtime/base/clock.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { openLogger } from '../../../runtime/observe/logger.ts';
import { openLoneCore } from '../../support/lone-log.ts';
import { openCore } from '../../../runtime/node/core.ts';
import { readBody } from '../../../runtime/store/body-rows.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { LocalCore } from '../../../runtime/threads/local-core.ts';
import { type Remote, type RemoteScript, startRemote } from '../../support/courier-remote.ts';
import { shortLimits } from '../../support/courier-world.ts';
import { until } from '../../support/smtp-until.ts';

const principal = { kind: 'node', id: 'n1' } as const;
const hostname = 'here.example';

/** A call's deadline of 30 s must not keep the process. */
const restlessClock: Clock = {
  ...systemClock,
  after(delayMs, wake) {
    const timer = setInterval(() => {
      clearInterval(timer);
      wake();
    }, delayMs).unref();
    return () => clearInterval(timer);
  },
};

async function realCore(t: TestContext): Promise<CoreApi> {
  const directory = await mkdtemp(join(tmpdir(), 'ringpost-courier-'));
  const fatal = (error: unknown): never => {
    throw error;
  };
  const bug = (what: string, error: unknown): never => fatal(new Error(what, { cause: error }));
  const core = await openCore({
    ...{
      dataPath: join(directory, 'node'),
      nodeId: nodeId('n1'),
      mayCreate: true,
      kinds,
      limits,
      fatal,
      openLog: openLoneCore,
    },
    ...{ clock: systemClock, random: systemRandom, observe: () => undefined },
    reports: { bug, turn: () => undefined, slow: () => undefined, noticeFailed: fatal },
  });
  t.after(async () => {
    await core.close();
    await rm(directory, { recursive: true });
  });
  const { engine, store } = core;
  const due = dueTopic(engine, deliveryDomains.kind);
  const target = {
    shardCount: core.directory.header.shardCount,
    ask: engine.ask.bind(engine),
    query: engine.query.bind(engine),
    readBody(hash: string, range?: { readonly offset: number; readonly length: number }) {
      const bytes = readBody(store, hash, range);
      return bytes === undefined ? Promise.reject(refused('bodyMissing', 'gone')) : Promise.resolve(bytes);
    },
    subscribe(topic: string, publish: (value: unknown) => void) {
      if (topic === deliveryDueTopic) return due(publish);
      const read = (): void =>
        engine.query({ ...clusterSettings, query: { kind: 'all' }, principal }, (outcome) => {
          if (outcome.ok) publish(outcome.answer);
        });
      read();
      return engine.watch(clusterSettings, read);
    },
    inspect: () => Promise.resolve(null),
    count: () => undefined,
  };
  return new LocalCore({ target, clock: restlessClock, random: systemRandom });
}

interface World {
  readonly core: CoreApi;
  readonly remote: Remote;
  send(to: readonly string[]): Promise<void>;
  /** Texts of the mails in ann's mailbox. */
  inbox(): Promise<string[]>;
}

async function realWorld(t: TestContext, script: RemoteScript): Promise<World> {
  const remote = await startRemote(script);
  t.after(() => remote.stop());
  const core = await realCore(t);
  const options = { principal };
  const set = (key: string, value: string) => core.ask(clusterSettings, { kind: 'set', key, value }, options);
  await set('routes.there.example', `127.0.0.1:${remote.port}`);
  await set('queue.retry', '100ms');
  await core.ask(clusterSettings, { kind: 'addDomain', domain: hostname }, options);
  const policy = { catchAll: null, postmaster: null, detailSeparator: '+', tenant: null };
  await core.ask(localDomains.ref(hostname), { kind: 'create', policy }, options);
  const box = mailboxes.ref('box');
  await core.ask(box, { kind: 'create', accountId: 'ann', quotaBytes: 0 }, options);
  const mailbox = { type: 'mailbox', mailboxId: 'box', accountId: 'ann', primary: true } as const;
  await core.ask(addresses.ref('ann@here.example'), { kind: 'claim', target: mailbox }, options);
  const context = { core, clock: systemClock, random: systemRandom, hostname };
  const common = { submitter: null, received: null, sentCopy: null, signs: false, principal } as const;
  const courier = startCourier({
    ...context,
    ...{ courier: { node: 'n1', start: 's' }, dnsServers: [], connectionsMax: 5, limits: shortLimits },
    log: openLogger({ node: 'n1', level: 'silent' }),
    submit: ({ to, bytes, smtpUtf8 }) =>
      submit(context, {
        ...common,
        ...{ reversePath: '', bytes, smtpUtf8, dsn: { ret: null, envelopeId: null } },
        recipients: [{ address: to, notify: ['never'], orcpt: null }],
      }),
  });
  t.after(() => courier.stop(500));
  let count = 0;
  return {
    core,
    remote,
    async send(to) {
      const text = `From: ann@here.example\r\nMessage-ID: <${++count}@here.example>\r\nSubject: hello\r\n\r\n.text\r\n`;
      await submit(context, {
        ...common,
        ...{ reversePath: 'ann@here.example', bytes: new Uint8Array(Buffer.from(text)), smtpUtf8: false },
        dsn: { ret: null, envelopeId: 'E1' },
        recipients: to.map((address) => ({ address, notify: null, orcpt: null })),
      });
    },
    async inbox() {
      const folders = await core.query(box, { kind: 'folders' }, options);
      const folderId = folders.find(({ name }) => name === 'INBOX')!.folderId;
      const page = await core.query(box, { kind: 'messages', folderId, afterUid: 0 as never, limit: 10 }, options);
      const bodies = page.map(({ body }) => core.readBody(body.hash));
      return (await Promise.all(bodies)).map((bytes) => Buffer.from(bytes).toString());
    },
  };
}

async function emptied({ core }: World): Promise<void> {
  for (;;) {
    const summary = await core.query(deliveryDomains.ref('there.example'), { kind: 'summary' }, { principal });
    if (summary.items === 0 && summary.reports === 0) return;
    await new Promise<void>((resolve) => void systemClock.after(10, resolve));
  }
}

void test('451, then 250: delivered once', async (t) => {
  const world = await realWorld(t, { RCPT: ['451 4.7.1 later', '250 ok'] });
  await world.send(['bob@there.example']);
  await until(() => world.remote.mails.length === 1);
  await emptied(world);
  assert.equal(world.remote.mails.length, 1);
  assert.match(world.remote.mails[0]!.wire.toString(), /\r\n\r\n\.\.text\r\n$/);
});

void test('550: one report in the mailbox of the sender', async (t) => {
  const world = await realWorld(t, { RCPT: ['250 ok', '550 5.1.1 who is that?'] });
  await world.send(['bob@there.example', 'eve@there.example']);
  await until(() => world.remote.mails.length === 1);
  await emptied(world);
  const [report, ...others] = await world.inbox();
  assert.equal(others.length, 0);
  assert.match(report!, /\r\nOriginal-Envelope-Id: E1\r\n/);
  assert.match(report!, /\r\nFinal-Recipient: rfc822; eve@there\.example\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/);
  assert.equal(report!.includes('bob@there.example'), false);
});

void test('200 mails, each once', async (t) => {
  const world = await realWorld(t, {});
  for (let i = 0; i < 200; i++) await world.send([`bob${i}@there.example`]);
  await until(() => world.remote.mails.length === 200);
  await emptied(world);
  assert.equal(new Set(world.remote.mails.map(({ to }) => to[0])).size, 200);
  assert.equal(world.remote.mails.length, 200);
});
