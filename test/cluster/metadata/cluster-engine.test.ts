import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterActor } from '../../../cluster/metadata/cluster-actor.ts';
import { type ClusterAnswers, type ClusterCommand, theCluster } from '../../../cluster/metadata/protocol.ts';
import type { Outcome } from '../../../runtime/actor/request.ts';
import { metadataShard, shardOf } from '../../../runtime/actor/shard.ts';
import { engineWorld, type EngineWorld, shardCount } from '../../support/engine-world.ts';
import { aNode, foundBy, hashOf, newNode } from './cluster-bench.ts';

let seq = 0;

async function ask(world: EngineWorld, command: ClusterCommand, id = { caller: 'n1', seq: ++seq }): Promise<Outcome> {
  let outcome: Outcome | undefined;
  const about = { settledBelow: 0, principal: aNode, trace: 'test', bodies: [], timeoutMs: 30_000 };
  world.engine.ask({ ...theCluster, command, id, ...about }, (settled) => {
    outcome = settled;
  });
  await world.settle();
  assert.ok(outcome, 'an answer has left');
  return outcome;
}

function read<Kind extends 'map' | 'ca'>(world: EngineWorld, kind: Kind): ClusterAnswers[Kind] {
  let outcome: Outcome | undefined;
  const query = { ...theCluster, query: { kind }, principal: aNode, local: true };
  world.engine.query(query, (settled) => {
    outcome = settled;
  });
  assert.ok(outcome?.ok, 'a local query answers at once');
  return outcome.answer as ClusterAnswers[Kind];
}

void test('the cluster lives through a restart: map, tokens, the key of the CA', async () => {
  const world = await engineWorld([clusterActor]);
  assert.equal(read(world, 'map'), null);
  await ask(world, foundBy('n1'));
  await ask(world, { kind: 'createToken', secretHash: hashOf('t'), expiresMs: null });
  const map = read(world, 'map');
  world.engine.stop();

  const again = await engineWorld([clusterActor], { disk: world.tree.disk, clock: world.clock });
  assert.deepEqual(read(again, 'map'), map);
  assert.equal(read(again, 'ca').key, 'secret of the-cluster');
  const admitted = await ask(again, { kind: 'admit', secretHash: hashOf('t'), node: newNode('n2') });
  assert.ok(admitted.ok);
  assert.deepEqual(
    read(again, 'map')?.nodes.map(({ id }) => id),
    ['n1', 'n2'],
  );
  assert.deepEqual([...world.bugs, ...again.bugs, ...world.fatals, ...again.fatals], []);
});

void test('an admission that is sent twice under one id has one answer, also when its token has expired meanwhile', async () => {
  const world = await engineWorld([clusterActor]);
  await ask(world, foundBy('n1'));
  await ask(world, { kind: 'createToken', secretHash: hashOf('t'), expiresMs: null });
  const id = { caller: 'n1', seq: ++seq };
  const admit: ClusterCommand = { kind: 'admit', secretHash: hashOf('t'), node: newNode('n2') };
  const first = await ask(world, admit, id);
  world.clock.advance(3_600_000);
  const second = await ask(world, admit, id);
  assert.ok(first.ok && second.ok);
  assert.deepEqual(second.answer, first.answer);
  assert.equal(read(world, 'map')?.version, 2);
  const anew = await ask(world, admit);
  assert.equal(!anew.ok && anew.error.code, 'tokenExpired');
});

void test('its rows lie on the shard behind all others', async () => {
  const world = await engineWorld([clusterActor]);
  await ask(world, foundBy('n1'));
  assert.equal(shardOf(theCluster.kind, theCluster.key, shardCount), metadataShard(shardCount));
  assert.ok(world.log.committedIndex(metadataShard(shardCount)) > 0);
});
