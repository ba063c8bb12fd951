/** Any node reaches any actor: who is asked, what is asked again, and what the caller is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandRequest } from '../../../runtime/actor/request.ts';
import { refused, tryLater } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { kind } from '../../../cluster/routing/wire.ts';
import { codeOf, framesOf, RoutingWorld } from './routing-world.ts';

void test('a command for a shard that is led here goes to the engine, and to nobody else', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n1');
  const asked = world.ask('n1', 0);
  world.pass(5);
  assert.deepEqual(asked.outcome, { ok: true, answer: 'done edge 1', copies: [2, 3] });
  assert.equal(asked.settled, 1);
  assert.equal(world.mesh.sent.length, 0);
});

void test('a command for a shard that is led elsewhere runs there, as it was asked, and its answer says on how many disks it is', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n3');
  const request: Partial<CommandRequest> = {
    command: { kind: 'add', by: 2 } as never,
    id: { caller: 'smtp-1', seq: 9 },
    settledBelow: 7,
    principal: { kind: 'account', id: 'ann' },
    trace: 'mail-1',
    timeoutMs: 5_000,
  };
  const asked = world.ask('n1', 0, request);
  world.pass(10);
  assert.deepEqual(asked.outcome, { ok: true, answer: 'done smtp-1 9', copies: [2, 3] });
  assert.deepEqual(world.node('n3').taken, [{ kind: 'counter', key: '0.a', bodies: [], ...request }]);
  assert.deepEqual(framesOf(world, kind.ask), ['n1>n3']);
});

void test('a query goes to the leader as well', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n3');
  const asked = world.query('n1', 0);
  world.pass(10);
  assert.deepEqual(asked.outcome, { ok: true, answer: 'led by n3' });
});

void test('a stale hint costs one redirect and no wait', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n3', ['n2', 'n3']);
  world.believe('n1', 0, 'n2');
  const asked = world.ask('n1', 0);
  world.pass(8);
  assert.equal(codeOf(asked), 'ok');
  assert.deepEqual(framesOf(world, kind.ask), ['n1>n2', 'n1>n3']);
});

void test('two nodes that name each other as the leader are asked a few times, not thousands of times', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.believe('n1', 0, 'n2');
  world.believe('n2', 0, 'n3');
  world.believe('n3', 0, 'n2');
  const asked = world.ask('n1', 0, { timeoutMs: 2_000 });
  world.pass(2_100);
  assert.equal(codeOf(asked), 'notReached');
  assert.equal(asked.settled, 1);
  const frames = framesOf(world, kind.ask).length;
  assert.ok(frames > 4 && frames < 60, `${frames} frames`);
});

void test('a long chain of stale hints is followed to its end, with a breath in between', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
  world.lead(0, 'n6', ['n6']);
  for (let at = 1; at < 6; at++) world.believe(`n${at}`, 0, `n${at + 1}`);
  const asked = world.ask('n1', 0);
  world.pass(8);
  assert.equal(framesOf(world, kind.ask).length, 3);
  world.pass(30);
  assert.equal(codeOf(asked), 'ok');
});

void test('a link that comes up after a long time is used at once', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  world.mesh.cut('n1', 'n2');
  world.pass(5);
  const asked = world.ask('n1', 0);
  world.pass(1_005);
  assert.equal(codeOf(asked), 'none');
  world.mesh.link('n1', 'n2');
  world.pass(10);
  assert.equal(codeOf(asked), 'ok');
});

void test('a hint that names the asker itself sends nobody in circles', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.believe('n1', 0, 'n2');
  world.believe('n2', 0, 'n1');
  const asked = world.ask('n1', 0, { timeoutMs: 1_000 });
  world.pass(1_100);
  assert.equal(codeOf(asked), 'notReached');
  assert.ok(framesOf(world, kind.ask).length < 20);
});

void test('a link that is lost in the middle of a command: it is asked again under its id, and runs once', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.commitMs = () => 20;
  const asked = world.ask('n1', 0);
  world.pass(5);
  assert.equal(world.node('n2').taken.length, 1);
  world.mesh.cut('n1', 'n2');
  world.pass(30);
  assert.equal(codeOf(asked), 'none');
  world.mesh.link('n1', 'n2');
  world.pass(30);
  assert.deepEqual(asked.outcome, { ok: true, answer: 'done edge 1', copies: [2, 3] });
  assert.deepEqual([...world.effects.values()], [1]);
});

void test('the leader dies: who waits for it is answered by the next one as soon as that is known', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.commitMs = () => 50;
  const asked = world.ask('n1', 0);
  world.pass(5);
  world.mesh.kill('n2');
  world.lead(0, null, []);
  world.pass(300);
  assert.equal(codeOf(asked), 'none');
  world.commitMs = () => 1;
  const beforeMs = world.clock.monotonicMs();
  world.lead(0, 'n3');
  world.pass(20);
  assert.equal(codeOf(asked), 'ok');
  assert.ok(asked.atMs - beforeMs < 10, `${asked.atMs - beforeMs} ms`);
});

void test('a new leader that does not serve yet is asked again in milliseconds, however long all had waited before', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  const asked = world.ask('n1', 0);
  world.pass(1_000);
  world.believe('n1', 0, 'n3');
  world.pass(8);
  assert.equal(codeOf(asked), 'none');
  world.leaders.set(0, nodeId('n3'));
  const beforeMs = world.clock.monotonicMs();
  world.pass(300);
  assert.ok(asked.atMs - beforeMs < 50, `${asked.atMs - beforeMs} ms`);
});

void test('a leader that falls silent: its commands go to the next one, without waiting for the link to break', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.mesh.stall('n1', 'n2');
  const asked = world.ask('n1', 0);
  world.pass(100);
  world.lead(0, 'n3', ['n1', 'n3']);
  world.pass(50);
  assert.equal(codeOf(asked), 'ok');
  world.mesh.unstall('n1', 'n2');
  world.pass(20);
  assert.equal(asked.settled, 1);
  assert.deepEqual([...world.effects.values()], [1]);
});

void test('at the deadline a command that nobody can have begun is told so; one that may have happened is not refused', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  const never = world.ask('n1', 0, { timeoutMs: 300 });
  world.lead(1, 'n2');
  world.commitMs = () => 10_000;
  const perhaps = world.ask('n1', 1, { timeoutMs: 300 });
  world.lead(2, 'n1');
  const here = world.ask('n1', 2, { timeoutMs: 300 });
  world.pass(400);
  assert.equal(codeOf(never), 'notReached');
  assert.equal(codeOf(perhaps), 'outcomeUnknown');
  assert.equal(codeOf(here), 'outcomeUnknown');
  for (const asked of [never, perhaps, here]) {
    assert.ok(asked.outcome?.ok === false && asked.outcome.error.transient);
    assert.ok(asked.atMs <= 320, `${asked.atMs} ms`);
  }
  assert.equal(world.node('n1').calls.size, 0, 'nothing waits for an answer any more');
});

void test('what is left of the time travels with each attempt', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  const asked = world.ask('n1', 0, { timeoutMs: 1_000 });
  world.pass(400);
  world.lead(0, 'n2');
  world.pass(20);
  assert.equal(codeOf(asked), 'ok');
  const [taken] = world.node('n2').taken;
  assert.ok(taken!.timeoutMs <= 600 && taken!.timeoutMs > 500, `${taken!.timeoutMs} ms`);
});

void test('a command that waited and is led here at last is the same command, with what is left of its time', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  const id = { caller: 'smtp-1', seq: 4 };
  const asked = world.ask('n1', 0, { timeoutMs: 1_000, id });
  world.pass(400);
  world.lead(0, 'n1');
  world.pass(20);
  assert.equal(codeOf(asked), 'ok');
  const [taken] = world.node('n1').taken;
  assert.deepEqual(taken!.id, id);
  assert.ok(taken!.timeoutMs <= 600 && taken!.timeoutMs > 500, `${taken!.timeoutMs} ms`);
});

void test('what an actor refuses is told as it is, also when the first node was the wrong one', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n3', ['n2', 'n3']);
  world.believe('n1', 0, 'n2');
  world.node('n3').refuses = refused('overQuota', 'the mailbox is full').data;
  const asked = world.ask('n1', 0);
  world.pass(10);
  assert.deepEqual(asked.outcome, { ok: false, error: world.node('n3').refuses });
});

void test('a refusal after an attempt that may arrive yet is no refusal: nobody knows', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.mesh.stall('n1', 'n2');
  const asked = world.ask('n1', 0);
  world.pass(10);
  world.node('n3').refuses = refused('overQuota', 'the mailbox is full').data;
  world.lead(0, 'n3', ['n1', 'n3']);
  world.pass(50);
  assert.equal(codeOf(asked), 'outcomeUnknown');
});

void test('a refusal after an attempt that the old leader lost is a refusal: the new one knows what was committed', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.commitMs = () => 50;
  const asked = world.ask('n1', 0);
  world.pass(5);
  world.node('n3').refuses = refused('overQuota', 'the mailbox is full').data;
  world.lead(0, 'n3');
  world.pass(10);
  assert.equal(codeOf(asked), 'overQuota');
});

void test('what a deposed leader lost may have happened all the same: busy is no answer to it', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.commitMs = () => 50;
  world.keepsLost = () => true;
  const asked = world.ask('n1', 0);
  world.pass(5);
  world.node('n3').refuses = tryLater('busy', 'too much waits').data;
  world.lead(0, 'n3');
  world.pass(50);
  assert.equal(codeOf(asked), 'none');
  world.node('n3').refuses = null;
  world.pass(300);
  assert.equal(codeOf(asked), 'ok');
  assert.deepEqual([...world.effects.values()], [1]);
});

void test('busy is told at once, and after an attempt that may have happened it is asked again', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n3');
  world.node('n3').refuses = tryLater('busy', 'too much waits').data;
  const first = world.ask('n1', 0);
  world.pass(10);
  assert.equal(codeOf(first), 'busy');

  world.lead(1, 'n2');
  world.commitMs = () => 3;
  const second = world.ask('n1', 1);
  world.pass(1);
  world.mesh.cut('n1', 'n2');
  world.lead(1, 'n3', ['n1', 'n3']);
  world.pass(100);
  assert.equal(codeOf(second), 'none');
  world.node('n3').refuses = null;
  world.pass(300);
  assert.equal(codeOf(second), 'ok');
});

void test('a leader that is on its way out sends nobody away: its shards find the next one', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.node('n2').refuses = tryLater('stopping', 'this node is stopping').data;
  const far = world.ask('n1', 0);
  const near = world.ask('n2', 0);
  world.pass(50);
  assert.deepEqual([codeOf(far), codeOf(near)], ['none', 'none']);
  world.lead(0, 'n3');
  world.pass(20);
  assert.deepEqual([codeOf(far), codeOf(near)], ['ok', 'ok']);
});

void test('an answer to what an earlier life of the asker asked is not taken for an answer to this one', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  world.commitMs = () => 40;
  world.ask('n1', 0, { id: { caller: 'old', seq: 1 } });
  world.pass(5);
  world.restart('n1');
  world.believe('n1', 0, 'n2');
  world.pass(2);
  world.mesh.link('n1', 'n2');
  const asked = world.ask('n1', 0, { id: { caller: 'new', seq: 1 } });
  world.pass(100);
  assert.deepEqual(asked.outcome, { ok: true, answer: 'done new 1', copies: [2, 3] });
});

void test('more calls than may wait are refused as busy, at once', () => {
  const world = new RoutingWorld(['n1', 'n2'], 3);
  const asked = Array.from({ length: 5 }, () => world.ask('n1', 0, { timeoutMs: 100 }));
  assert.deepEqual(asked.map(codeOf), ['none', 'none', 'none', 'busy', 'busy']);
  world.pass(150);
  assert.ok(asked.every(({ settled }) => settled === 1));
});

void test('a local query is answered from the copy here, or else from one elsewhere, and says how old it is', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.node('n3').holds.add(0);
  const far = world.query('n1', 0, { local: true });
  world.pass(20);
  assert.deepEqual(far.outcome, { ok: true, answer: 'local at n3', asOfMs: 7 });
  world.node('n1').holds.add(0);
  const near = world.query('n1', 0, { local: true });
  assert.deepEqual(near.outcome, { ok: true, answer: 'local at n1', asOfMs: 7 });
});

void test('a node that stops tells everybody who waits, and asks nobody any more', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  const waiting = world.ask('n1', 0);
  world.lead(1, 'n2');
  world.commitMs = () => 1_000;
  const sent = world.ask('n1', 1);
  world.pass(5);
  const query = world.query('n1', 0);
  world.node('n1').router.stop();
  assert.deepEqual([codeOf(waiting), codeOf(sent), codeOf(query)], ['stopping', 'outcomeUnknown', 'stopping']);
  assert.equal(codeOf(world.ask('n1', 1)), 'stopping');
  world.pass(1_100);
  assert.equal(sent.settled, 1);
});

void test('what waits is counted', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.ask('n1', 0);
  world.lead(1, 'n2');
  world.ask('n1', 1);
  world.pass(1);
  const { calls, waiting, forwarded } = world.node('n1').router.stats;
  assert.deepEqual({ calls, waiting, forwarded }, { calls: 2, waiting: 1, forwarded: 1 });
  assert.equal(world.node('n2').id, nodeId('n2'));
});
