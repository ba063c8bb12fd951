/** The data directory of a lone node's log of before: nothing of it is lost, and it can grow. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Message } from '../../../actors/mailbox/protocol.ts';
import { kinds } from '../../../actors/kinds.ts';
import type { ConfigurationChange } from '../../../cluster/raft/protocol.ts';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { encodeRow } from '../../../runtime/codec/row.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { type Asked, engineWorld, type EngineWorld, shardCount } from '../../support/engine-world.ts';
import { GroupsWorld } from '../../support/groups-world.ts';
import { sampleMail, sampleRecipient } from '../../support/mail-samples.ts';

/** What is in `test/data/lone-log/`: how many mails, and the commands that are sent again. */
interface Story {
  readonly name: string;
  /** Mails that lie in `m1`, by number. */
  readonly mails: readonly number[];
  /** The last mail that `m1` had got when the power went. */
  readonly last: { readonly mail: number; readonly seq: number };
  /** First and last index of `m1`'s shard in the log, and its last batch. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastBatch: number;
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const stories: readonly Story[] = [
  { name: 'log-alone', mails: upTo(0, 3), last: { mail: 3, seq: 5 }, firstIndex: 1, lastIndex: 5, lastBatch: 5 },
  // The last one was with the spool.
  { name: 'compacted', mails: upTo(1, 13), last: { mail: 12, seq: 16 }, firstIndex: 11, lastIndex: 15, lastBatch: 17 },
];
/** The shard of `m1`. */
const mailShard = shardId(1);
const folder = new URL('../../data/lone-log/', import.meta.url);

function diskOf({ name }: Story): MemoryDisk {
  const disk = new MemoryDisk();
  const lines = readFileSync(new URL(`${name}.jsonl`, folder), 'utf8')
    .trimEnd()
    .split('\n');
  disk.apply(
    lines.map((line) => {
      const [key, value] = JSON.parse(line) as [RowKey, string];
      return { key, value: Buffer.from(value, 'base64') };
    }),
  );
  return disk;
}

const bodyOf = (mail: number): Buffer => Buffer.from(`mail ${mail}`);

function deliver(mail: number) {
  const bytes = bodyOf(mail);
  const hash = bodyHash(bytes);
  const message = { ...sampleMail({ mailId: `mail${mail}` }), body: { hash, sizeBytes: bytes.length } };
  const recipient = sampleRecipient({ mailboxId: 'm1', fingerprint: `print ${mail}` });
  return { command: { kind: 'deliver', message, recipient }, bodies: [{ hash, bytes }] };
}

function requireMails(world: EngineWorld, mailbox: string, mails: readonly number[]): void {
  const query = { kind: 'messages', folderId: 1, afterUid: 0, limit: 1_000 };
  const messages = world.query('mailbox', mailbox, query) as readonly Message[];
  assert.deepEqual(
    messages.map(({ mailId }) => mailId),
    mails.map((mail) => `mail${mail}`),
  );
  requireBodies(world.store, mails);
}

function requireBodies(store: ReadableStore, mails: readonly number[]): void {
  for (const mail of mails) {
    const body = readBody(store, bodyHash(bodyOf(mail)));
    assert.ok(body !== undefined && bodyOf(mail).equals(body), `the body of mail ${mail} is what it was`);
  }
}

const answerOf = ({ outcome }: Asked): unknown => (outcome?.ok ? outcome.answer : outcome?.error.code);

void test('upgrade: a data directory of the lone log opens with all that it had, and goes on', async () => {
  for (const story of stories) {
    const { mails, last, lastIndex } = story;
    const disk = diskOf(story);
    const world = await engineWorld([...kinds.values()], { disk });
    assert.equal(world.log.lastIndex(mailShard), lastIndex + 1, 'and a no-op');
    await world.settle();
    requireMails(world, 'm1', mails);
    if (story.name === 'compacted') {
      requireMails(world, 'm2', [13]);
      assert.equal(readBody(world.store, bodyHash(bodyOf(0))), undefined, 'what was expunged stays away');
    }

    const { command, bodies } = deliver(last.mail);
    const again = world.ask('mailbox', 'm1', command, { id: { caller: 'test', seq: last.seq }, bodies });
    const resent = world.ask('mailbox', 'm1', command, { id: { caller: 'later', seq: 1 }, bodies });
    const fresh = deliver(99);
    world.ask('mailbox', 'm1', fresh.command, { id: { caller: 'later', seq: 2 }, bodies: fresh.bodies });
    await world.settle();
    const first = { uid: last.mail + 1, folderId: 1, mailId: `mail${last.mail}` };
    assert.deepEqual(answerOf(again), { ...first, resend: false }, 'the answer of then');
    assert.deepEqual(answerOf(resent), { ...first, resend: true });
    requireMails(world, 'm1', [...mails, 99]);
    assert.deepEqual([world.bugs, world.fatals], [[], []]);
    world.tree.halt();

    const later = await engineWorld([...kinds.values()], { disk, clock: world.clock });
    await later.settle();
    requireMails(later, 'm1', [...mails, 99]);
  }
});

void test('upgrade: a shard of which the log has nothing any more goes on behind its last entry, in a later term', async () => {
  const disk = diskOf(stories[1]!);
  // As if the power had gone earlier: all that there is, is in the tree.
  disk.apply([15, 16, 17].map((batch) => ({ key: rowKey([keyspace.log, batch]), value: null })));
  const world = new GroupsWorld({ nodes: ['n1'], disk, shardCount });
  await world.settle();
  const host = world.host('n1');
  const places = host.places(shardId(2)).map(({ index, term }) => [index, term]);
  assert.deepEqual(places, [[2, 2]], 'a no-op');
});

void test('upgrade: batches of before go as all batches go, and take nothing with them', async () => {
  for (const story of stories) {
    const world = new GroupsWorld({ nodes: ['n1'], disk: diskOf(story), shardCount, batchesKept: 4 });
    await world.settle();
    await world.pass(1_000);
    for (let i = 0; i < 32; i++) {
      world.append('n1', 0, { rows: [{ key: rowKey(['s', 0, 'new']), value: encodeRow(1, `${i}`) }] });
      await world.settle();
    }
    const { tree, store } = world.node('n1');
    const kept = tree.range({ ...below(rowKey([keyspace.log])), limit: 1_000 });
    assert.ok(kept.every(({ key }) => key >= rowKey([keyspace.log, story.lastBatch + 1])));
    const had = story.mails.filter((mail) => mail !== 13);
    requireBodies(store, had);
    world.crash('n1');
    world.start('n1');
    await world.settle();
    requireBodies(world.node('n1').store, had);
  }
});

void test('upgrade: followers get all of it, from the log or as a copy, and one takes over', async () => {
  for (const story of stories) {
    const configuration = { voters: [nodeId('n1')], learners: [], witness: null };
    const world = new GroupsWorld({ nodes: ['n1', 'n2', 'n3'], disk: diskOf(story), configuration, shardCount });
    await world.settle();
    assert.equal(world.host('n1').places(mailShard)[0]?.index, story.firstIndex);
    for (const name of ['n2', 'n3']) {
      const node = nodeId(name);
      await changeAll(world, { kind: 'addLearner', node });
      await world.pass(3_000);
      await changeAll(world, { kind: 'promote', node, isWitness: false });
    }
    const expected = stateRows(world.node('n1').store);
    assert.ok(expected.rows.length > 20 && expected.references.length > 0);
    for (const name of ['n2', 'n3']) {
      const { store, host } = world.node(name);
      assert.deepEqual(stateRows(store), expected, `rows of ${name}`);
      requireBodies(store, story.mails);
      assert.deepEqual(
        host.status().map(({ hash }) => hash),
        world
          .host('n1')
          .status()
          .map(({ hash }) => hash),
      );
    }
    world.crash('n1');
    world.suspect('n1');
    await world.elect('n2');
    assert.ok(world.shards.every((shard) => world.host('n2').serves(shardId(shard))));
    world.append('n2', mailShard, { rows: [{ key: rowKey(['s', 1, 'new']), value: encodeRow(1, 'new') }] });
    await world.settle();
    assert.ok(world.node('n3').store.has(rowKey(['s', 1, 'new'])));
  }
});

async function changeAll(world: GroupsWorld, change: ConfigurationChange): Promise<void> {
  const host = world.host('n1');
  const isTaken = (refused: unknown): void => assert.equal(refused, null);
  for (const shard of world.shards) host.changeConfiguration(shardId(shard), change, isTaken);
  await world.settle();
}

/** What entries have written, and which bodies are here for whom. */
function stateRows(store: ReadableStore) {
  const { state, timer, timerName, outbox, outboxHead, inbox, dedup, event, bodyReference } = keyspace;
  const rowsOf = (space: string) => store.range({ ...below(rowKey([space])), limit: 10_000 });
  const rows = [state, timer, timerName, outbox, outboxHead, inbox, dedup, event].flatMap(rowsOf);
  return { rows, references: rowsOf(bodyReference).map(({ key }) => key) };
}
