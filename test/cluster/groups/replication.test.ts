/** Three hosts and what makes them one log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logIndex, nodeId, shardId } from '../../../runtime/base/ids.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const zero = shardId(0);
const names = ['n1', 'n2', 'n3'];
const row = (name: string, text = name) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(text) });
const textOf = (world: GroupsWorld, node: string, name: string): string | undefined => {
  const value = world.node(node).store.get(row(name).key);
  return value === undefined ? undefined : Buffer.from(value).toString();
};

async function ledBy(name: string, shardCount = 2): Promise<GroupsWorld> {
  const world = new GroupsWorld({ nodes: names, shardCount });
  await world.settle();
  await world.elect(name);
  return world;
}

void test('replication: what the leader appends is the same on all three, with one frame a peer and turn', async () => {
  const world = await ledBy('n1');
  assert.deepEqual(world.node('n1').roles, ['served 0 in 1', 'served 1 in 1']);
  assert.deepEqual(world.node('n2').roles, []);
  world.framesSent = [];
  const { host } = world.node('n1');
  for (const name of ['a', 'b']) {
    host.append(zero, { timeMs: host.lastTimeMs(zero) + 1, rows: [row(name)], holds: [], bodies: [] });
    host.append(shardId(1), { timeMs: host.lastTimeMs(shardId(1)) + 1, rows: [], holds: [], bodies: [] });
  }
  host.flush();
  assert.deepEqual(
    world.framesSent.map(({ to }) => to),
    ['n2', 'n3'],
  );
  await world.settle();
  for (const name of names) {
    assert.equal(textOf(world, name, 'b'), 'b', name);
    assert.equal(world.host(name).committedIndex(zero), 3, name);
  }
  assert.deepEqual(world.node('n2').commits, [], 'a follower tells nobody');
  assert.deepEqual(
    new Set(
      world
        .host('n2')
        .status()
        .map(({ hash }) => hash),
    ).size,
    2,
  );
  assert.equal(world.host('n2').status()[0]!.hash, world.host('n1').status()[0]!.hash);
});

void test('replication: an entry is acknowledged when a majority has it on disk, and not before', async () => {
  const world = await ledBy('n1');
  world.node('n1').commits = [];
  world.append('n1', 0, { rows: [row('a')] });
  await world.commit('n1');
  for (let i = 0; i < 5; i++) await world.turn();
  assert.deepEqual(world.node('n1').commits, [], 'one disk is no majority');
  assert.equal(textOf(world, 'n1', 'a'), undefined, 'and it cannot be read');
  await world.commit('n2');
  for (let i = 0; i < 5; i++) await world.turn();
  assert.deepEqual(world.node('n1').commits, ['0:2']);
  assert.equal(textOf(world, 'n1', 'a'), 'a');
});

void test('replication: with the leader slow, two followers are a majority, and it applies when its own disk has it', async () => {
  const world = await ledBy('n1');
  world.node('n1').commits = [];
  world.append('n1', 0, { rows: [row('a')] });
  await world.turn();
  await world.commit('n2');
  await world.commit('n3');
  for (let i = 0; i < 5; i++) await world.turn();
  assert.deepEqual(world.node('n1').commits, []);
  await world.commit('n1');
  assert.deepEqual(world.node('n1').commits, ['0:2']);
});

void test('takeover: what was acknowledged is there, the old leader loses the shard and what it had not replicated', async () => {
  const world = await ledBy('n1');
  world.append('n1', 0, { rows: [row('kept')] });
  await world.settle();
  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  world.append('n1', 0, { rows: [row('lost')] });
  await world.settle();
  world.suspect('n1');
  await world.elect('n2');
  assert.deepEqual(world.node('n2').roles, ['served 0 in 2', 'served 1 in 2']);
  assert.equal(textOf(world, 'n2', 'kept'), 'kept');
  world.append('n2', 0, { rows: [row('newer')] });
  await world.settle();
  assert.ok(world.host('n1').serves(zero), 'it does not know yet');

  world.heal('n1', 'n2');
  world.heal('n1', 'n3');
  world.lives('n1');
  await world.settle();
  await world.pass(1_000);
  assert.ok(!world.host('n1').serves(zero));
  assert.ok(world.node('n1').roles.includes('lost 0'));
  assert.equal(textOf(world, 'n1', 'newer'), 'newer');
  assert.equal(textOf(world, 'n1', 'lost'), undefined);
  assert.equal(world.host('n1').pendingBytes, 0, 'nobody waits for what was lost');
});

void test('takeover: what was truncated stays so after a restart, also where the new log is shorter', async () => {
  const world = await ledBy('n1');
  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  for (const name of ['x', 'y', 'z']) world.append('n1', 0, { rows: [row(name)] });
  await world.settle();
  assert.equal(world.host('n1').lastIndex(zero), 4);
  world.suspect('n1');
  await world.elect('n2', [0]);
  world.heal('n1', 'n2');
  world.lives('n1');
  await world.pass(500);
  assert.equal(world.host('n1').lastIndex(zero), 2, 'the no-ops of two terms');
  world.crash('n1');
  world.start('n1');
  const [state] = world.host('n1').status();
  assert.equal(state!.last, 2);
  assert.deepEqual(
    world
      .host('n1')
      .places(zero)
      .map(({ index, term }) => [index, term]),
    [
      [1, 1],
      [2, 2],
    ],
  );
});

void test('quorum: a leader that hears no majority loses its shards, and nobody waits for what it had not committed', async () => {
  const world = await ledBy('n1');
  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  world.append('n1', 0, { rows: [row('a')] });
  await world.settle();
  assert.ok(world.host('n1').pendingBytes > 0);
  for (const name of ['n2', 'n3']) world.host('n1').alive(nodeId(name), false);
  assert.ok(!world.host('n1').serves(zero));
  assert.ok(world.node('n1').roles.includes('lost 0'));
  assert.equal(world.host('n1').pendingBytes, 0);
});

void test('links: what was lost with a connection is sent again with the next one, without waiting', async () => {
  const world = await ledBy('n1');
  world.cut('n1', 'n2');
  world.append('n1', 0, { rows: [row('a')] });
  await world.settle();
  assert.equal(textOf(world, 'n2', 'a'), undefined);
  world.heal('n1', 'n2');
  await world.settle();
  assert.equal(textOf(world, 'n2', 'a'), 'a');
});

void test('elections: who has just won is heard, though its list of claims is older', async () => {
  const world = new GroupsWorld({ nodes: names });
  await world.settle();
  world.exchangeClaims();
  await world.elect('n1');
  await world.elect('n2');
  assert.ok(world.host('n1').serves(zero), 'a pre-vote is refused by whoever hears the leader');
  assert.equal(world.host('n1').status()[0]!.term, 1);
});

void test('takeover: all groups of a dead node are elected in one transaction a node', async () => {
  const world = await ledBy('n1', 256);
  world.crash('n1');
  world.suspect('n1');
  await world.settle();
  const before = names.map((name) => world.node(name).transactions);
  world.framesSent = [];
  await world.elect('n2');
  assert.equal(world.node('n2').roles.length, 256);
  const frames = world.framesSent.filter(({ to }) => to === 'n3').length;
  assert.ok(frames <= 4, `${frames} frames: pre-vote, vote, append and what is committed`);
  const transactions = world.node('n2').transactions - before[1]!;
  assert.ok(transactions <= 2, `${transactions} transactions: the votes, the no-ops`);
});

void test('idle groups send no frame and wake nobody', async () => {
  const world = await ledBy('n1', 64);
  await world.pass(2_000);
  world.framesSent = [];
  const counts = () => names.map((name) => [world.node(name).transactions, world.node(name).timers]);
  const before = counts();
  await world.pass(60_000, 1_000);
  assert.deepEqual(world.framesSent, []);
  assert.deepEqual(counts(), before);
});

void test('restart: a follower that was away gets what it missed from memory, one long away from the disk', async () => {
  const world = await ledBy('n1');
  world.crash('n3');
  for (let i = 0; i < 300; i++) {
    world.append('n1', 0, { rows: [row(`${i}`)] });
    await world.settle();
  }
  world.crash('n1');
  world.start('n1');
  world.suspect('n3');
  await world.elect('n1');
  world.start('n3');
  world.lives('n3');
  await world.settle();
  await world.pass(2_000);
  assert.equal(textOf(world, 'n3', '299'), '299');
  assert.equal(textOf(world, 'n3', '0'), '0');
  assert.equal(world.host('n3').status()[0]!.hash, world.host('n1').status()[0]!.hash);
});

void test('reads: those of one turn share a round, and a leader that lost the group is told', async () => {
  const world = await ledBy('n1');
  const { host } = world.node('n1');
  const answers: boolean[] = [];
  world.framesSent = [];
  for (let i = 0; i < 10; i++) host.confirm(zero, (isLeader) => answers.push(isLeader));
  for (let i = 0; i < 10; i++) host.confirm(shardId(1), (isLeader) => answers.push(isLeader));
  await world.settle();
  assert.equal(answers.length, 20);
  assert.ok(answers.every((isLeader) => isLeader));
  assert.equal(world.framesSent.filter(({ from }) => from === 'n1').length, 2, 'one frame a peer');

  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  world.suspect('n1');
  await world.elect('n3');
  answers.length = 0;
  host.confirm(zero, (isLeader) => answers.push(isLeader));
  await world.settle();
  assert.deepEqual(answers, [], 'nobody answers');
  world.heal('n1', 'n3');
  await world.pass(1_000);
  assert.deepEqual(answers, [false]);
});

void test('transfer: the shard is not served while it is on its way, and then by the other', async () => {
  const world = await ledBy('n1');
  world.append('n1', 0, { rows: [row('a')] });
  await world.settle();
  let refusal: unknown = 'none yet';
  world.host('n1').transfer(zero, nodeId('n2'), (refused) => {
    refusal = refused;
  });
  assert.equal(refusal, null);
  assert.ok(!world.host('n1').serves(zero));
  await world.settle();
  assert.ok(world.node('n2').roles.includes('served 0 in 2'));
  assert.ok(world.host('n1').serves(shardId(1)), 'the other one stays');

  world.cut('n1', 'n3');
  world.host('n1').transfer(shardId(1), nodeId('n3'), () => undefined);
  assert.ok(!world.host('n1').serves(shardId(1)));
  await world.pass(4_000);
  assert.ok(world.host('n1').serves(shardId(1)), 'given up, so it is served here again');
});

void test('a lone node grows: a learner gets all, is promoted, and counts', async () => {
  const lone = { voters: [nodeId('n1')], learners: [], witness: null };
  const world = new GroupsWorld({ nodes: ['n1', 'n2'], shardCount: 1, configuration: lone });
  await world.settle();
  world.append('n1', 0, { rows: [row('a')] });
  await world.settle();
  const change = (kind: 'addLearner' | 'promote') => {
    const node = nodeId('n2');
    const of = kind === 'promote' ? { kind, node, isWitness: false } : { kind, node };
    world.host('n1').changeConfiguration(zero, of, (refused) => assert.equal(refused, null));
  };
  change('addLearner');
  await world.settle();
  assert.equal(textOf(world, 'n2', 'a'), 'a');
  change('promote');
  await world.settle();
  world.node('n1').commits = [];
  world.append('n1', 0, { rows: [row('b')] });
  await world.commit('n1');
  await world.turn();
  assert.deepEqual(world.node('n1').commits, [], 'two must have it');
  await world.settle();
  assert.deepEqual(world.node('n1').commits, [`0:${logIndex(5)}`]);

  world.crash('n2');
  world.start('n2');
  await world.settle();
  assert.equal(world.host('n2').status()[0]!.configuration.voters.length, 2, 'known after a restart');
});
