import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desired } from '../../../cluster/placement/desired.ts';
import { Mover } from '../../../cluster/placement/mover.ts';
import type { Refusal } from '../../../cluster/raft/protocol.ts';
import type { GroupStatus } from '../../../cluster/groups/status.ts';
import { logIndex, nodeId, shardId } from '../../../runtime/base/ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { mapOf } from './maps.ts';
import { shardOfWords } from './shard-words.ts';

const self = nodeId('n1');
const shardCount = 8;
const shards = Array.from({ length: shardCount }, (_, shard) => shardId(shard));

/** One node that leads one shard, which `assigned` should lead, and a host that does as it is told, or refuses. */
function sceneOf(is: string, nodes: readonly string[], assigned = 'n1') {
  const clock = new FakeClock();
  let shard = shards[0]!;
  const log: string[] = [];
  const scene = {
    clock,
    log,
    is,
    desired: null as Desired | null,
    alive: new Map<string, number>(),
    unfit: new Set<string>(),
    mayLead: true,
    refusal: null as Refusal['reason'] | null,
    looks: 0,
    mover: undefined as unknown as Mover,
    map: (...names: string[]) => {
      scene.desired = new Desired(mapOf({ nodes: names, shardCount }));
      shard = shards.find((each) => scene.desired!.assigned(each) === assigned)!;
    },
    /** What was done since the last time. */
    done: () => log.splice(0),
  };
  const statusNow = (): GroupStatus[] => {
    const { group } = shardOfWords(scene.is, scene.is);
    const rest = { first: logIndex(1), last: group.committed, applied: group.committed, hash: 0 };
    return [{ ...group, ...rest, shard, isInstalling: false, damagedFrom: null }];
  };
  const answer = (what: string, done: (refused: Refusal | null) => void): void => {
    log.push(what);
    done(scene.refusal === null ? null : { event: 'changeConfiguration', reason: scene.refusal });
  };
  scene.mover = new Mover({
    ...{ self, clock, random: { bytes: (count) => new Uint8Array(count).fill(127) } },
    desired: () => scene.desired,
    peers: () =>
      [...scene.alive].map(([node, incarnation]) => ({
        ...{ node: nodeId(node), incarnation, status: 'alive' as const },
        isFit: !scene.unfit.has(node),
      })),
    mayLead: () => scene.mayLead,
    host: {
      status: () => {
        scene.looks++;
        return statusNow();
      },
      changeConfiguration: (_, { kind, node }, done) => answer(`${kind} ${node}`, done),
      transfer: (_, to, done) => answer(`transfer ${to}`, done),
    },
    acted: (act, refused) => refused !== null && log.push(`${act.kind} refused: ${refused}`),
  });
  for (const node of nodes) scene.alive.set(node, 1);
  return scene;
}

void test('without a map nothing is looked at; with one, a shard grows act by act, and then there is no timer', () => {
  const scene = sceneOf('1', ['n2']);
  scene.mover.start();
  scene.clock.advance(1_000);
  assert.equal(scene.looks, 0);
  assert.equal(scene.clock.alarms, 0);
  scene.map('n1', 'n2');
  scene.mover.wake();
  scene.clock.advance(25);
  assert.deepEqual(scene.done(), ['addLearner n2']);
  scene.is = '1 | 2';
  scene.clock.advance(25);
  assert.deepEqual(scene.done(), ['promote n2']);
  scene.is = '1 2';
  scene.clock.advance(10_000);
  assert.deepEqual(scene.done(), []);
  assert.equal(scene.clock.alarms, 0);
});

void test('while there is only waiting, looks become rarer, down to four a second', () => {
  const scene = sceneOf('1 | 2~', ['n2']);
  scene.map('n1', 'n2');
  scene.mover.start();
  scene.clock.advance(1_000);
  scene.looks = 0;
  scene.clock.advance(10_000);
  assert.equal(scene.looks, 40);
  assert.deepEqual(scene.done(), []);
});

void test('what was refused is tried again, more and more slowly', () => {
  const scene = sceneOf('1 | 2', ['n2']);
  scene.map('n1', 'n2');
  scene.refusal = 'notCaughtUp';
  scene.mover.start();
  scene.clock.advance(25);
  assert.deepEqual(scene.done(), ['promote n2', 'change refused: notCaughtUp']);
  scene.clock.advance(49);
  assert.deepEqual(scene.done(), []);
  scene.clock.advance(1);
  assert.equal(scene.done().length, 2);
  scene.refusal = null;
  scene.clock.advance(100);
  assert.deepEqual(scene.done(), ['promote n2']);
});

void test('a dead node is not waited for: there is no timer until it is back', () => {
  const scene = sceneOf('1', []);
  scene.map('n1', 'n2');
  scene.mover.start();
  scene.clock.advance(25);
  assert.equal(scene.clock.alarms, 0);
  scene.alive.set('n2', 1);
  scene.mover.lifeChanged();
  scene.clock.advance(25);
  assert.deepEqual(scene.done(), ['addLearner n2']);
});

void test('a leader moves to a node only when that was alive for three seconds, in one life of its, and is fit', () => {
  const scene = sceneOf('1 2', [], 'n2');
  scene.map('n1', 'n2');
  scene.mover.start();
  scene.clock.advance(5_000);
  scene.alive.set('n2', 1);
  scene.mover.lifeChanged();
  scene.clock.advance(2_000);
  scene.alive.set('n2', 2);
  scene.mover.lifeChanged();
  scene.clock.advance(2_900);
  assert.deepEqual(scene.done(), []);
  scene.unfit.add('n2');
  scene.clock.advance(2_000);
  assert.deepEqual(scene.done(), []);
  scene.unfit.delete('n2');
  scene.clock.advance(313);
  assert.deepEqual(scene.done(), ['transfer n2']);
  scene.clock.advance(9_000);
  assert.deepEqual(scene.done(), []);
  scene.clock.advance(2_000);
  assert.deepEqual(scene.done(), ['transfer n2']);
});

void test('a node that goes and comes back between two looks begins anew', () => {
  const scene = sceneOf('1 2', [], 'n2');
  scene.map('n1', 'n2');
  scene.alive.set('n2', 1);
  scene.mover.start();
  scene.clock.advance(2_800);
  scene.alive.delete('n2');
  scene.mover.lifeChanged();
  scene.alive.set('n2', 1);
  scene.mover.lifeChanged();
  scene.clock.advance(2_900);
  assert.deepEqual(scene.done(), []);
  scene.clock.advance(500);
  assert.deepEqual(scene.done(), ['transfer n2']);
});

void test('a node that should lead nothing any more hands over when it is told so', () => {
  const scene = sceneOf('1 2', ['n2']);
  scene.map('n1', 'n2');
  scene.mover.start();
  scene.clock.advance(100);
  scene.done();
  scene.mayLead = false;
  scene.mover.wake();
  scene.clock.advance(25);
  assert.deepEqual(scene.done(), ['transfer n2']);
});

void test('stopped, it does nothing any more', () => {
  const scene = sceneOf('1', ['n2']);
  scene.map('n1', 'n2');
  scene.mover.start();
  scene.mover.stop();
  scene.mover.wake();
  scene.clock.advance(1_000);
  assert.deepEqual(scene.done(), []);
  assert.equal(scene.clock.alarms, 0);
});

void test('progress: each shard is at its goal, takes a copy, or is behind; and it says for whom it waits', () => {
  const scene = sceneOf('1 2', ['n2']);
  assert.equal(scene.mover.progress(), null);
  scene.map('n1', 'n2');
  const counts = () => {
    const { shards, atGoal, copying, behind, byShard } = scene.mover.progress()!;
    return [shards, atGoal, copying, behind, byShard[0]!.waitsFor.join(' ')];
  };
  assert.deepEqual(counts(), [1, 1, 0, 0, '']);
  scene.is = '1 | 2~';
  assert.deepEqual(counts(), [1, 0, 1, 0, '']);
  scene.is = '1 | 2';
  assert.deepEqual(counts(), [1, 0, 0, 1, '']);
  scene.is = '1 | 2~';
  scene.alive.clear();
  assert.deepEqual(counts(), [1, 0, 0, 1, 'n2']);
});
