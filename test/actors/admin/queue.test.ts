import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { deliveryDomains, type DeliveryPolicy } from '../../../actors/delivery-domain/protocol.ts';
import type { OutgoingMessage } from '../../../actors/mail/outgoing.ts';
import { sampleMail } from '../../support/mail-samples.ts';
import { type AdminWorld, adminWorld, say } from './admin-world.ts';

interface Queued {
  readonly domain: string;
  readonly sender?: string;
  readonly to?: readonly string[];
  readonly mailId?: string;
}

/** Puts a mail into a queue, as an edge does. Answers its id. */
async function enqueue(
  { context }: AdminWorld,
  { domain, sender = 'bob@example.net', to, mailId }: Queued,
): Promise<string> {
  const sample = sampleMail(mailId === undefined ? {} : { mailId });
  const bytes = new TextEncoder().encode(`Subject: ${sample.mailId}\r\n\r\nhello\r\n`);
  const message: OutgoingMessage = {
    ...sample,
    body: { hash: hash('sha256', bytes, 'base64url'), sizeBytes: bytes.length },
    envelope: { ...sample.envelope, reversePath: sender },
    prefix: new Uint8Array(0),
    dsn: { ret: null, envelopeId: null },
    smtpUtf8: false,
  };
  const recipients = (to ?? [`ann@${domain}`]).map((address) => ({
    address,
    notify: null,
    orcpt: null,
    fingerprint: null,
  }));
  await context.core.ask(
    deliveryDomains.ref(domain),
    { kind: 'enqueue', message, recipients },
    { principal: context.principal, bodies: [{ hash: message.body.hash, bytes }] },
  );
  return message.mailId;
}

const policy: DeliveryPolicy = {
  concurrency: 5,
  perMinute: 0,
  retryMs: [60_000],
  expireMs: 432_000_000,
  delayWarnMs: 0,
  attemptTimeoutMs: 600_000,
  inDoubt: 'hold',
};

/** One attempt at the next mail of the domain, by a courier that `outcome` tells the end of. */
async function attempt({ context }: AdminWorld, domain: string, outcome: 'deferred' | 'inDoubt'): Promise<void> {
  const courier = { node: 'n1', start: 's1' };
  const { principal } = context;
  const ref = deliveryDomains.ref(domain);
  const { dialogue, jobs } = await context.core.ask(
    ref,
    { kind: 'begin', courier, policy, mailsMax: 1 },
    { principal },
  );
  const results = jobs.map(({ itemId, attemptId, recipients }) => ({
    ...{ itemId, attemptId, source: null, mx: 'mx.test', ip: null, tls: { policy: '', outcome: 'none' }, tookMs: 5 },
    dsnPassedOn: false,
    recipients: recipients.map(({ address }) => ({
      address,
      outcome,
      code: 451,
      enhanced: '4.3.0',
      text: 'not \x1b[2J now',
    })),
  }));
  const finish = { kind: 'finish', courier, policy, dialogue: dialogue ?? '', results, mailsMax: 0 } as const;
  await context.core.ask(ref, finish, { principal });
}

void describe('queue: looking', () => {
  let world: AdminWorld;
  before(async () => {
    world = await adminWorld();
  });
  after(() => world.stop());

  void test('nothing waits, and the list says so', async () => {
    assert.equal((await world.cli(['queue', 'list'])).text, 'Nothing waits.\n');
    assert.deepEqual(await world.json(['queue', 'list']), []);
    assert.deepEqual(await world.json(['queue', 'domains']), []);
  });

  void test('the list has all domains in order, and is narrowed by domain, mail, sender, age and state', async () => {
    const first = await enqueue(world, { domain: 'b.example' });
    const second = await enqueue(world, { domain: 'a.example', sender: '', to: ['x@a.example', 'y@a.example'] });
    const third = await enqueue(world, { domain: 'b.example', sender: 'eve@example.net' });
    const ids = async (...words: string[]) => (await world.json(['queue', 'list', ...words])).map((row: any) => row.id);
    assert.deepEqual(await ids(), [second, first, third]);
    assert.deepEqual(await ids('--domain', 'B.example'), [first, third]);
    assert.deepEqual(await ids('--id', first), [first]);
    assert.deepEqual(await ids('--sender', 'eve@example.net'), [third]);
    assert.deepEqual(await ids('--sender', '<>'), [second]);
    assert.deepEqual(await ids('--older', '1h'), []);
    assert.deepEqual(await ids('--older', '0s'), [second, first, third]);
    assert.deepEqual(await ids('--state', 'held'), []);
    assert.equal((await world.cli(['queue', 'list', '--older', 'long'])).status, 2);
    assert.equal((await world.cli(['queue', 'list', '--state', 'lost'])).status, 2);
    assert.deepEqual(await ids('--id', 'nonsense'), []);
  });

  void test('a script gets id, domain, recipients, attempts, the next attempt, the state and the last reply', async () => {
    await attempt(world, 'b.example', 'deferred');
    const [row] = await world.json(['queue', 'list', '--domain', 'b.example']);
    const { id, domain, recipients, attempts, nextAttemptAt, state, lastReply } = row;
    assert.deepEqual([domain, recipients, attempts, state], ['b.example', ['ann@b.example'], 1, 'queued']);
    assert.match(id, /^mail/);
    assert.ok(Date.parse(nextAttemptAt) > Date.now() + 30_000, nextAttemptAt);
    assert.match(lastReply, /^451 4\.3\.0 not/);
    const [byEntry] = await world.json(['queue', 'list', '--id', row.item]);
    assert.deepEqual(byEntry, row);
  });

  void test('a remote server’s words cannot play with the terminal', async () => {
    for (const words of [
      ['queue', 'list'],
      ['queue', 'show', (await world.json(['queue', 'list']))[1].id],
    ]) {
      const { text } = await world.cli(words);
      assert.ok(!text.includes('\x1b') && text.includes('\\u001b[2J'), text);
    }
  });

  void test('a mail is shown with all its entries, by its id or by one entry', async () => {
    const mailId = await enqueue(world, { domain: 'a.example' });
    await enqueue(world, { domain: 'c.example', mailId });
    const both = await world.json(['queue', 'show', mailId]);
    assert.deepEqual(both.map((row: any) => row.domain).sort(), ['a.example', 'c.example']);
    const [one] = await world.json(['queue', 'show', both[1].item]);
    assert.equal(one.item, both[1].item);
    assert.match((await world.cli(['queue', 'show', mailId])).text, new RegExp(`ringpost trace ${mailId}`));
    assert.match((await world.cli(['queue', 'show', 'nonsense'])).err, /ringpost queue list.*\[noSuchQueued\]/);
  });

  void test('domains are summed up, and a paused one says so, also when nothing waits there', async () => {
    assert.match(
      (await world.cli(['queue', 'pause', 'idle.example'])).text,
      /idle\.example is paused; 0 entries there/,
    );
    assert.match((await world.cli(['queue', 'pause', 'Idle.example'])).text, /was already paused/);
    const rows = await world.json(['queue', 'domains']);
    assert.deepEqual(
      rows.map((row: any) => [row.domain, row.items, row.byState.queued, row.isPaused]),
      [
        ['a.example', 2, 2, false],
        ['b.example', 2, 2, false],
        ['c.example', 1, 1, false],
        ['idle.example', 0, 0, true],
      ],
    );
    await world.json(['queue', 'resume', 'idle.example']);
    assert.equal((await world.json(['queue', 'domains'])).length, 3);
    assert.equal((await world.cli(['queue', 'pause', 'no domain'])).status, 2);
  });

  void test('what is in doubt is listed with why, and what was made of it', async () => {
    assert.match((await world.cli(['queue', 'in-doubt'])).text, /Nothing was in doubt/);
    await attempt(world, 'c.example', 'inDoubt');
    const [entry] = await world.json(['queue', 'in-doubt']);
    assert.deepEqual([entry.domain, entry.cause, entry.decided], ['c.example', 'noReply', 'hold']);
    assert.match(
      (await world.cli(['queue', 'in-doubt', '--domain', 'c.example'])).text,
      /sent, and no reply came\s+hold/,
    );
  });

  void test('trace tells in words what became of mail that leaves', async () => {
    const [entry] = await world.json(['queue', 'in-doubt']);
    const { text } = await world.cli(['trace', entry.id]);
    assert.match(text, /queued\s+waits for c\.example/);
    assert.match(text, /inDoubt\s+nobody knows whether c\.example has it/);
  });
});

void describe('queue: changing', () => {
  let world: AdminWorld;
  before(async () => {
    world = await adminWorld();
    for (const domain of ['a.example', 'a.example', 'b.example']) await enqueue(world, { domain });
  });
  after(() => world.stop());
  const states = async () => (await world.json(['queue', 'list'])).map((row: any) => row.state);

  void test('without --yes it only says how many, and how to go on', async () => {
    const { text, status } = await world.cli(['queue', 'hold', '--domain', 'a.example']);
    assert.equal(status, 0);
    assert.match(
      text,
      /^2 entries would be held \(a\.example 2\)\. Nothing was changed\. To do it: the same with --yes\n$/,
    );
    assert.deepEqual(await states(), ['queued', 'queued', 'queued']);
  });

  void test('with --yes, or on a terminal after a question, it is done', async () => {
    const held = await world.json(['queue', 'hold', '--domain', 'a.example', '--yes']);
    assert.deepEqual(held, { action: 'hold', done: true, count: 2, domains: [{ domain: 'a.example', count: 2 }] });
    assert.deepEqual(await states(), ['held', 'held', 'queued']);
    const onTerminal = (answer: string) => say(['queue', 'release', '--all', '--data', world.directory], answer, true);
    const refusal = await onTerminal('no\n');
    assert.match(refusal.err, /2 entries would be released \(a\.example 2\)\. To go on, type yes:/);
    assert.match(refusal.text, /Nothing was changed/);
    assert.match((await onTerminal('yes\n')).text, /^2 entries are released/);
    assert.deepEqual(await states(), ['queued', 'queued', 'queued']);
  });

  void test('a drop can be undone, and says how', async () => {
    const [row] = await world.json(['queue', 'list']);
    const dropped = await world.cli(['queue', 'drop', '--id', row.id, '--yes']);
    assert.match(dropped.text, /^1 entry is dropped \(a\.example 1\)\.\n.*ringpost queue undrop/);
    assert.equal((await world.json(['queue', 'list'])).length, 2);
    const [gone] = await world.json(['queue', 'list', '--dropped']);
    assert.equal(gone.id, row.id);
    assert.ok(Date.parse(gone.droppedUntil) > Date.now());
    assert.equal((await world.json(['queue', 'undrop', '--id', row.id, '--yes'])).count, 1);
    assert.deepEqual(await states(), ['queued', 'queued', 'queued']);
    assert.match((await world.cli(['trace', row.id])).text, /dropped\s+taken out of the queue for a\.example unsent/);
  });

  void test('one entry, a sender or an age can be meant; nothing at all cannot', async () => {
    const [row] = await world.json(['queue', 'list']);
    assert.equal((await world.json(['queue', 'hold', '--id', row.item])).count, 1);
    assert.equal((await world.json(['queue', 'hold', '--id', row.item, '--domain', 'b.example'])).count, 0);
    assert.equal((await world.json(['queue', 'retry', '--sender', 'bob@example.net'])).count, 3);
    assert.equal((await world.json(['queue', 'retry', '--older', '1h'])).count, 0);
    assert.match((await world.cli(['queue', 'retry', '--id', 'nonsense'])).err, /\[noSuchQueued\]/);
    const all = await world.cli(['queue', 'drop', '--yes']);
    assert.equal(all.status, 2);
    assert.match(all.err, /--domain, --id, --sender, --older or --state, or --all/);
  });

  void test('mail is sent another way, and back', async () => {
    const reroute = (...to: string[]) => world.cli(['queue', 'reroute', '--all', '--yes', ...to]);
    assert.equal((await reroute()).status, 2);
    assert.equal((await reroute('--to', 'mx2')).status, 2);
    assert.match(
      (await reroute('--to', '127.0.0.1:2526')).text,
      /^3 entries are rerouted \(a\.example 2, b\.example 1\)/,
    );
    assert.match((await reroute('--to', 'none')).text, /^3 entries are rerouted/);
    assert.match((await reroute('--to', 'none')).text, /^Nothing that waits is meant by that/);
  });
});

const nodeStatus = {
  ...{ node: 'n1', version: '0', dataDirectory: 'd', startedAtMs: 0, shards: 8, store: {}, problems: [] },
  ...{ sessions: 0, accepted: 0, refused: 0, pending: 0, deadLetters: 0 },
};

void test('status has the numbers of the queue, and says so when there are too many domains to sum up', async () => {
  const world = await adminWorld({ status: () => nodeStatus });
  try {
    assert.match((await world.cli(['status'])).text, /queue\s+0 queued · 0 held · 0 in doubt · 0 domains\n/);
    for (const domain of ['a.example', 'a.example', 'b.example']) await enqueue(world, { domain });
    await world.json(['queue', 'hold', '--domain', 'b.example', '--yes']);
    await world.json(['queue', 'pause', 'c.example']);
    assert.match((await world.cli(['status'])).text, /2 queued · 1 held · 0 in doubt · 2 domains · 1 paused\n/);
    const { queue } = await world.json(['status']);
    assert.deepEqual([queue.queued, queue.held, queue.isPartial], [2, 1, false]);
    await Promise.all(Array.from({ length: 200 }, (_, i) => enqueue(world, { domain: `d${i}.example` })));
    assert.match(
      (await world.cli(['status'])).text,
      /199 queued.*\(of the first 200 domains; all: ringpost queue domains\)/,
    );
  } finally {
    await world.stop();
  }
});

void test('queue list: a long queue of many domains is listed whole, each entry once', async () => {
  const world = await adminWorld();
  try {
    const domains = Array.from({ length: 230 }, (_, i) => `d${i}.example`);
    await Promise.all(domains.map((domain) => enqueue(world, { domain })));
    for (let i = 0; i < 12; i++) {
      await Promise.all(Array.from({ length: 100 }, () => enqueue(world, { domain: 'long.example' })));
    }
    const rows = await world.json(['queue', 'list']);
    assert.equal(rows.length, 1_430);
    assert.equal(new Set(rows.map((row: any) => row.item)).size, 1_430);
    assert.equal((await world.json(['queue', 'domains'])).length, 231);
    const held = await world.json(['queue', 'hold', '--all', '--yes']);
    assert.deepEqual([held.count, held.domains.length], [1_430, 231]);
  } finally {
    await world.stop();
  }
});
