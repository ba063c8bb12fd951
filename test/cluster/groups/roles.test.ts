/** What the engine is told when leadership goes, and when it comes to nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const zero = shardId(0);
const names = ['n1', 'n2', 'n3'];
const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(name) });

async function ledBy(name: string): Promise<GroupsWorld> {
  const world = new GroupsWorld({ nodes: names, shardCount: 1 });
  await world.settle();
  await world.elect(name);
  return world;
}

/** Turns in which the disks of the others stand still. */
async function turnsOf(world: GroupsWorld, name: string): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await world.turn();
    await world.commit(name);
  }
}

void test('roles: after a transfer that came to nothing, turns run only on all that was appended before it', async () => {
  const world = await ledBy('n1');
  world.append('n1', 0, { rows: [row('pending')] });
  world.cut('n1', 'n3');
  await turnsOf(world, 'n1');
  world.host('n1').transfer(zero, nodeId('n3'), () => undefined);
  assert.deepEqual(world.node('n1').roles.slice(-1), ['lost 0']);
  for (let i = 0; i < 40; i++) {
    world.clock.advance(100);
    await turnsOf(world, 'n1');
  }
  assert.equal(world.host('n1').status()[0]!.role, 'leader');
  assert.ok(!world.host('n1').serves(zero), 'a turn would not see the row that is on its way');
  await world.settle();
  assert.ok(world.host('n1').serves(zero));
  assert.ok(world.node('n1').store.has(row('pending').key));
});

void test('roles: when less is pending without a commit that is told, the engine hears that alone', async () => {
  const world = await ledBy('n1');
  const node = world.node('n1');
  world.append('n1', 0, { rows: [row('pending')] });
  await turnsOf(world, 'n1');
  assert.ok(node.host.pendingBytes > 0);
  world.cut('n1', 'n3');
  node.host.transfer(zero, nodeId('n3'), () => undefined);
  node.commits = [];
  const before = node.tellings;
  await world.settle();
  assert.equal(node.host.pendingBytes, 0);
  assert.deepEqual(node.commits, []);
  assert.ok(node.tellings > before);
});

void test('roles: what the next leader says to be committed is not told as a commit of this one', async () => {
  const world = await ledBy('n1');
  world.intercept(({ to, frame }) => (to === 'n1' ? undefined : frame));
  world.append('n1', 0, { rows: [row('unsure')] });
  await world.settle();
  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  world.intercept(undefined);
  for (const name of ['n2', 'n3']) world.host(name).alive(nodeId('n1'), false);
  await world.elect('n2');
  assert.ok(world.host('n2').serves(zero));
  const node = world.node('n1');
  assert.ok(node.host.serves(zero), 'it does not know yet');
  node.commits = [];
  world.lives('n1');
  world.heal('n1', 'n2');
  await world.settle();
  await world.pass(1_000);
  assert.ok(node.store.has(row('unsure').key));
  assert.equal(node.roles.at(-1), 'lost 0');
  assert.deepEqual(node.commits, []);
});

void test('roles: a confirmation that is under way when the shard is lost is answered', async () => {
  const world = await ledBy('n1');
  const answers: boolean[] = [];
  const { host } = world.node('n1');
  host.confirm(zero, (isLeader) => answers.push(isLeader));
  host.transfer(zero, nodeId('n2'), () => undefined);
  assert.deepEqual(answers, [false]);
  host.confirm(zero, (isLeader) => answers.push(isLeader));
  assert.deepEqual(answers, [false, false]);
  await world.settle();
  assert.equal(answers.length, 2);
});
