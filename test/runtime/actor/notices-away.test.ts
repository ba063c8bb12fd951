/** Notices to shards that another node leads: once and in order, whoever loses what, and whenever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import type { ShardId } from '../../../runtime/base/ids.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { apart, countTo, heard, kept, requireWhole, sick, tell } from './notices-away-world.ts';
import type { Frame } from './replicas-world.ts';

const only = (frames: readonly Frame[]): Frame => {
  assert.equal(frames.length, 1);
  return frames[0]!;
};

void test('a notice goes to the leader of its target, and is acknowledged after its commit there', async () => {
  const world = apart();
  const { replicas, second, target, first } = world;
  await tell(world);
  const frame = only(replicas.frames.splice(0));
  replicas.carry(frame, second);
  await second.turn();
  assert.deepEqual(frame.answers, [], 'not before the commit');
  second.log.commit(target);
  assert.deepEqual(frame.answers, ['applied']);
  assert.equal(kept(first), 1);
  frame.done('applied');
  await requireWhole(world, 1);
});

void test('a few are on their way at a time; what comes out of order is refused, what comes twice does nothing', async () => {
  const world = apart();
  const { replicas, second, target } = world;
  await tell(world, 40);
  const frames = replicas.frames.splice(0);
  assert.equal(frames.length, 16);
  for (const at of [1, 0, 0, 2, 1]) replicas.carry(frames[at]!, second);
  await second.turn();
  assert.deepEqual(frames[1]!.answers, ['failed'], 'its turn had not come');
  second.log.commit(target);
  assert.deepEqual(frames[0]!.answers, ['applied', 'applied']);
  assert.deepEqual(frames[1]!.answers, ['failed', 'applied'], 'behind the first it was the next');
  assert.deepEqual(frames[2]!.answers, ['failed']);
  // Answers that overtake each other, and say different things of the same notice.
  frames[1]!.done('applied');
  frames[2]!.done('failed');
  frames[0]!.done('applied');
  for (const frame of frames.slice(3)) frame.done('notLeader');
  await requireWhole(world, 40);
});

void test('an answer that never comes is waited for a while, then the notice is sent again', async () => {
  const world = apart();
  const { replicas, first, second, target } = world;
  await tell(world);
  replicas.carry(only(replicas.frames.splice(0)), second);
  await second.turn();
  second.log.commit(target);
  first.clock.advance(9_000);
  await first.turn();
  assert.equal(replicas.frames.length, 0);
  first.clock.advance(1_500);
  await first.turn();
  first.clock.advance(200);
  await first.turn();
  assert.equal(replicas.frames.length, 1);
  await requireWhole(world, 1);
});

void test('what an old leader says late: an effect is believed, a refusal does not hold anybody up', async () => {
  const world = apart();
  const { replicas, first, second } = world;
  await tell(world, 3);
  const old = replicas.frames.splice(0);
  old[0]!.done('notLeader');
  const nextTry = async (): Promise<Frame[]> => {
    first.clock.advance(100);
    await first.turn();
    return replicas.frames.splice(0);
  };
  const again = await nextTry();
  assert.deepEqual(
    again.map(({ seq }) => seq),
    [1],
    'one goes ahead, since there was a failure',
  );
  old[1]!.done('failed');
  again[0]!.done('applied');
  await first.turn();
  assert.deepEqual(
    replicas.frames.map(({ seq }) => seq),
    [2, 3],
  );
  replicas.frames.splice(0)[1]!.done('failed');
  old[2]!.done('applied');
  assert.equal(first.engine.stats.noticesUnderWay, 0, 'with the last all are applied');
  await nextTry();
  assert.equal(replicas.frames.length, 0);
  await replicas.settle();
  assert.equal(kept(first), 0);
  assert.deepEqual(second.fatals, []);
});

for (const survivors of [0, 1]) {
  const fate = survivors === 0 ? 'does not survive' : 'survives';
  void test(`the target is lost between effect and commit, and the entry ${fate}: once, at its next leader`, async () => {
    const world = apart();
    const { replicas, second, third, target } = world;
    await tell(world, 2);
    const frames = replicas.frames.splice(0);
    for (const frame of frames) replicas.carry(frame, second);
    await second.turn();
    replicas.move(target, third, survivors);
    assert.deepEqual(
      frames.map(({ answers }) => answers),
      [['notLeader'], ['notLeader']],
    );
    for (const frame of frames) frame.done('notLeader');
    await requireWhole(world, 2);
  });
}

void test('the target comes to the node of the source while notices are on their way to its old leader', async () => {
  const world = apart();
  const { replicas, first, second, target } = world;
  await tell(world, 3);
  const frames = replicas.frames.splice(0);
  replicas.carry(frames[0]!, second);
  await second.turn();
  second.log.commit(target);
  replicas.move(target, first);
  await first.turn();
  assert.equal(first.log.uncommitted(target), 2, 'in the same turn, those that had no effect yet');
  // What the old leader said comes late, and the rest of it is not worth anything any more.
  frames[0]!.done('applied');
  frames[1]!.done('failed');
  frames[2]!.done('notLeader');
  await requireWhole(world, 3);
});

void test('the target leaves the node of the source before the effects are committed', async () => {
  const world = apart();
  const { replicas, first, third, target } = world;
  replicas.move(target, first);
  await tell(world, 5);
  assert.equal(first.log.uncommitted(target), 5);
  replicas.move(target, third, 2);
  await first.turn();
  assert.deepEqual(
    replicas.frames.map(({ seq }) => seq),
    countTo(5),
    'all without an acknowledgement, from the first on',
  );
  await requireWhole(world, 5);
});

void test('the source moves while its notices are on their way: both its leaders send, each has its effect once', async () => {
  const world = apart();
  const { replicas, first, second, third, source, target } = world;
  await tell(world, 3);
  const old = replicas.frames.splice(0);
  replicas.moveUnheard(source, third);
  await third.turn();
  const fresh = replicas.frames.splice(0);
  assert.deepEqual(
    fresh.map(({ from, seq }) => [from === third, seq]),
    [
      [true, 1],
      [true, 2],
      [true, 3],
    ],
  );
  for (const at of [0, 1, 2]) {
    replicas.carry(old[at]!, second);
    replicas.carry(fresh[at]!, second);
  }
  await second.turn();
  assert.equal(second.log.uncommitted(target), 3);
  second.log.commit(target);
  // The old one believes that it leads: what it writes of that does not survive.
  for (const frame of old) frame.done('applied');
  await first.turn();
  assert.equal(first.log.uncommitted(source), 1);
  first.log.hearsOfLoss(source);
  for (const frame of old) frame.done('applied');
  for (const frame of fresh) frame.done(frame.answers[0]!);
  await requireWhole(world, 3);
});

void test('acknowledgements that come when the source is lost and served again are not of this channel any more', async () => {
  const world = apart();
  const { replicas, first, second, source, target } = world;
  await tell(world, 2);
  const frames = replicas.frames.splice(0);
  for (const frame of frames) replicas.carry(frame, second);
  await second.turn();
  second.log.commit(target);
  frames[0]!.done('applied');
  replicas.move(source, null);
  replicas.move(source, first);
  assert.equal(first.engine.stats.noticesUnderWay, 2);
  frames[1]!.done('applied');
  assert.equal(first.engine.stats.noticesUnderWay, 2);
  await requireWhole(world, 2);
});

void test('a node that does not know that it lost the target refuses what its successor has left a gap for', async () => {
  const world = apart();
  const { replicas, first, second, third, source, target } = world;
  // The third led the target once and never heard that the second does.
  replicas.moveUnheard(target, third);
  second.log.hearsOfLoss(target);
  replicas.moveUnheard(target, second);
  await tell(world, 2);
  await replicas.settle();
  assert.equal(kept(first), 0);
  await tell(world, 1);
  replicas.frames.splice(0);
  // Now it becomes the leader of the source: it would take the third notice as the first.
  replicas.move(source, third);
  await third.turn();
  assert.deepEqual(third.fatals, []);
  assert.equal(third.log.uncommitted(target), 0);
  third.log.hearsOfLoss(target);
  await requireWhole(world, 3);
});

void test('a notice that fails for good becomes a dead letter at its target, and lets those behind it pass', async () => {
  const world = apart();
  const { replicas, second, key } = world;
  sick.add(key);
  try {
    await tell(world, 3);
    for (let i = 0; i < 40 && listDeadLetters(second.store, 9).length === 0; i++) {
      await replicas.settle();
      replicas.advance(1_000);
    }
  } finally {
    sick.delete(key);
  }
  for (let i = 0; i < 4; i++) {
    await replicas.settle();
    replicas.advance(11_000);
  }
  const letters = listDeadLetters(second.store, 9);
  assert.deepEqual(
    letters.map(({ notice }) => notice.notice),
    [{ kind: 'note', n: 1 }],
  );
  assert.deepEqual(heard(second, key), [2, 3]);
  assert.equal(kept(world.first), 0);
});

void test('while the target has no leader its notices are tried now and then, and go soon after it has one', async () => {
  const world = apart();
  const { replicas, second, target, key } = world;
  replicas.move(target, null);
  await tell(world);
  let tries = 0;
  for (let i = 0; i < 600; i++) {
    replicas.advance(100);
    await world.first.turn();
    for (const frame of replicas.frames.splice(0)) {
      tries++;
      frame.done('notLeader');
    }
  }
  assert.ok(tries > 50 && tries < 70, `${tries} tries in a minute`);
  replicas.move(target, second);
  replicas.advance(1_000);
  await replicas.settle();
  assert.deepEqual(heard(second, key), [1]);
  await requireWhole(world, 1);
});

void test('a body that the other node lacks is asked for; its bytes go into the entry', async () => {
  const world = apart();
  const { replicas, first, second, third, target, key } = world;
  const bytes = Buffer.from('a mail');
  const body = { hash: bodyHash(bytes), sizeBytes: bytes.length };
  first.bodies.add(body.hash);
  await tell(world, 1, [body]);
  const frame = only(replicas.frames.splice(0));
  for (let i = 0; i < 9; i++) replicas.carry(frame, second);
  await second.turn();
  assert.deepEqual(frame.answers, Array(9).fill('failed'));
  replicas.carry(frame, second, [{ hash: body.hash, bytes }]);
  await second.turn();
  second.log.commit(target);
  assert.deepEqual(listDeadLetters(second.store, 9), [], 'however often it lacked');
  assert.deepEqual(heard(second, key), [1]);
  third.log.catchUp(target);
  assert.equal(third.bodies.has(body.hash), false, 'the actor did not keep it');
  await requireWhole(world, 1);
});

void test('nonsense of a broken peer is refused, and does no harm', async () => {
  const { replicas, second, source, target, key } = apart();
  const notice = { kind: 'listener', key, notice: { kind: 'note', n: 1 }, bodies: [], trace: '' };
  const outcomes: unknown[] = [];
  const receive = (to: number, from: number, seq: number, what: typeof notice): void =>
    second.engine.receiveNotice({
      target: to as ShardId,
      source: from as ShardId,
      seq,
      notice: what,
      bodies: [],
      done: (outcome) => outcomes.push(outcome),
    });
  receive(99, source, 1, notice);
  receive(-1, source, 1, notice);
  receive(target, Number.NaN, 1, notice);
  receive(target, 0.5, 1, notice);
  receive(target, source, Number.POSITIVE_INFINITY, notice);
  receive(target, source, 7, notice);
  const other = countTo(50).find((i) => replicas.shardOf('listener', `o${i}`) !== target)!;
  replicas.move(replicas.shardOf('listener', `o${other}`), second);
  receive(target, source, 1, { ...notice, key: `o${other}` });
  receive(target, source, 1, { ...notice, kind: 'nobody' });
  receive(target, source, 1, { ...notice, key: 'a\0b' });
  await second.turn();
  assert.deepEqual(outcomes, Array(9).fill('failed'));
  assert.deepEqual(second.fatals, []);
  assert.equal(second.log.uncommitted(target), 0);
});

void test('a route may answer at once, whatever it says', async () => {
  const heardAtOnce: number[] = [];
  let isReachable = false;
  const world = apart({
    handedOver({ seq, done }) {
      if (isReachable) heardAtOnce.push(seq);
      done(isReachable ? 'applied' : 'notLeader');
    },
  });
  await tell(world, 40);
  assert.equal(world.replicas.frames.length, 1, 'one try, then it waits');
  isReachable = true;
  world.first.clock.advance(100);
  await world.first.turn();
  assert.deepEqual(heardAtOnce, countTo(40));
  assert.equal(world.first.engine.stats.noticesUnderWay, 0);
  assert.deepEqual(world.first.fatals, []);
});

void test('a stopping node takes no notices of others', () => {
  const { second, source, target, key } = apart();
  second.engine.stop();
  const outcomes: unknown[] = [];
  const notice = { kind: 'listener', key, notice: { kind: 'note' }, bodies: [], trace: '' };
  second.engine.receiveNotice({ target, source, seq: 1, notice, bodies: [], done: (one) => outcomes.push(one) });
  assert.deepEqual(outcomes, ['notLeader']);
});

void test('a channel that fell far behind is read on from the store, also by the next leader of the source', async () => {
  const world = apart();
  const { replicas, first, third, source } = world;
  await tell(world, 700);
  for (let round = 0; round < 10; round++) {
    await replicas.turn();
    for (const frame of replicas.frames.splice(0)) frame.done('notLeader');
  }
  assert.equal(first.engine.stats.noticesUnderWay, 700);
  replicas.move(source, third);
  assert.equal(first.engine.stats.noticesUnderWay, 0);
  await requireWhole(world, 700);
});
