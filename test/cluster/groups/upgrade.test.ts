/** The data directory of a lone node's log of before: nothing of it is lost, and it can grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { GroupsWorld } from '../../support/groups-world.ts';
import { localLogWorld } from '../../support/local-log-world.ts';

const zero = shardId(0);
const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: Buffer.from(name) });
const mail = (text: string) => {
  const bytes = Buffer.from(text);
  const hash = bodyHash(bytes);
  return { bytes, hash, holds: [{ hash, owner: [0, 'mailbox', 'm', text], held: true }] };
};

/** @param inTree entries of which all is in the tree; as many again are in the log alone */
async function written(inTree: number): Promise<MemoryDisk> {
  const world = localLogWorld({ disk: new MemoryDisk() });
  const { log, clock, releases } = world;
  let at = 0;
  const some = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const { bytes, hash, holds } = mail(`mail ${at}`);
      log.append(zero, { timeMs: 1_000 + at, rows: [row(`${at}`)], holds, bodies: [{ bytes, hash }] });
      log.flush();
      at++;
      while (releases.length > 0) await world.release();
    }
  };
  await some(inTree);
  if (inTree > 0) clock.advance(1_000);
  while (releases.length > 0) await world.release();
  await some(10);
  world.tree.halt();
  return world.disk;
}

const lone = { voters: [nodeId('n1')], learners: [], witness: null };

void test('upgrade: a data directory of the lone log opens with all that it had', async () => {
  for (const inTree of [0, 20, 300]) {
    const disk = await written(inTree);
    const world = new GroupsWorld({ nodes: ['n1'], disk });
    const { host, store } = world.node('n1');
    assert.equal(host.committedIndex(zero), inTree + 10);
    assert.equal(host.lastTimeMs(zero), 1_000 + inTree + 9);
    await world.settle();
    assert.deepEqual(world.node('n1').roles, ['served 0 in 2', 'served 1 in 1']);
    for (let i = 0; i < inTree + 10; i++) {
      assert.ok(store.has(row(`${i}`).key), `row ${i}`);
      assert.equal(Buffer.from(readBody(store, mail(`mail ${i}`).hash)!).toString(), `mail ${i}`);
    }
    world.append('n1', 0, { rows: [row('new')] });
    await world.settle();
    world.crash('n1');
    world.start('n1');
    await world.settle();
    assert.ok(world.node('n1').store.has(row('new').key));
    assert.equal(world.host('n1').committedIndex(zero), inTree + 10 + 3, 'the entry and two no-ops');
  }
});

void test('upgrade: a follower reads entries of before, from the log or as a copy', async () => {
  for (const inTree of [0, 300]) {
    const disk = await written(inTree);
    const world = new GroupsWorld({ nodes: ['n1', 'n2'], disk, configuration: lone });
    await world.settle();
    for (const shard of world.shards) {
      world
        .host('n1')
        .changeConfiguration(shardId(shard), { kind: 'addLearner', node: nodeId('n2') }, (no) =>
          assert.equal(no, null),
        );
    }
    await world.settle();
    await world.pass(3_000);
    const { store } = world.node('n2');
    for (let i = 0; i < inTree + 10; i++) {
      assert.ok(store.has(row(`${i}`).key), `row ${i}`);
      assert.equal(Buffer.from(readBody(store, mail(`mail ${i}`).hash)!).toString(), `mail ${i}`);
    }
    assert.equal(world.host('n2').status()[0]!.hash, world.host('n1').status()[0]!.hash);
  }
});
