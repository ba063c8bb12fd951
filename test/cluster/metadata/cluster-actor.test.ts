import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterActor } from '../../../cluster/metadata/cluster-actor.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { ActorBench } from '../../support/actor-bench.ts';
import { aNode, anOperator, foundBy, foundedBench, givenToken, hashOf, newNode } from './cluster-bench.ts';

const hourMs = 3_600_000;

void test('before it is founded there is no map, nobody is let in, and the refusal is one that time may cure', () => {
  const bench = new ActorBench(clusterActor, { key: 'cluster' });
  bench.principal = aNode;
  assert.equal(bench.query({ kind: 'map' }), null);
  const early = () => bench.ask({ kind: 'createToken', secretHash: hashOf('t'), expiresMs: null });
  assert.throws(early, { code: 'notFounded', transient: true });
});

void test('founding makes a map of one node, the same node may repeat it, and nobody else founds over it', () => {
  const bench = foundedBench();
  const map = bench.query({ kind: 'map' });
  assert.equal(map?.version, 1);
  assert.equal(map?.generation, 1);
  assert.deepEqual(
    map?.nodes.map(({ id, state, started }) => ({ id, state, started })),
    [{ id: 'n1', state: 'member', started: null }],
  );
  assert.ok(!JSON.stringify(map).includes('secret of'), 'the key of the CA is not in the map');
  assert.deepEqual(bench.ask(foundBy('n1')), map);
  assert.throws(() => bench.ask(foundBy('n2')), { code: 'clusterFounded' });
  assert.throws(() => bench.ask(foundBy('n1', 'another-cluster')), { code: 'clusterFounded', message: /the-cluster/ });
  assert.throws(() => bench.ask({ ...foundBy('n1'), node: newNode('n1', 'another') }), { code: 'clusterFounded' });
});

void test('a token lets one node in, and the map grows', () => {
  const bench = foundedBench();
  const secretHash = givenToken(bench);
  const node = newNode('n2');
  assert.deepEqual(bench.query({ kind: 'mayAdmit', secretHash, node: node.id, keyHash: node.keyHash }), {
    certificate: null,
  });
  const { map, certificate } = bench.ask({ kind: 'admit', secretHash, node });
  assert.equal(certificate, node.certificate);
  assert.equal(map.version, 2);
  assert.deepEqual(bench.query({ kind: 'map' }), map);
  assert.deepEqual(map.nodes[1], { ...node, state: 'member', admittedMs: bench.nowMs, started: null });
});

void test('the same key gets the same certificate again, and another key does not pass with the token', () => {
  const bench = foundedBench();
  const secretHash = givenToken(bench);
  const first = bench.ask({ kind: 'admit', secretHash, node: newNode('n2') });
  const again = { ...newNode('n2'), certificate: 'made anew' };
  assert.deepEqual(bench.ask({ kind: 'admit', secretHash, node: again }), first);
  const { keyHash } = again;
  const asked = bench.query({ kind: 'mayAdmit', secretHash, node: again.id, keyHash });
  assert.equal(asked.certificate, first.certificate);
  const other = newNode('n2', 'another key');
  assert.throws(() => bench.ask({ kind: 'admit', secretHash, node: other }), { code: 'tokenUsed', message: /n2/ });
  assert.throws(() => bench.ask({ kind: 'admit', secretHash, node: newNode('n3', 'n2') }), { code: 'tokenUsed' });
});

void test('a repeated join may come from another address; with a new token too, since the first may have expired', () => {
  const bench = foundedBench();
  const first = bench.ask({ kind: 'admit', secretHash: givenToken(bench), node: newNode('n2') });
  const moved = { ...newNode('n2'), address: '[2001:db8::2]:2580', certificate: 'made anew' };
  const { map, certificate } = bench.ask({ kind: 'admit', secretHash: givenToken(bench, 'second'), node: moved });
  assert.equal(certificate, first.certificate);
  assert.equal(map.nodes[1]?.address, moved.address);
  assert.equal(map.nodes[1]?.certificate, first.certificate);
  assert.equal(map.version, first.map.version + 1);
});

void test('a token is good for an hour of entry time, or until the time that it was given, and then it is swept', () => {
  const bench = foundedBench();
  const secretHash = givenToken(bench);
  const soon = bench.ask({ kind: 'createToken', secretHash: hashOf('soon'), expiresMs: bench.nowMs + 1_000 });
  assert.equal(soon.expiresMs, bench.nowMs + 1_000);
  bench.nowMs += hourMs;
  const late = () => bench.ask({ kind: 'admit', secretHash, node: newNode('n2') });
  assert.throws(late, { code: 'tokenExpired', message: /token create/ });
  givenToken(bench, 'fresh');
  assert.throws(late, { code: 'tokenUnknown' });
  assert.equal(bench.rows('t').length, 1);
});

void test('a token that is made twice is one, and one that is late or too long is refused', () => {
  const bench = foundedBench();
  const secretHash = givenToken(bench);
  const { expiresMs } = bench.ask({ kind: 'createToken', secretHash, expiresMs: bench.nowMs + 5 });
  assert.equal(expiresMs, bench.nowMs + hourMs);
  const until = (expiresMs: number) => () =>
    bench.ask({ kind: 'createToken', secretHash: hashOf(`until ${expiresMs}`), expiresMs });
  assert.throws(until(bench.nowMs), { code: 'tokenExpired' });
  assert.throws(until(bench.nowMs + 31 * 24 * hourMs), { code: 'badClusterRecord', message: /30 days/ });
  assert.throws(until(0.5), { code: 'badClusterRecord' });
});

void test('a hundred tokens may wait, and expired ones make room', () => {
  const bench = foundedBench();
  for (let i = 0; i < 100; i++) givenToken(bench, `token ${i}`);
  assert.throws(() => givenToken(bench, 'one more'), { code: 'tooManyTokens' });
  bench.nowMs += hourMs;
  givenToken(bench, 'one more');
  assert.equal(bench.rows('t').length, 1);
});

void test('a name that is taken or was removed is not given again, and a key has one name', () => {
  const bench = foundedBench();
  const admit = (node: ReturnType<typeof newNode>, token = `for ${node.id} ${node.keyHash}`) =>
    bench.ask({ kind: 'admit', secretHash: givenToken(bench, token), node });
  admit(newNode('n2'));
  assert.throws(() => admit(newNode('n2', 'another')), { code: 'nodeIdTaken', message: /--node/ });
  assert.throws(() => admit(newNode('n3', 'n2')), { code: 'keyTaken', message: /n2/ });
  assert.throws(() => admit(newNode('n1', 'another')), { code: 'nodeIdTaken' });
  assert.throws(() => admit({ ...newNode('n4'), id: nodeId('N 4') }), { code: 'badClusterRecord', message: /N 4/ });
});

void test('a stranger without a token learns nothing of the nodes', () => {
  const bench = foundedBench();
  const { id: node, keyHash } = newNode('n1', 'another');
  for (const secretHash of [hashOf('guess'), 'no hash', '\0']) {
    assert.throws(() => bench.query({ kind: 'mayAdmit', secretHash, node, keyHash }), { code: 'tokenUnknown' });
  }
});

void test('64 nodes are let in, and not one more', () => {
  const bench = foundedBench();
  const admit = (number: number) =>
    bench.ask({ kind: 'admit', secretHash: givenToken(bench, `t${number}`), node: newNode(`n${number}`) });
  for (let number = 2; number <= 64; number++) {
    admit(number);
    bench.nowMs += hourMs;
  }
  assert.throws(() => admit(65), { code: 'tooManyNodes' });
  const map = bench.query({ kind: 'map' });
  assert.equal(map?.nodes.length, 64);
  assert.deepEqual(
    map?.nodes.map(({ id }) => id),
    map?.nodes.map(({ id }) => id).sort(),
  );
});

void test('the key of the CA is for nodes alone, and an operator may give out tokens', () => {
  const bench = foundedBench();
  assert.deepEqual(bench.query({ kind: 'ca' }), { certificate: 'CA of the-cluster', key: 'secret of the-cluster' });
  const secretHash = givenToken(bench);
  const node = newNode('n2');
  bench.principal = anOperator;
  givenToken(bench, 'of the operator');
  assert.equal(bench.query({ kind: 'map' })?.nodes.length, 1);
  assert.throws(() => bench.query({ kind: 'ca' }), { code: 'notAllowed' });
  assert.throws(() => bench.ask({ kind: 'admit', secretHash, node }), { code: 'notAllowed' });
  assert.throws(() => bench.ask(foundBy('n1')), { code: 'notAllowed' });
  bench.principal = { kind: 'account', id: 'bob' };
  assert.throws(() => givenToken(bench, 'of an account'), { code: 'notAllowed' });
  const { keyHash } = node;
  assert.throws(() => bench.query({ kind: 'mayAdmit', secretHash, node: node.id, keyHash }), { code: 'notAllowed' });
});

void test('a node renews its own certificate and that of nobody else', () => {
  const bench = foundedBench();
  const { id: node, keyHash } = newNode('n1');
  const renewed = bench.ask({ kind: 'renew', node, keyHash, certificate: 'new' });
  assert.equal(renewed.nodes[0]?.certificate, 'new');
  assert.equal(renewed.version, 2);
  assert.equal(bench.ask({ kind: 'renew', node, keyHash, certificate: 'new' }).version, 2);
  const forOther = () => bench.ask({ kind: 'renew', node: nodeId('n2'), keyHash, certificate: 'new' });
  assert.throws(forOther, { code: 'notAllowed' });
  const withOtherKey = () => bench.ask({ kind: 'renew', node, keyHash: hashOf('other'), certificate: 'new' });
  assert.throws(withOtherKey, { code: 'nodeUnknown' });
});

void test('what a newer node asks for is refused by its name', () => {
  const bench = foundedBench();
  assert.throws(() => bench.ask({ kind: 'dance' } as never), { code: 'unknownCommand', message: /dance/ });
  assert.throws(() => bench.query({ kind: 'dance' } as never), { code: 'unknownCommand', message: /dance/ });
});
