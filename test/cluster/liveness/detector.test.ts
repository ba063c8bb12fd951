import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId } from '../../../runtime/base/ids.ts';
import { Steps } from './steps.ts';

const aliveness = (steps: Steps): unknown[] =>
  steps.told('alive').map((effect) => (effect.kind === 'alive' ? [effect.node, effect.isAlive] : null));

void test('a peer is alive with its first answer, and suspect 450 ms after the last ping that it answered', () => {
  const steps = new Steps(2);
  steps.run(1_000, ['n2']);
  assert.deepEqual(aliveness(steps), [['n2', true]]);
  steps.run(449);
  assert.deepEqual(aliveness(steps), [['n2', true]]);
  steps.run(1);
  assert.deepEqual(aliveness(steps), [
    ['n2', true],
    ['n2', false],
  ]);
});

void test('a refused link is suspicion at once, also of a peer that was never heard', () => {
  const steps = new Steps(2);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  assert.deepEqual(aliveness(steps), [['n2', false]]);
});

void test('a peer that comes back in a new life is alive with its first answer; in the old one it must be steady first', () => {
  const steps = new Steps(2);
  steps.run(300, ['n2']);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  steps.run(250, ['n2']);
  assert.equal(aliveness(steps).length, 2);
  steps.run(200, ['n2']);
  assert.equal(aliveness(steps).length, 3);
  steps.take({ kind: 'linkRefused', node: nodeId('n2') });
  steps.take({ kind: 'linked', node: nodeId('n2') });
  steps.answers('n2', { incarnation: 2 });
  assert.equal(aliveness(steps).length, 5);
});

void test('pings alone are no life: only answers to my own are', () => {
  const steps = new Steps(2);
  for (let i = 0; i < 10; i++) {
    steps.run(100);
    steps.pinged('n2', {});
  }
  assert.deepEqual(aliveness(steps), [['n2', false]]);
  assert.equal(steps.answer?.to.seq, 1, 'its pings are answered all the same');
});

void test('what an older life says is ignored, and answers that my own former life asked for', () => {
  const steps = new Steps(2);
  steps.pinged('n2', { incarnation: 5 });
  steps.answer = null;
  steps.pinged('n2', { incarnation: 4 });
  assert.equal(steps.answer, null);
  steps.answers('n2', { incarnation: 4 });
  steps.answers('n2', { incarnation: 5, to: { incarnation: 6, seq: 1 } });
  assert.deepEqual(aliveness(steps), []);
  steps.answers('n2', { incarnation: 5 });
  assert.deepEqual(aliveness(steps), [['n2', true]]);
});

void test('an answer proves life once, and only to a ping that was sent', () => {
  const steps = new Steps(2);
  steps.answers('n2', { to: { incarnation: 7, seq: 99 } });
  assert.deepEqual(aliveness(steps), []);
  const ping = steps.pings.get(nodeId('n2'));
  steps.answers('n2');
  for (let i = 0; i < 6; i++) {
    steps.run(100);
    steps.pings.set(nodeId('n2'), ping!);
    steps.answers('n2');
  }
  assert.equal(aliveness(steps).length, 2, 'the same answer again and again is no life');
});

void test('an answer to a ping of half a second ago proves nothing any more', () => {
  const steps = new Steps(2);
  const first = steps.pings.get(nodeId('n2'));
  steps.run(500);
  steps.pings.set(nodeId('n2'), first!);
  steps.answers('n2');
  assert.deepEqual(aliveness(steps), [['n2', false]]);
  steps.run(100, ['n2']);
  assert.deepEqual(aliveness(steps).at(-1), ['n2', true]);
});

void test('a gap of our own is not held against others; a shorter one is no gap', () => {
  const steps = new Steps(2);
  steps.run(1_000, ['n2']);
  // Its answer waits in a socket that nobody reads.
  steps.run(100);
  steps.nowMs += 20_000;
  steps.time();
  steps.run(240);
  assert.equal(aliveness(steps).length, 1);
  steps.run(120);
  assert.equal(aliveness(steps).length, 2);
});

void test('the age of a write that hangs does not grow while this node itself is stopped', () => {
  const steps = new Steps(2);
  steps.run(500, ['n2']);
  steps.nowMs += 20_000;
  // A write that began right before the pause.
  steps.take({ kind: 'time', wallMs: steps.nowMs, commitMs: 20_001, turnMs: 0 });
  assert.equal(steps.told('shouldLead').length, 0);
  for (let i = 1; i <= 15; i++) {
    steps.nowMs += 100;
    steps.take({ kind: 'time', wallMs: steps.nowMs, commitMs: 20_001 + i * 100, turnMs: 0 });
  }
  assert.equal(steps.told('shouldLead').length, 1);
});

void test('members: who leaves is not alive any more, and who comes is pinged', () => {
  const steps = new Steps(3);
  steps.run(300, ['n2', 'n3']);
  steps.take({ kind: 'members', nodes: ['n1', 'n3', 'n4'].map(nodeId) });
  assert.deepEqual(aliveness(steps).at(-1), ['n2', false]);
  steps.run(100);
  assert.ok(steps.pings.has(nodeId('n4')) && !steps.pings.has(nodeId('n2')));
  steps.pinged('n2', {});
  assert.deepEqual(steps.told('refused'), [{ kind: 'refused', node: 'n2', reason: 'not a member' }]);
});

void test('above 24 members random ones are pinged, all of them in turn, and the load stays', () => {
  const steps = new Steps(100);
  const all = steps.members.slice(1).map(String);
  steps.run(2_000, all);
  assert.equal(aliveness(steps).length, 99);
  steps.pingsSent = 0;
  steps.run(10_000, all);
  // Where one order ends and the next begins, a member may be drawn twice in a round.
  assert.ok(steps.pingsSent <= 23 * 100 && steps.pingsSent > 22 * 100, `${steps.pingsSent} pings`);
  const dead = all.slice(1);
  steps.run(449 + 99, dead);
  assert.equal(aliveness(steps).length, 99, 'a pause between two probes is no silence');
  steps.run(500, dead);
  assert.deepEqual(aliveness(steps).at(-1), ['n2', false]);
});

void test('what cannot be is refused by name, and nothing of it is taken', () => {
  const claims = { version: 1, digest: 1 };
  const broken: readonly (readonly [unknown, RegExp])[] = [
    [null, /not a record/],
    [[1, 2], /not a record/],
    [{ kind: 'pang' }, /neither a ping/],
    [{ kind: 'ping' }, /isFit/],
  ];
  const fields: readonly (readonly [object, RegExp])[] = [
    [{ incarnation: -1 }, /incarnation/],
    [{ incarnation: 1.5 }, /incarnation/],
    [{ seq: '1' }, /seq/],
    [{ wallMs: NaN }, /wallMs/],
    [{ commitMs: -1 }, /commitMs/],
    [{ turnMs: null }, /turnMs/],
    [{ isFit: 1 }, /isFit/],
    [{ claims: null }, /claims is not/],
    [{ claims: { version: 1 } }, /digest/],
    [{ news: 3 }, /news/],
    [{ news: { since: 0, claimed: {}, dropped: [] } }, /claimed is not a list/],
    [{ news: { since: 0, claimed: [[1, 2, 3]], dropped: [] } }, /a claim is not/],
    [{ news: { since: 0, claimed: [[-1, 2]], dropped: [] } }, /a group is not/],
    [{ news: { since: 0, claimed: [[20_000, 2]], dropped: [] } }, /a group is not/],
    [{ news: { since: 0, claimed: [[1, 0]], dropped: [] } }, /term/],
    [{ news: { since: 0, claimed: [], dropped: ['x'] } }, /a group is not/],
    [{ news: { since: 0, claimed: Array.from({ length: 20_000 }, () => [1, 1]), dropped: [] } }, /20000 items/],
    [{ claims, news: { since: 0, claimed: [[1, 1]], dropped: [] } }, /do not add up/],
  ];
  const steps = new Steps(2);
  const reasons = (): string[] =>
    steps.told('refused').map((effect) => (effect.kind === 'refused' ? effect.reason : ''));
  for (const [frame, reason] of broken) {
    steps.take({ kind: 'received', from: nodeId('n2'), frame });
    assert.match(reasons().at(-1) ?? '', reason);
  }
  for (const [facts, reason] of fields) {
    const before = reasons().length;
    steps.pinged('n2', facts);
    assert.equal(reasons().length, before + 1, reason.source);
    assert.match(reasons().at(-1) ?? '', reason);
  }
  assert.equal(steps.told('claimed').length, 0);
});
