import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LivenessWorld } from './liveness-world.ts';

function settled(options: ConstructorParameters<typeof LivenessWorld>[0] = {}): LivenessWorld {
  const world = new LivenessWorld(options);
  world.start();
  world.runUntil(() => world.isSettled(), 2_000, 'a settled start');
  world.run(1_000);
  return world;
}

void test('full restart: one election per group, each by its first candidate, in one batch a node', () => {
  const world = new LivenessWorld({ groups: 256 });
  world.start();
  const tookMs = world.runUntil(() => world.isSettled(), 1_000);
  assert.ok(tookMs < 200, `${tookMs} ms`);
  const campaigns = world.campaigns();
  assert.equal(campaigns.length, 3, 'one batch a node');
  assert.equal(campaigns.flatMap(({ groups }) => groups).length, 256);
  for (const group of world.groups) assert.equal(world.leaderOf(group), world.preference(group)[0]);
});

void test('full restart: who was not started is not waited for longer than a silence', () => {
  const world = new LivenessWorld({ groups: 6 });
  world.cutBoth('n1', 'n2');
  world.cutBoth('n1', 'n3');
  world.start();
  const led = (): boolean => world.groups.every((group) => (world.host('n2', group).group.leader ?? 'n1') !== 'n1');
  const tookMs = world.runUntil(led, 1_500);
  assert.ok(tookMs >= 400 && tookMs < 800, `${tookMs} ms`);
});

void test('kill: a refused link is suspicion at once, and all groups of the dead node go in one batch', () => {
  const world = settled({ groups: 120 });
  const killedMs = world.nowMs;
  world.kill('n1');
  const tookMs = world.runUntil(() => world.isSettled(), 1_000);
  assert.ok(tookMs < 250, `${tookMs} ms`);
  const campaigns = world.campaigns(killedMs);
  assert.ok(campaigns.length <= 2, `${campaigns.length} batches`);
  assert.equal(campaigns.flatMap(({ groups }) => groups).length, 40, 'no group twice, none of the living');
});

void test('silence: no answer for 450 ms is suspicion, and not before', () => {
  const world = settled();
  const fromMs = world.nowMs;
  world.cutBoth('n1', 'n2');
  world.cutBoth('n1', 'n3');
  world.run(340);
  assert.equal(world.told.filter(({ kind, atMs }) => kind === 'suspect' && atMs >= fromMs).length, 0);
  world.run(120);
  assert.deepEqual(
    world.toldBy('n2', 'suspect', fromMs).map(({ about }) => about),
    ['n1'],
  );
  world.runUntil(() => world.groups.every((group) => world.host('n2', group).group.leader !== 'n1'), 600);
  assert.notEqual(world.host('n1', 0).group.role, 'leader', 'a leader without a majority of living voters steps down');
  world.heal();
  world.runUntil(() => world.isSettled(), 3_000);
});

void test('one-way cut: a node that does not answer my pings is suspect though I hear its own, and a third one clears nothing', () => {
  const world = settled();
  const fromMs = world.nowMs;
  world.cut('n2', 'n1');
  world.run(2_000);
  // n1 hears nothing of n2; n2 hears n1's pings, but its own are not heard and so not answered.
  assert.deepEqual(
    world.toldBy('n1', 'suspect', fromMs).map(({ about }) => about),
    ['n2'],
  );
  assert.deepEqual(
    world.toldBy('n2', 'suspect', fromMs).map(({ about }) => about),
    ['n1'],
  );
  assert.equal(world.toldBy('n3', 'suspect', fromMs).length, 0);
  // n3 hears both leaders: what they lead stays where it is.
  for (const group of world.groups) assert.equal(world.leaderOf(group), world.preference(group)[0]);
  world.heal();
  world.runUntil(() => world.isSettled(), 6_000);
});

void test('quiet group: a leader that is back within 150 ms and does not know that it led is noticed', () => {
  const world = settled();
  const fromMs = world.nowMs;
  world.kill('n1');
  world.run(3);
  world.start('n1');
  // Faster than anybody could be refused: nobody suspects it.
  assert.equal(world.told.filter(({ kind, atMs }) => kind === 'suspect' && atMs >= fromMs).length, 0);
  const tookMs = world.runUntil(() => world.isSettled(), 1_000);
  assert.ok(tookMs < 400, `${tookMs} ms`);
});

void test('a leader that lives and lost one group to a later term: its followers learn the new one', () => {
  const world = settled();
  const [group] = world.groups.filter((id) => world.leaderOf(id) === 'n1');
  // n2 takes over while n1 and n3 look away.
  world.transfer(group as number, 'n2');
  world.runUntil(() => world.leaderOf(group as number) === 'n2', 500);
  world.runUntil(() => world.isSettled(), 500);
  const fromMs = world.nowMs;
  world.run(2_000);
  assert.equal(world.campaigns(fromMs).length, 0);
});

void test('two that campaign at once end with one leader', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = settled({ seed, groups: 2 });
    world.fsyncMs = () => 30;
    world.kill('n1');
    // Each takes itself for the first candidate.
    world.cutBoth('n2', 'n3');
    world.run(1_000);
    world.heal();
    world.runUntil(() => world.isSettled(), 5_000);
  }
});

void test('pause: an observer that wakes after 30 s suspects nobody for it, and follows whoever took over', () => {
  const world = settled();
  const fromMs = world.nowMs;
  world.pause('n1', 30_000);
  world.run(29_999);
  assert.ok(
    world.groups.every((group) => world.host('n2', group).group.leader !== 'n1'),
    'taken over',
  );
  const wokenMs = world.nowMs;
  world.runUntil(() => world.isSettled(), 3_000);
  assert.equal(world.toldBy('n1', 'suspect', fromMs).length, 0);
  assert.equal(world.toldBy('n1', 'campaign', fromMs).length, 0);
  assert.equal(world.campaigns(wokenMs).length, 0);
  assert.equal(world.toldBy('n1', 'shouldLead', fromMs).length, 0);
});

void test('pause: stalls of 140 to 900 ms, again and again, mark nobody dead here', () => {
  const world = settled();
  const fromMs = world.nowMs;
  for (let i = 0; i < 40; i++) {
    world.pause('n1', 140 + i * 19);
    world.run(140 + i * 19 + 60);
  }
  assert.equal(world.toldBy('n1', 'suspect', fromMs).length, 0);
});

void test('flapping: a peer that is suspected again and again must prove itself for longer each time', () => {
  const world = settled({ nodes: 5 });
  const fromMs = world.nowMs;
  for (let i = 0; i < 20; i++) {
    for (const peer of ['n2', 'n3', 'n4', 'n5']) world.cutBoth('n1', peer);
    world.run(600);
    world.heal();
    world.run(500);
  }
  const returns = world.toldBy('n2', 'alive', fromMs).length;
  assert.ok(returns <= 3, `${returns} times alive`);
  world.runUntil(() => world.isSettled(), 6_000);
});

void test('a flap of the link that is over within the silence costs nothing', () => {
  const world = settled();
  const fromMs = world.nowMs;
  for (let i = 0; i < 10; i++) {
    world.flap('n1', 'n2');
    world.run(250);
  }
  assert.deepEqual(
    world.told.filter(({ atMs }) => atMs >= fromMs),
    [],
  );
});

void test('a disk that hangs: its node says so, campaigns for nothing, and is passed over', () => {
  const world = settled();
  const fromMs = world.nowMs;
  world.commitMs.set('n2' as never, 1_600);
  world.run(250);
  assert.match(world.toldBy('n2', 'shouldLead', fromMs)[0]?.about ?? '', /^false: the disk hangs/);
  // n2 is the second candidate of what n1 leads, and the first of those alive.
  const led = world.groups.filter((group) => world.leaderOf(group) === 'n1');
  world.kill('n1');
  world.run(500);
  for (const group of led) assert.equal(world.leaderOf(group), 'n3');
  assert.equal(world.toldBy('n2', 'campaign', fromMs).length, 0);
});

void test('an unfit leader that hands nothing over, though it answers pings, is given up', () => {
  const world = settled();
  const led = world.groups.filter((group) => world.leaderOf(group) === 'n1');
  const fromMs = world.nowMs;
  world.commitMs.set('n1' as never, 1_600);
  world.run(1_000);
  for (const group of led) assert.equal(world.leaderOf(group), 'n1', 'it has its time to hand over');
  world.run(900);
  for (const group of led) assert.notEqual(world.leaderOf(group), 'n1');
  world.commitMs.clear();
  world.run(4_900);
  assert.equal(world.toldBy('n1', 'shouldLead', fromMs).length, 1);
  world.run(300);
  assert.match(world.toldBy('n1', 'shouldLead', fromMs)[1]?.about ?? '', /^true/);
});

void test('a wall clock more than 5 s off the median leads nothing; the others do not mind', () => {
  const world = settled();
  const fromMs = world.nowMs;
  world.wallOffMs.set('n3' as never, 4_900);
  world.run(1_000);
  assert.equal(world.told.filter(({ kind, atMs }) => kind === 'shouldLead' && atMs >= fromMs).length, 0);
  world.wallOffMs.set('n3' as never, -7_000);
  world.run(200);
  const told = world.told.filter(({ kind, atMs }) => kind === 'shouldLead' && atMs >= fromMs);
  assert.deepEqual(
    told.map(({ at, about }) => [at, about]),
    [['n3', "false: the clock is 7.0 s behind the members' median; let NTP set it"]],
  );
});

void test('two nodes whose clocks disagree do not know which is wrong: both lead on', () => {
  const world = settled({ nodes: 2 });
  world.wallOffMs.set('n2' as never, 60_000);
  world.run(1_000);
  assert.equal(world.told.filter(({ kind }) => kind === 'shouldLead').length, 0);
});

void test('a witness answers and votes, and never campaigns', () => {
  const world = settled({ nodes: 3, witness: 'n3' });
  world.kill('n1');
  world.runUntil(() => world.groups.every((group) => world.leaderOf(group) === 'n2'), 1_000);
  assert.equal(world.toldBy('n3', 'campaign').length, 0);
});

void test('a path of 150 ms each way is not silence', () => {
  const world = new LivenessWorld({ groups: 4 });
  world.delayMs = () => 150;
  world.start();
  world.run(10_000);
  assert.equal(world.told.filter(({ kind }) => kind === 'suspect').length, 0);
  assert.ok(world.isSettled(), world.story());
});

void test('answers that come half a second late prove nothing, and so does the heap of them when a clog ends', () => {
  const world = settled();
  world.delayMs = () => 300;
  world.run(3_000);
  assert.ok(
    world
      .liveness('n1')
      .peers()
      .every(({ status }) => status === 'suspect'),
  );
  world.delayMs = () => 1;
  world.runUntil(() => world.isSettled(), 6_000);
});

void test('without a majority a node asks less and less, and at once when a voter is back', () => {
  const world = settled({ groups: 1 });
  world.kill('n2');
  world.kill('n3');
  world.run(60_000);
  const asked = world.toldBy('n1', 'campaign').length;
  assert.ok(asked < 25, `${asked} campaigns in a minute`);
  world.start('n2');
  const tookMs = world.runUntil(() => world.leaderOf(0) !== null, 1_000);
  assert.ok(tookMs < 500, `${tookMs} ms`);
});
