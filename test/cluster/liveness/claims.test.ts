import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnClaims, PeerClaims } from '../../../cluster/liveness/claims.ts';
import { nodeId, shardId, term } from '../../../runtime/base/ids.ts';
import { Dice } from '../../sim/world/random.ts';
import { Steps } from './steps.ts';

void test('claims: whatever is lost on the way, a peer ends with exactly what is claimed', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const dice = new Dice(`claims ${seed}`);
    const own = new OwnClaims(16);
    const peer = new PeerClaims();
    let held = 0;
    for (let i = 0; i < 120; i++) {
      const group = shardId(dice.whole(0, 20));
      own.set(group, dice.chance(0.3) ? null : term(dice.whole(1, 5)));
      // The ping is lost, or its answer is.
      if (dice.chance(0.5)) continue;
      assert.equal(peer.take(own.head, own.newsSince(held)).problem, null);
      if (dice.chance(0.7)) held = peer.version ?? 0;
    }
    peer.take(own.head, own.newsSince(peer.version ?? 0));
    const sorted = (claims: readonly (readonly [number, number])[]): unknown => [...claims].sort(([a], [b]) => a - b);
    assert.deepEqual(sorted(peer.list()), sorted(own.list()), `seed ${seed}`);
    assert.equal(own.newsSince(peer.version ?? 0), null);
  }
});

void test('claims: what changed is told, once', () => {
  const own = new OwnClaims(16);
  const peer = new PeerClaims();
  for (let group = 0; group < 10; group++) own.set(shardId(group), term(1));
  assert.equal(peer.take(own.head, own.newsSince(0)).changed.length, 10);
  own.set(shardId(3), term(2));
  own.set(shardId(4), null);
  const news = own.newsSince(peer.version ?? 0);
  assert.deepEqual(news, { since: 10, claimed: [[3, 2]], dropped: [4] });
  assert.deepEqual(peer.take(own.head, news).changed, [3, 4]);
  assert.deepEqual(peer.take(own.head, news).changed, []);
});

void test('claims: a difference that does not add up is thrown away, and the whole asked for', () => {
  const own = new OwnClaims(16);
  const peer = new PeerClaims();
  for (let group = 0; group < 4; group++) own.set(shardId(group), term(1));
  peer.take(own.head, own.newsSince(0));
  own.set(shardId(1), term(2));
  const taken = peer.take({ ...own.head, digest: 5 }, own.newsSince(4));
  assert.ok(taken.problem);
  assert.equal(peer.version, null);
  assert.equal(peer.termOf(shardId(0)), undefined);
  assert.equal(peer.take(own.head, own.newsSince(0)).problem, null);
  assert.equal(peer.termOf(shardId(1)), 2);
});

void test('claims: a difference from another version than the held one is left alone', () => {
  const own = new OwnClaims(16);
  const peer = new PeerClaims();
  for (let group = 0; group < 4; group++) own.set(shardId(group), term(1));
  peer.take(own.head, own.newsSince(0));
  for (let group = 0; group < 3; group++) own.set(shardId(group), term(2));
  assert.deepEqual(peer.take(own.head, own.newsSince(6)), { changed: [], problem: null });
  assert.equal(peer.version, 4);
});

void test('claims are told within 10 ms of a change, and until the peer says that it holds them', () => {
  const steps = new Steps(2);
  steps.run(300, ['n2']);
  steps.role(3, 'leader', 4, 'n1');
  steps.take({ kind: 'settle' });
  steps.run(10);
  const heard = (): unknown => steps.pings.get(nodeId('n2'))?.news;
  assert.deepEqual(heard(), { since: 0, claimed: [[3, 4]], dropped: [] });
  steps.run(100, ['n2'], { holds: 0 });
  assert.notEqual(heard(), null);
  steps.run(100, ['n2']);
  steps.run(100, ['n2']);
  assert.equal(heard(), null);
});

const told = (steps: Steps): unknown => {
  const last = steps.told('claimed').at(-1);
  return last?.kind === 'claimed' ? last.claims : null;
};

void test('claimed: the host gets all that counts of a peer: on each change, when it is given up, and in a new life', () => {
  const steps = new Steps(2);
  steps.answers('n2');
  const own = new OwnClaims(16);
  own.set(shardId(1), term(2));
  own.set(shardId(2), term(2));
  const all = own.newsSince(0);
  steps.pinged('n2', { claims: own.head, news: all });
  assert.deepEqual(told(steps), [
    [1, 2],
    [2, 2],
  ]);
  own.set(shardId(1), null);
  const claims = own.head;
  steps.pinged('n2', { claims, news: own.newsSince(2) });
  assert.deepEqual(told(steps), [[2, 2]]);
  steps.run(1_200, ['n2'], { claims, isFit: false });
  assert.deepEqual(told(steps), []);
  steps.run(100, ['n2'], { claims });
  assert.deepEqual(told(steps), [[2, 2]]);
  steps.pinged('n2', { incarnation: 2 });
  assert.deepEqual(told(steps), []);
});
