/** Lists of the whole cluster: each shard from one node that serves it, or an error that says what is missing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterTarget } from '../../../cluster/routing/cluster-target.ts';
import { kind } from '../../../cluster/routing/wire.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import type { CoreTarget } from '../../../runtime/threads/core-target.ts';
import { ReadingWorld, shardCount } from './reading-world.ts';

const keys = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
const inOrder = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
const shardsOf = (argument: unknown): readonly number[] => (argument as { shards: readonly number[] }).shards;

/** All nodes have a copy of everything; shard 0 and 3 are led by n1, 1 by n2, 2 by n3. */
function threeNodes(): ReadingWorld {
  const world = new ReadingWorld(['n1', 'n2', 'n3']);
  for (const [shard, name] of ['n1', 'n2', 'n3', 'n1'].entries()) world.lead(shard, name);
  for (const { answers, id } of world.nodes) {
    answers.set('actors', (argument) => {
      const { after, limit } = argument as { after: string | null; limit: number };
      const own = inOrder.filter((key) => shardsOf(argument).includes(shardOf('queue', key, shardCount)));
      return own.filter((key) => after === null || key > after).slice(0, limit);
    });
    answers.set('events', (argument) =>
      shardsOf(argument).map((shard) => ({ shard, atMs: 100 - shard, kind: 'queued', by: id })),
    );
    answers.set('deadLetters', (argument) =>
      shardsOf(argument).flatMap((shard) => [
        { shard, index: 9 },
        { shard, index: 8 },
      ]),
    );
    answers.set('findEvents', (argument) => [`m${shardsOf(argument)[0]}`, 'm9']);
    answers.set('status', () => `status of ${id}`);
    answers.set('retryDeadLetter', () => `retried at ${id}`);
  }
  return world;
}

void test('actors of all shards are listed once, in order, over pages of any size', async () => {
  const world = threeNodes();
  for (const limit of [1, 7, 40, 100]) {
    const listed: string[] = [];
    for (let after: string | null = null; ; after = listed.at(-1)!) {
      const asked = world.nodes[1]!.gathering.inspect('actors', { kind: 'queue', after, limit });
      const page = (await world.until(asked)) as string[];
      listed.push(...page);
      if (page.length < limit) break;
    }
    assert.deepEqual(listed, inOrder, `pages of ${limit}`);
  }
});

void test('events come from the leader of each shard, oldest first', async () => {
  const world = threeNodes();
  const lines = (await world.until(world.nodes[1]!.gathering.inspect('events', { subject: 'm1' }))) as {
    shard: number;
    by: string;
  }[];
  assert.deepEqual(
    lines.map(({ shard, by }) => `${shard} ${by}`),
    ['3 n1', '2 n3', '1 n2', '0 n1'],
  );
});

void test('of two nodes that both say that they serve a shard, the one that is known as its leader is believed', async () => {
  const world = threeNodes();
  world.nodes[0]!.serves.add(1);
  const lines = (await world.until(world.nodes[0]!.gathering.inspect('events', { subject: 'm1' }))) as {
    shard: number;
    by: string;
  }[];
  assert.deepEqual(
    lines.filter(({ shard }) => shard === 1).map(({ by }) => by),
    ['n2'],
  );
});

void test('dead letters of all nodes are one list; what is done with one is done where its shard is served', async () => {
  const world = threeNodes();
  const letters = await world.until(world.nodes[2]!.gathering.inspect('deadLetters', { limit: 5 }));
  assert.deepEqual(letters, [
    { shard: 0, index: 8 },
    { shard: 0, index: 9 },
    { shard: 1, index: 8 },
    { shard: 1, index: 9 },
    { shard: 2, index: 8 },
  ]);
  const { gathering } = world.nodes[2]!;
  assert.equal(await world.until(gathering.inspect('retryDeadLetter', { shard: 1, index: 8 })), 'retried at n2');
  assert.equal(await world.until(gathering.inspect('retryDeadLetter', { shard: 2, index: 8 })), 'retried at n3');
  world.mesh.cut('n3', 'n2');
  world.clock.advance(5);
  await assert.rejects(world.until(gathering.inspect('retryDeadLetter', { shard: 1, index: 8 })), {
    code: 'notReached',
  });
});

void test('a list that would lack shards fails, with who is missing; a story is told as far as it is known', async () => {
  const world = threeNodes();
  world.mesh.stall('n2', 'n1');
  const page = { kind: 'queue', after: null, limit: 100 };
  await assert.rejects(world.until(world.nodes[0]!.gathering.inspect('actors', page)), (error: Error) => {
    assert.match(error.message, /1 of 4 shards have no leader that answers \(n2 did not answer\)/);
    return (error as Error & { code: string; transient: boolean }).code === 'listIncomplete';
  });
  const lines = (await world.until(world.nodes[0]!.gathering.inspect('events', { subject: 'm1' }))) as unknown[];
  assert.equal(lines.length, 3);
});

void test('a takeover in the middle of a list is waited out', async () => {
  const world = threeNodes();
  world.lead(1, null);
  const listing = world.nodes[0]!.gathering.inspect('actors', { kind: 'queue', after: null, limit: 100 });
  world.clock.after(600, () => world.lead(1, 'n3'));
  assert.deepEqual(await world.until(listing), inOrder);
});

void test('a subject is found on whichever node has it, each once', async () => {
  const world = threeNodes();
  const found = await world.until(world.nodes[0]!.gathering.inspect('findEvents', { messageId: 'x', limit: 20 }));
  assert.deepEqual(found, ['m0', 'm9', 'm1', 'm2']);
  const limited = await world.until(world.nodes[0]!.gathering.inspect('findEvents', { messageId: 'x', limit: 2 }));
  assert.deepEqual(limited, ['m0', 'm9']);
});

void test('other topics are about one node; another is asked only what it lets others ask', async () => {
  const world = threeNodes();
  const { gathering } = world.nodes[0]!;
  assert.equal(await world.until(gathering.inspect('status', null)), 'status of n1');
  assert.equal(await world.until(gathering.inspectAt(nodeId('n3'), 'status', null)), 'status of n3');
  assert.equal(await world.until(gathering.inspectAt(nodeId('n1'), 'status', null)), 'status of n1');
  await assert.rejects(world.until(gathering.inspectAt(nodeId('n3'), 'secrets', null)), { code: 'unknownTopic' });
  assert.ok(world.nodes[2]!.inspected.every(({ topic }) => topic !== 'secrets'));
  world.mesh.cut('n1', 'n3');
  world.clock.advance(5);
  await assert.rejects(world.until(gathering.inspectAt(nodeId('n3'), 'status', null)), { code: 'notReached' });
});

void test('what an argument has wrong is said, and a share that is none is left out', async () => {
  const world = threeNodes();
  for (const { answers } of world.nodes) {
    answers.set('actors', () => {
      throw refused('badArgument', '"limit" is missing');
    });
  }
  await assert.rejects(world.until(world.nodes[0]!.gathering.inspect('actors', {})), { code: 'badArgument' });
  world.nodes[1]!.answers.set('events', () => 'no list');
  const lines = (await world.until(world.nodes[0]!.gathering.inspect('events', { subject: 'm' }))) as unknown[];
  assert.equal(lines.length, 3);
  world.nodes[1]!.answers.delete('events');
  const told = (await world.until(world.nodes[0]!.gathering.inspect('events', { subject: 'm' }))) as unknown[];
  assert.equal(told.length, 3, 'one that refuses is left out as well');
  world.mesh.deliver('n1', 'n2', [kind.inspect, 1, 'events', 'no bytes']);
  assert.deepEqual(world.nodes[1]!.refusedFrames, ['frameRefused']);
});

void test("a node's target becomes the cluster's: calls by the router, bodies from here first, topics as they are", async () => {
  const told: string[] = [];
  let failure = refused('bodyMissing', 'not here');
  const local: CoreTarget = {
    shardCount,
    ask: () => assert.fail('the router asks the engine'),
    query: () => assert.fail('the router asks the engine'),
    readBody: (hash) => (hash === 'here' ? Promise.resolve(new Uint8Array(1)) : Promise.reject(failure)),
    subscribe: (topic) => () => void told.push(`end ${topic}`),
    inspect: () => assert.fail('it is gathered'),
    count: (metric, labels) => void told.push(`${metric} ${Object.values(labels).join()}`),
  };
  const target = clusterTarget(local, {
    router: {
      ask: (_request, settle) => settle({ ok: true, answer: 1 }),
      query: (_request, settle) => settle({ ok: false, error: refused('no', 'no').data }),
    },
    bodies: {
      read: (hash) =>
        hash === 'there' ? Promise.resolve(new Uint8Array(2)) : Promise.reject(refused('bodyMissing', '')),
    },
    gathering: { inspect: (topic) => Promise.resolve(topic) },
  });
  target.ask({} as never, (outcome) => told.push(`ask ${outcome.ok}`));
  target.query({} as never, (outcome) => told.push(`query ${outcome.ok}`));
  target.subscribe('settings', () => undefined)();
  assert.deepEqual(told, ['ask true', 'ringpost_commands_refused_total no', 'query false', 'end settings']);
  assert.equal((await target.readBody('here', undefined)).length, 1);
  assert.equal((await target.readBody('there', undefined)).length, 2);
  await assert.rejects(target.readBody('nowhere', undefined), { code: 'bodyMissing' });
  failure = refused('bodyDamaged', 'rotten');
  assert.equal((await target.readBody('there', undefined)).length, 2);
  await assert.rejects(target.readBody('nowhere', undefined), { code: 'bodyDamaged' });
  failure = refused('bodyUnreadable', 'encrypted');
  await assert.rejects(target.readBody('there', undefined), { code: 'bodyUnreadable' });
  assert.equal(await target.inspect('actors', null), 'actors');
});
