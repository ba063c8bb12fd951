import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnClaims } from '../../../cluster/liveness/claims.ts';
import type { Ping } from '../../../cluster/liveness/protocol.ts';
import { nodeId, shardId, term } from '../../../runtime/base/ids.ts';
import { Steps } from './steps.ts';

/** A peer as this node meets it: its claims, as it would tell them. */
function claiming(groups: readonly number[], inTerm = 1): Pick<Ping, 'claims' | 'news'> {
  const own = new OwnClaims(4_096);
  for (const group of groups) own.set(shardId(group), term(inTerm));
  return { claims: own.head, news: own.newsSince(0) };
}

const campaigns = (steps: Steps): readonly number[][] =>
  steps.told('campaign').map((effect) => (effect.kind === 'campaign' ? [...effect.groups] : []));

/** n2 leads the groups, all three live and know it. */
function ledByN2(groups: readonly number[]): { steps: Steps; claims: Pick<Ping, 'claims' | 'news'> } {
  const steps = new Steps(3);
  const claims = claiming(groups);
  for (const group of groups) {
    steps.replicas(group, ['n2', 'n1', 'n3']);
    steps.role(group, 'follower', 1, 'n2');
  }
  steps.take({ kind: 'settle' });
  steps.pinged('n2', claims);
  steps.answers('n2', { claims: claims.claims });
  steps.answers('n3');
  return { steps, claims };
}

/** One round: n2 answers with its claims, n3 without any. */
function round(steps: Steps, claims: Pick<Ping, 'claims'>): void {
  steps.run(100);
  steps.answers('n2', { claims: claims.claims });
  steps.answers('n3');
}

void test('cost: 1,024 groups with a leader cost not one verdict a tick', () => {
  const { steps, claims } = ledByN2(Array.from({ length: 1_024 }, (_, i) => i));
  for (let i = 0; i < 3; i++) round(steps, claims);
  const before = steps.state.campaigns.judged;
  for (let i = 0; i < 100; i++) {
    round(steps, claims);
    steps.pinged('n2', { claims: claims.claims });
  }
  assert.equal(steps.state.campaigns.judged, before);
  assert.deepEqual(campaigns(steps), []);
});

void test('cost: the death of a leader costs a verdict or two for each of its groups and none for the others', () => {
  const { steps, claims } = ledByN2(Array.from({ length: 300 }, (_, i) => i));
  for (let group = 300; group < 1_024; group++) {
    steps.replicas(group, ['n1', 'n3']);
    steps.role(group, 'leader', 1, 'n1');
  }
  steps.take({ kind: 'settle' });
  for (let i = 0; i < 3; i++) round(steps, claims);
  const before = steps.state.campaigns.judged;
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  assert.equal(campaigns(steps)[0]?.length, 300, 'all in one batch');
  assert.ok(steps.state.campaigns.judged - before <= 600, `${steps.state.campaigns.judged - before}`);
});

void test('(a) a suspect leader: at once by the first of those alive, 150 ms later by the next', () => {
  const first = ledByN2([5]).steps;
  first.take({ kind: 'linkRefused', node: nodeId('n2') });
  assert.deepEqual(campaigns(first), [[5]]);

  const next = ledByN2([]).steps;
  next.replicas(6, ['n2', 'n3', 'n1']);
  next.role(6, 'follower', 1, 'n2');
  next.take({ kind: 'settle' });
  const { claims, news } = claiming([6]);
  next.pinged('n2', { claims, news });
  round(next, { claims });
  next.take({ kind: 'linkRefused', node: nodeId('n2') });
  next.run(149, ['n3']);
  assert.deepEqual(campaigns(next), []);
  next.run(1, ['n3']);
  assert.deepEqual(campaigns(next), [[6]]);
});

void test('(b) a living leader that does not claim the group: not before it has answered a ping sent since it was learned', () => {
  const { steps, claims } = ledByN2([5]);
  steps.replicas(6, ['n1', 'n2', 'n3']);
  // An append of n2's was the first to tell; its claims are still on their way.
  steps.role(6, 'follower', 3, 'n2');
  steps.take({ kind: 'settle' });
  assert.ok(steps.state.campaigns.hearsLeader(shardId(6)), 'what Raft has just learned is a claim');
  steps.answers('n2', { claims: claims.claims });
  assert.deepEqual(campaigns(steps), []);
  round(steps, claims);
  assert.deepEqual(campaigns(steps), [[6]]);
  assert.ok(!steps.state.campaigns.hearsLeader(shardId(6)));
});

void test('(b) a claim of an earlier term than mine is none', () => {
  const { steps, claims } = ledByN2([5]);
  steps.role(5, 'follower', 2, null);
  steps.take({ kind: 'settle' });
  assert.ok(!steps.state.campaigns.hearsLeader(shardId(5)));
  // Somebody else is being elected in term 2: left alone for 300 ms, and then n2 comes first.
  for (let i = 0; i < 4; i++) round(steps, claims);
  assert.deepEqual(campaigns(steps), []);
  round(steps, claims);
  assert.deepEqual(campaigns(steps), [[5]]);
});

void test('(b) a new life of the leader claims nothing until it says so', () => {
  const { steps } = ledByN2([5]);
  assert.ok(steps.state.campaigns.hearsLeader(shardId(5)));
  steps.pinged('n2', { incarnation: 2 });
  assert.ok(!steps.state.campaigns.hearsLeader(shardId(5)));
  assert.deepEqual(campaigns(steps), []);
  steps.run(100);
  steps.answers('n2', { incarnation: 2 });
  assert.ok(!steps.state.campaigns.hearsLeader(shardId(5)));
  steps.run(150, ['n2', 'n3'], { incarnation: 2 });
  assert.deepEqual(campaigns(steps), [[5]], 'n2 itself has its 150 ms');
});

void test('(c) no leader is known: nobody campaigns before everybody who may lead has spoken or is suspect', () => {
  const steps = new Steps(3);
  steps.replicas(1, ['n1', 'n2', 'n3']);
  steps.role(1, 'follower', 4, null);
  steps.take({ kind: 'settle' });
  steps.answers('n2');
  assert.deepEqual(campaigns(steps), []);
  const { claims, news } = claiming([1], 4);
  // n3 answers and speaks of claims that have not come yet.
  steps.answers('n3', { claims });
  assert.deepEqual(campaigns(steps), []);
  steps.pinged('n3', { claims, news });
  assert.deepEqual(campaigns(steps), []);
  assert.deepEqual(steps.told('claimed').length > 0, true);
  assert.ok(steps.state.campaigns.hearsLeader(shardId(1)));
});

void test('a peer that answers pings and never brings the claims that it speaks of is not waited for longer than a second', () => {
  const steps = new Steps(3);
  steps.replicas(1, ['n1', 'n2', 'n3']);
  steps.role(1, 'follower', 4, null);
  steps.take({ kind: 'settle' });
  const { claims } = claiming([1], 4);
  steps.run(950, ['n2', 'n3'], { claims });
  assert.deepEqual(campaigns(steps), []);
  steps.run(100, ['n2', 'n3'], { claims });
  assert.deepEqual(campaigns(steps), [[1]]);
});

void test('a candidate that is unfit is not waited for', () => {
  const { steps } = ledByN2([]);
  steps.replicas(6, ['n2', 'n3', 'n1']);
  steps.role(6, 'follower', 1, 'n2');
  steps.answers('n3', { isFit: false });
  steps.run(100);
  steps.answers('n3', { isFit: false });
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  assert.deepEqual(campaigns(steps), [[6]]);
});

void test('a voter that comes back ends the back-off', () => {
  const { steps } = ledByN2([1]);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  steps.take({ kind: 'linkRefused', node: nodeId('n3') });
  steps.run(20_000);
  const before = campaigns(steps).length;
  steps.take({ kind: 'linked', node: nodeId('n3') });
  steps.answers('n3', { incarnation: 2 });
  assert.equal(campaigns(steps).length, before + 1);
});

void test('a candidacy that waits for votes is not begun anew at once', () => {
  const { steps } = ledByN2([1]);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  steps.take({ kind: 'role', group: shardId(1), is: { role: 'candidate', term: term(2), leader: null } });
  steps.take({ kind: 'settle' });
  steps.run(299, ['n3']);
  assert.equal(campaigns(steps).length, 1);
  steps.run(700, ['n3']);
  assert.ok(campaigns(steps).length >= 2);
});

void test('a group whose Raft forgot its leader is told of it again', () => {
  const { steps } = ledByN2([1]);
  const before = steps.told('claimed').length;
  steps.role(1, 'follower', 1, null);
  steps.take({ kind: 'settle' });
  assert.equal(steps.told('claimed').length, before + 1);
  assert.deepEqual(campaigns(steps), []);
});

void test('the waits between retries are by chance', () => {
  const { steps } = ledByN2([1]);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  const fromMs = steps.nowMs;
  while (campaigns(steps).length < 2) steps.run(1, ['n3']);
  const waitedMs = steps.nowMs - fromMs;
  assert.ok(waitedMs >= 75 && waitedMs <= 225 && waitedMs !== 150, `${waitedMs} ms`);
});

void test('retries back off, and all that failed together is tried again together', () => {
  const { steps } = ledByN2([1, 2, 3]);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  steps.run(30_000, ['n3']);
  assert.ok(campaigns(steps).length > 5 && campaigns(steps).length < 16, `${campaigns(steps).length}`);
  for (const batch of campaigns(steps)) assert.deepEqual(batch, [1, 2, 3]);
});

void test('who is unfit campaigns for nothing, and again once it is fit', () => {
  const { steps } = ledByN2([1]);
  for (let i = 0; i < 5; i++) {
    steps.nowMs += 100;
    steps.take({ kind: 'time', wallMs: steps.nowMs, commitMs: 2_000 + i * 100, turnMs: 0 });
  }
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  steps.run(4_900, ['n3']);
  assert.deepEqual(campaigns(steps), []);
  steps.run(300, ['n3']);
  assert.deepEqual(campaigns(steps)[0], [1]);
});

void test('a group that is forgotten is not claimed and not campaigned for', () => {
  const { steps } = ledByN2([1]);
  steps.role(2, 'leader', 1, 'n1');
  steps.take({ kind: 'forget', group: shardId(1) });
  steps.take({ kind: 'forget', group: shardId(2) });
  steps.take({ kind: 'settle' });
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  assert.deepEqual(campaigns(steps), []);
  assert.deepEqual(steps.state.detector.claims.list(), []);
});

void test('a learner, or who is no candidate, wants nothing', () => {
  const steps = new Steps(3);
  steps.replicas(1, ['n2', 'n3']);
  steps.role(1, 'follower', 1, null);
  steps.take({ kind: 'settle' });
  steps.run(3_000, ['n2', 'n3']);
  assert.deepEqual(campaigns(steps), []);
});
