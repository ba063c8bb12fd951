/** Bodies of mails on their way to the followers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppendIntake } from '../../../cluster/groups/append-intake.ts';
import type { BodyStaging } from '../../../cluster/groups/body-staging.ts';
import { Gathering } from '../../../cluster/groups/gathering.ts';
import type { HostedGroup, KeptEntry } from '../../../cluster/groups/hosted-group.ts';
import { payloadOf } from '../../../cluster/groups/payload.ts';
import { logIndex, nodeId, shardId, term } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import type { BodyTracker } from '../../../runtime/store/bodies.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const names = ['n1', 'n2', 'n3'];

function body(bytes: Uint8Array) {
  const hash = bodyHash(bytes);
  const hold = (shard: number, held = true) => [{ hash, owner: [shard, 'mailbox', 'm', '1:1'], held }];
  return { bytes, hash, hold };
}

async function ledBy(name: string): Promise<GroupsWorld> {
  const world = new GroupsWorld({ nodes: names });
  await world.settle();
  await world.elect(name);
  return world;
}

/** Reads a body in pieces, as an edge does. */
function bytesAt(world: GroupsWorld, name: string, hash: string, size: number): Buffer {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += 1_000_000) {
    pieces.push(readBody(world.node(name).store, hash, { offset, length: 1_000_000 })!);
  }
  return Buffer.concat(pieces);
}

const sentOnBulk = (world: GroupsWorld) => world.framesSent.filter(({ lane }) => lane === 'bulk');

void test('bodies: a small one travels with the entry that brings it', async () => {
  const world = await ledBy('n1');
  const mail = body(Buffer.from('a mail'));
  world.framesSent = [];
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  await world.settle();
  for (const name of names) assert.equal(bytesAt(world, name, mail.hash, 6).toString(), 'a mail', name);
  assert.deepEqual(sentOnBulk(world), []);
});

void test('bodies: an entry whose body a follower lacks is not acked before it has come', async () => {
  const lone = { voters: [nodeId('n1')], learners: [], witness: null };
  const world = new GroupsWorld({ nodes: names, configurations: new Map([[0, lone]]) });
  await world.settle();
  await world.elect('n1', [1]);
  const mail = body(Buffer.from('in shard 0 only'));
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  await world.settle();
  assert.ok(!world.node('n2').bodies.has(mail.hash));
  const { commits } = world.node('n1');
  commits.length = 0;
  world.framesSent = [];
  world.append('n1', 1, { holds: mail.hold(1) });
  for (let i = 0; i < 40 && commits.length === 0; i++) {
    const came = sentOnBulk(world).some(({ from }) => from === 'n1');
    await world.turn();
    for (const name of names) await world.commit(name);
    assert.ok(came || commits.length === 0, 'not before the body has left');
  }
  assert.deepEqual(commits, ['1:2']);
  await world.settle();
  for (const name of names) assert.equal(bytesAt(world, name, mail.hash, 15).toString(), 'in shard 0 only', name);
});

void test('bodies: a large one is asked for in pieces, each durable before the next; others of the node go past', async () => {
  const world = await ledBy('n1');
  const bytes = Buffer.alloc(9_000_000, 'large mail ');
  const mail = body(bytes);
  world.framesSent = [];
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  await world.turn();
  await world.turn();
  const append = world.framesSent.find(({ lane }) => lane === 'log')!;
  assert.ok(JSON.stringify(append.frame).length < 10_000, 'it does not travel with the entry');
  world.node('n1').commits = [];
  world.append('n1', 1, {});
  await world.commit('n1');
  for (let i = 0; i < 3; i++) {
    await world.turn();
    await world.commit('n2');
  }
  await world.settle();
  for (const name of names) {
    assert.ok(bytesAt(world, name, mail.hash, bytes.byteLength).equals(bytes), name);
    assert.equal(world.host(name).committedIndex(shardId(0)), 2, name);
    const staged = world.node(name).tree.range({ ...below(rowKey([keyspace.staged])), limit: 10 });
    assert.deepEqual(staged, [], 'nothing of it is left lying about');
  }
  const pieces = sentOnBulk(world).filter(({ from, to }) => from === 'n1' && to === 'n2');
  assert.equal(pieces.length, 3);
});

void test('bodies: what came behind one that was lacking is taken right after it', async () => {
  const world = await ledBy('n1');
  const mail = body(Buffer.alloc(200_000, 'large mail '));
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  for (let i = 0; i < 5; i++) {
    world.append('n1', 0, {});
    await world.turn();
  }
  await world.settle();
  for (const name of names) assert.equal(world.host(name).lastIndex(shardId(0)), 7, name);
});

void test('bodies: what the leader cannot give is asked of another replica', async () => {
  const two = { voters: [nodeId('n1'), nodeId('n2')], learners: [], witness: null };
  const world = new GroupsWorld({ nodes: names, configurations: new Map([[0, two]]) });
  await world.settle();
  await world.elect('n1');
  const mail = body(Buffer.from('in shard 0 only'));
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  await world.settle();
  world.intercept(({ from, to, frame }) => (from === 'n1' && to === 'n3' ? withoutBodies(frame) : frame));
  world.append('n1', 1, { holds: mail.hold(1) });
  await world.settle();
  assert.equal(bytesAt(world, 'n3', mail.hash, 15).toString(), 'in shard 0 only');
  assert.equal(world.host('n3').lastIndex(shardId(1)), 2);
});

/** As of a node whose disk is rotten there. */
function withoutBodies(frame: unknown): unknown {
  const [version, messages] = frame as [number, unknown[][]];
  const nothing = (pieces: unknown) => (pieces as unknown[][]).map(([hash]) => [hash, -1, 0, new Uint8Array(0)]);
  return [version, messages.map((of) => (of[0] === 33 ? [of[0], of[1], nothing(of[2])] : of))];
}

void test('bodies: one that goes while another is awaited is asked for as well', () => {
  const here = new Set(['b']);
  const wanted: string[] = [];
  let steps = 0;
  const intake = new AppendIntake({
    bodies: { isExpected: (hash: string) => here.has(hash) } as unknown as BodyTracker,
    staging: { isWhole: () => false } as unknown as BodyStaging,
    step: () => steps++,
    want: (_group, _from, hashes) => wanted.push(...hashes),
    refused: (_from, error) => assert.fail(String(error)),
  });
  const holds = ['a', 'b'].map((hash) => ({ hash, owner: [0, 'k', 'm', hash], held: true }));
  const payload = payloadOf({ timeMs: 1, rows: [], holds, bodies: [] });
  const entry = { index: logIndex(2), term: term(1), kind: 'data', bytes: 1, configuration: null, payload } as const;
  const previous = { index: logIndex(1), term: term(1) };
  const message = { kind: 'append', term: term(1), previous, entries: [entry], committed: logIndex(1) } as const;
  intake.take({ isWitness: false } as HostedGroup, nodeId('n1'), message, []);
  assert.deepEqual(wanted, ['a']);
  here.delete('b');
  here.add('a');
  intake.arrived();
  assert.deepEqual(wanted, ['a', 'b']);
  here.add('b');
  intake.arrived();
  assert.equal(steps, 1);
});

void test('bodies: parts that nobody claims go after a while', async () => {
  const world = await ledBy('n1');
  const mail = body(Buffer.alloc(9_000_000, 'large mail '));
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  for (let i = 0; i < 5; i++) {
    await world.turn();
    await world.commit('n2');
  }
  const rows = (space: string) => world.node('n2').tree.range({ ...below(rowKey([space])), limit: 1_000 }).length;
  assert.ok(rows(keyspace.staged) > 0 && rows(keyspace.body) > 0);
  world.crash('n1');
  await world.pass(500_000, 50_000);
  assert.ok(rows(keyspace.staged) > 0);
  await world.pass(200_000, 50_000);
  assert.equal(rows(keyspace.staged), 0);
  assert.equal(rows(keyspace.body), 0);
  const { timers } = world.node('n2');
  await world.pass(1_200_000, 200_000);
  assert.ok(world.node('n2').timers - timers < 300, 'and nothing waits for it any more');
});

void test('bodies: a broken link in the middle costs one piece, a restart the whole body', async () => {
  const world = await ledBy('n1');
  const bytes = Buffer.alloc(13_000_000, 'a very large mail ');
  const mail = body(bytes);
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  for (let i = 0; i < 8; i++) {
    await world.turn();
    await world.commit('n2');
  }
  const before = sentOnBulk(world).filter(({ from, to }) => from === 'n1' && to === 'n2').length;
  assert.ok(before >= 2);
  world.cut('n1', 'n2');
  await world.settle();
  world.heal('n1', 'n2');
  await world.settle();
  await world.pass(1_000);
  const pieces = sentOnBulk(world).filter(({ from, to }) => from === 'n1' && to === 'n2').length;
  assert.ok(pieces <= 5, `${pieces} pieces for four`);
  assert.ok(bytesAt(world, 'n2', mail.hash, bytes.byteLength).equals(bytes));
});

void test('bodies: what a crash left of one is taken away', async () => {
  const world = await ledBy('n1');
  const mail = body(Buffer.alloc(9_000_000, 'large mail '));
  world.append('n1', 0, { holds: mail.hold(0), bodies: [mail] });
  for (let i = 0; i < 5; i++) {
    await world.turn();
    await world.commit('n2');
  }
  const rows = (space: string) => world.node('n2').tree.range({ ...below(rowKey([space])), limit: 1_000 }).length;
  assert.ok(rows(keyspace.staged) > 0 && rows(keyspace.body) > 0);
  world.crash('n2');
  world.cut('n1', 'n2');
  world.cut('n2', 'n3');
  world.start('n2');
  await world.settle();
  assert.equal(rows(keyspace.staged), 0);
  assert.equal(rows(keyspace.body), 0);
});

void test('bodies: bytes that are not what their hash says are refused, and the peer is named', async () => {
  const world = await ledBy('n1');
  const node = world.node('n2');
  const { term, applied } = node.host.status()[0]!;
  const hash = bodyHash(Buffer.from('what it should be'));
  const entry = [term, 0, 10, 1, 0, [hash], new Uint8Array(1), null, [[hash, Buffer.from('what it is')]]];
  world.deliver('n1', 'n2', [1, [[0, 0, term, applied, term, applied, [entry]]]]);
  await world.turn();
  assert.equal(node.refusedFrames.length, 1);
  assert.match(String(node.refusedFrames[0]), /not what its hash says/);
  assert.equal(node.host.lastIndex(shardId(0)), applied);
  assert.deepEqual(node.fatals, []);
});

void test('frames: what cannot be is refused by name, never fatal, never applied', async () => {
  const world = await ledBy('n1');
  const node = world.node('n2');
  const bad: unknown[] = [
    null,
    7,
    [2, []],
    [1, 'no'],
    [1, [[99, 0]]],
    [1, [[0, 77, 1]]],
    [1, [[1, 0, -1, true, 0, 0, null, false]]],
    [1, [[4, 0, 1, 1.5, 0, false]]],
    [1, [[10, 0, 1, 0, 0, { voters: 'n1', learners: [], witness: null }, 0]]],
    [1, [[33, 0, [['no hash !', 1, 0, new Uint8Array(1)]]]]],
    [1, Array.from({ length: limits.frameMessagesMax + 1 }, () => [7, 0, 1])],
  ];
  for (const frame of bad) world.deliver('n1', 'n2', frame);
  await world.turn();
  assert.equal(node.refusedFrames.length, bad.length);
  assert.deepEqual(node.fatals, []);
});

void test('bodies: one that an entry was to bring is written though the entry is given up or cut off before', () => {
  const mail = body(Buffer.from('others name it'));
  const gathering = new Gathering();
  for (const [shard, drop] of [
    [0, (group: HostedGroup) => gathering.giveUp(group, { index: logIndex(1), term: term(1) })],
    [1, (group: HostedGroup) => gathering.truncate(group, logIndex(1))],
  ] as const) {
    const group = { shard: shardId(shard) } as HostedGroup;
    const payload = payloadOf({ timeMs: 0, rows: [], holds: [], bodies: [mail] });
    gathering.append(group, { index: logIndex(1), bytes: 0, payload } as unknown as KeptEntry);
    drop(group);
    const { entries, bodies } = gathering.take(1_000);
    assert.deepEqual(entries, []);
    assert.deepEqual(bodies, [mail]);
  }
});
