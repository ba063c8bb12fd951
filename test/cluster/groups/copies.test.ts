/** The whole state of a shard on its way to a node that needs it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logIndex, nodeId, shardId } from '../../../runtime/base/ids.ts';
import { decodeRow, encodeRow } from '../../../runtime/codec/row.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const zero = shardId(0);
const names = ['n1', 'n2', 'n3'];
const row = (space: string, name: number | string, text: string) => ({
  key: rowKey([space, 0, name]),
  value: encodeRow(1, text),
});
const mail = (text: string) => {
  const bytes = Buffer.from(text);
  const hash = bodyHash(bytes);
  return { bytes, hash, holds: [{ hash, owner: [0, 'mailbox', 'm', text], held: true }] };
};

/** A group of one with `count` entries whose log is compacted, as the leader of what is to grow. */
async function grown(count: number, nodes = ['n1', 'n2']): Promise<GroupsWorld> {
  const lone = { voters: [nodeId('n1')], learners: [], witness: null };
  const world = new GroupsWorld({ nodes, shardCount: 1, configuration: lone, batchesKept: 4 });
  await world.settle();
  for (let i = 0; i < count; i++) {
    const { bytes, hash, holds } = mail(`mail ${i}`);
    const rows = [row('s', i, 'x'.repeat(2_000)), row('i', i, `${i}`), row('d', i, `${i}`), row('e', i, `${i}`)];
    world.append('n1', 0, { rows, holds, bodies: [{ bytes, hash }] });
    if (i % 8 === 0) await world.settle();
  }
  await world.settle();
  await world.pass(1_000);
  for (let i = 0; i < 80; i++) {
    world.append('n1', 0, { rows: [row('s', 'more', `${i}`)] });
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  assert.ok(world.host('n1').status()[0]!.first > 10, 'the log is compacted');
  return world;
}

const addLearner = (world: GroupsWorld, name: string) =>
  world
    .host('n1')
    .changeConfiguration(zero, { kind: 'addLearner', node: nodeId(name) }, (refused) => assert.equal(refused, null));

function sameAs(world: GroupsWorld, a: string, b: string): void {
  for (const space of ['s', 'i', 'd', 'e', 'o', keyspace.bodyReference]) {
    const rows = (name: string) =>
      world
        .node(name)
        .store.range({ ...below(rowKey(space === keyspace.bodyReference ? [space] : [space, 0])), limit: 100_000 })
        .map(({ key, value }) => (space === keyspace.bodyReference ? key : `${key} ${Buffer.from(value).toString()}`));
    assert.deepEqual(rows(a), rows(b), `rows of ${space}`);
  }
  assert.equal(world.host(a).status()[0]!.hash, world.host(b).status()[0]!.hash, 'hashes of what was applied');
}

void test('copies: an empty node gets rows and bodies while writes go on, and is promoted', async () => {
  const world = await grown(200);
  addLearner(world, 'n2');
  let refused = 0;
  for (let i = 0; i < 120; i++) {
    await world.turn();
    for (const name of ['n1', 'n2']) await world.commit(name);
    if (i % 3 !== 0) continue;
    const { bytes, hash, holds } = mail(`later ${i}`);
    world.append('n1', 0, { rows: [row('s', i, `later ${i}`)], holds, bodies: [{ bytes, hash }] });
    if (world.host('n2').status()[0]!.isInstalling) {
      world.host('n1').changeConfiguration(zero, { kind: 'promote', node: nodeId('n2'), isWitness: false }, (no) => {
        if (no !== null) refused++;
      });
    }
  }
  await world.settle();
  await world.pass(2_000);
  assert.ok(refused > 0, 'one that is being copied is no voter');
  assert.ok(!world.host('n2').status()[0]!.isInstalling);
  sameAs(world, 'n2', 'n1');
  for (const text of ['mail 0', 'mail 199', 'later 3']) {
    assert.equal(Buffer.from(readBody(world.node('n2').store, mail(text).hash)!).toString(), text);
  }
  world
    .host('n1')
    .changeConfiguration(zero, { kind: 'promote', node: nodeId('n2'), isWitness: false }, (no) =>
      assert.equal(no, null),
    );
  await world.settle();
  world.crash('n1');
  world.crash('n2');
  world.start('n2');
  world.start('n1');
  await world.elect('n1');
  sameAs(world, 'n2', 'n1');
});

void test('copies: one that is broken off goes on from its last part, after a cut and after a restart', async () => {
  const world = await grown(1_200);
  addLearner(world, 'n2');
  const copied = () => world.framesSent.filter(({ from, lane }) => from === 'n1' && lane === 'bulk').length;
  const some = async (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      await world.turn();
      for (const name of ['n1', 'n2']) await world.commit(name);
    }
  };
  world.framesSent = [];
  await some(14);
  const first = copied();
  assert.ok(first > 2 && world.host('n2').status()[0]!.isInstalling);
  world.cut('n1', 'n2');
  await world.settle();
  world.heal('n1', 'n2');
  await some(6);
  assert.ok(world.host('n2').status()[0]!.isInstalling, 'under way');
  world.crash('n2');
  world.start('n2');
  await world.settle();
  await world.pass(3_000);
  assert.ok(!world.host('n2').status()[0]!.isInstalling);
  sameAs(world, 'n2', 'n1');
  const rows = 1_200 * 5 + 81;
  assert.ok(copied() < rows / 500 + 30, `${copied()} frames for ${rows} rows: nothing was begun anew`);
});

void test('copies: with all rows here it is whole only when it has applied up to where the leader was', async () => {
  const world = await grown(1_200);
  addLearner(world, 'n2');
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await world.turn();
      for (const name of ['n1', 'n2']) await world.commit(name);
    }
  };
  await rounds(12);
  const isInstalling = () => world.host('n2').status()[0]!.isInstalling;
  assert.ok(isInstalling());
  // Entries do not come any more; rows do, and they are newer than the base.
  world.intercept(({ to, lane, frame }) => (to === 'n2' && lane === 'log' ? undefined : frame));
  world.append('n1', 0, { rows: [row('s', 'late', 'late')] });
  await rounds(200);
  const parts = world.framesSent.filter(({ from, lane }) => from === 'n1' && lane === 'bulk');
  const ends = parts
    .map(({ frame }) => (frame as [number, unknown[][]])[1][0]!)
    .filter(([kind, , , , , , end]) => {
      return kind === 35 && end !== null;
    });
  assert.equal(ends.length, 1, 'the last part was given');
  assert.ok(isInstalling());
  world.intercept(undefined);
  await world.pass(2_000);
  assert.ok(!isInstalling());
  sameAs(world, 'n2', 'n1');
});

void test('copies: a replica that was away for long gives its old state up', async () => {
  const world = new GroupsWorld({ nodes: names, shardCount: 1, batchesKept: 4 });
  await world.settle();
  await world.elect('n1');
  world.append('n1', 0, { rows: [row('s', 'gone', 'old')] });
  await world.settle();
  await world.pass(1_000);
  world.crash('n3');
  world.suspect('n3');
  world.append('n1', 0, { rows: [{ ...row('s', 'gone', ''), value: null }] });
  for (let i = 0; i < 100; i++) {
    world.append('n1', 0, { rows: [row('s', i % 10, `${i}`)] });
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  world.start('n3');
  assert.ok(world.node('n3').store.has(row('s', 'gone', '').key));
  world.lives('n3');
  await world.settle();
  await world.pass(3_000);
  assert.ok(!world.host('n3').status()[0]!.isInstalling);
  assert.ok(!world.node('n3').store.has(row('s', 'gone', '').key));
  sameAs(world, 'n3', 'n1');
  assert.equal(world.host('n3').lastIndex(zero), world.host('n1').lastIndex(zero));
  assert.ok(world.host('n3').committedIndex(zero) >= logIndex(100));
});

void test('copies: a leader that needs just this member for a majority gives it one, though it does not serve yet', async () => {
  const world = new GroupsWorld({ nodes: names, shardCount: 1, batchesKept: 4 });
  await world.settle();
  await world.elect('n1');
  world.crash('n2');
  world.suspect('n2');
  for (let i = 0; i < 100; i++) {
    world.append('n1', 0, { rows: [row('s', i, 'x'.repeat(30_000))] });
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  world.start('n2');
  world.lives('n2');
  for (let i = 0; i < 8; i++) {
    await world.turn();
    for (const name of names) await world.commit(name);
  }
  assert.ok(world.host('n2').status()[0]!.isInstalling);
  world.crash('n3');
  world.crash('n1');
  world.start('n1');
  world.suspect('n3');
  await world.elect('n1');
  assert.equal(world.host('n1').status()[0]!.role, 'leader');
  await world.pass(5_000);
  assert.ok(!world.host('n2').status()[0]!.isInstalling);
  assert.ok(world.host('n1').serves(zero));
  await world.pass(1_000);
  sameAs(world, 'n2', 'n1');
});

void test('copies: two at once, the others wait for their turn', async () => {
  const lone = { voters: [nodeId('n1')], learners: [], witness: null };
  const world = new GroupsWorld({ nodes: ['n1', 'n2'], shardCount: 5, configuration: lone, batchesKept: 4 });
  await world.settle();
  for (let i = 0; i < 60; i++) {
    for (const shard of world.shards) {
      const key = rowKey(['s', shard, i]);
      world.append('n1', shard, { rows: [{ key, value: encodeRow(1, Buffer.alloc(60_000, i)) }] });
    }
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  await world.pass(1_000);
  for (const shard of world.shards) {
    const change = { kind: 'addLearner', node: nodeId('n2') } as const;
    world.host('n1').changeConfiguration(shardId(shard), change, (refused) => assert.equal(refused, null));
  }
  const begun = new Set<number>();
  for (let i = 0; i < 400; i++) {
    await world.turn();
    for (const name of ['n1', 'n2']) await world.commit(name);
    for (const { frame } of world.framesSent.splice(0)) {
      for (const [kind, shard] of (frame as [number, [number, number][]])[1]) {
        if (kind === 35) begun.add(shard);
        if (kind === 36) begun.delete(shard);
      }
    }
    assert.ok(begun.size <= 2, `${begun.size} at once`);
  }
  await world.settle();
  await world.pass(3_000);
  for (const { isInstalling, applied } of world.host('n2').status()) {
    assert.ok(!isInstalling);
    assert.ok(applied > 60);
  }
});

void test('copies: a log that was given up does not come back with a restart, though it ends where the copy begins', async () => {
  const world = new GroupsWorld({ nodes: names, batchesKept: 4 });
  await world.settle();
  await world.elect('n1');
  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  for (let i = 0; i < 3; i++) world.append('n1', 0, { rows: [row('s', i, 'never committed')] });
  await world.settle();
  world.suspect('n1');
  await world.elect('n2');
  for (let i = 0; i < 2; i++) world.append('n2', 0, { rows: [row('s', i, 'committed')] });
  await world.settle();
  assert.equal(world.host('n2').lastIndex(zero), world.host('n1').lastIndex(zero));
  for (let i = 0; i < 60; i++) {
    world.append('n2', 1, {});
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  assert.deepEqual(world.host('n2').places(zero), [], 'all of it is compacted');
  world.heal('n1', 'n2');
  world.lives('n1');
  for (let i = 0; i < 40 && !world.host('n1').status()[0]!.isInstalling; i++) {
    await world.turn();
    for (const name of names) await world.commit(name);
  }
  await world.commit('n1');
  world.crash('n1');
  world.start('n1');
  assert.ok(world.host('n1').status()[0]!.isInstalling);
  assert.deepEqual(world.host('n1').places(zero), []);
  await world.settle();
  await world.pass(3_000);
  assert.equal(decodeRow(world.node('n1').store.get(row('s', 0, '').key)!).value, 'committed');
});

void test('copies: rows of another shard are refused', async () => {
  const world = await grown(20);
  addLearner(world, 'n2');
  for (let i = 0; i < 400 && !world.framesSent.some(({ to, lane }) => to === 'n1' && lane === 'bulk'); i++) {
    await world.turn();
    for (const name of ['n1', 'n2']) await world.commit(name);
  }
  const base = (
    world.framesSent.find(({ lane }) => lane === 'bulk')!.frame as [number, [number, number, number][]]
  )[1][0]![2];
  const { key, value } = { key: rowKey(['m', 'identity']), value: Buffer.from('not yours') };
  world.deliver('n1', 'n2', [1, [[35, 0, base, null, [key, value], 'j', null]]]);
  assert.match(String(world.node('n2').refusedFrames[0]), /rows of another/);
  world.node('n2').refusedFrames.length = 0;
  await world.settle();
  assert.ok(!world.node('n2').store.has(key));
});
