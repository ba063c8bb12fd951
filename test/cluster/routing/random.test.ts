/**
 * Random cuts, stalls, deaths, wrong hints and changes of leaders under a stream of commands from every node, from one seed
 * each: every call is settled once and in time, and every effect happens once; what was answered has happened, and what was
 * refused has not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, tryLater } from '../../../runtime/base/errors.ts';
import { type Asked, RoutingWorld } from './routing-world.ts';

const names = ['n1', 'n2', 'n3', 'n4'];
const shards = 4;
const stepsMax = 1_500;
const timeoutMs = 1_200;
/** PendingCalls looks at deadlines so often. */
const lateMs = 30;

function chance(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
  };
}

interface Sent {
  readonly name: string;
  readonly asked: Asked;
  readonly fromMs: number;
}

/** What a node says that refuses: the first two before anything has happened. */
const refusals = [
  tryLater('busy', 'too much waits').data,
  tryLater('stopping', 'this node is stopping').data,
  refused('overQuota', 'the mailbox is full').data,
  null,
  null,
  null,
];

function fault(world: RoutingWorld, roll: (below: number) => number): void {
  const a = names[roll(names.length)]!;
  const b = names[roll(names.length)]!;
  const shard = roll(shards);
  switch (roll(12)) {
    case 0:
      return world.mesh.cut(a, b);
    case 1:
      return world.mesh.stall(a, b);
    case 2:
    case 3:
      for (const one of names) for (const two of names) if (roll(2) === 0) world.mesh.unstall(one, two);
      return world.mesh.linkAll();
    case 4:
      return world.lead(shard, null, []);
    case 5:
    case 6:
      // Some hear of it, others believe what they like.
      world.lead(
        shard,
        a,
        names.filter(() => roll(3) > 0),
      );
      return;
    case 7:
      return world.believe(a, shard, names[roll(names.length)]!);
    case 8:
      if (a !== b) world.suspect(a, b);
      return;
    case 9:
      for (const peer of names) world.believesAlive(a, peer);
      return;
    case 10:
      world.node(a).refuses = refusals[roll(refusals.length)]!;
      return;
    default:
      world.mesh.delayMs = () => 1 + roll(8);
  }
}

function heal(world: RoutingWorld): void {
  for (const one of names) {
    world.node(one).refuses = null;
    for (const two of names) {
      world.mesh.unstall(one, two);
      world.believesAlive(one, two);
    }
  }
  world.mesh.linkAll();
  for (let shard = 0; shard < shards; shard++) world.lead(shard, names[shard % names.length]!);
}

function check(world: RoutingWorld, sent: readonly Sent[]): void {
  for (const { name, asked, fromMs } of sent) {
    assert.equal(asked.settled, 1, `${name} is settled once`);
    assert.ok(asked.atMs - fromMs <= timeoutMs + lateMs, `${name} took ${asked.atMs - fromMs} ms`);
    const effects = world.effects.get(name) ?? 0;
    assert.ok(effects <= 1, `${name} had its effect ${effects} times`);
    const { outcome } = asked;
    if (outcome?.ok === true) {
      assert.equal(effects, 1, `${name} was answered`);
      assert.equal(outcome.answer, `done ${name}`);
    } else if (outcome?.error.code !== 'outcomeUnknown') {
      assert.equal(effects, 0, `${name} was refused: ${outcome?.error.code}`);
    }
  }
}

function run(seed: number): { readonly answered: number; readonly unknown: number; readonly refused: number } {
  const roll = chance(seed);
  const world = new RoutingWorld(names);
  world.commitMs = () => 1 + roll(30);
  world.keepsLost = () => roll(2) === 0;
  world.mesh.breakMs = () => 1 + roll(20);
  heal(world);
  const sent: Sent[] = [];
  for (let step = 0; step < stepsMax; step++) {
    if (roll(20) === 0) fault(world, roll);
    if (roll(4) === 0) {
      const asked = world.ask(names[roll(names.length)]!, roll(shards), { timeoutMs });
      sent.push({ name: `edge ${sent.length + 1}`, asked, fromMs: world.clock.monotonicMs() });
    }
    world.pass(1);
  }
  heal(world);
  world.pass(timeoutMs + 3_000);
  check(world, sent);
  for (const name of names) {
    assert.equal(world.node(name).router.stats.calls, 0);
    assert.equal(world.node(name).calls.size, 0);
    assert.deepEqual(world.node(name).refusedFrames, []);
  }
  // With everything whole again, everything is answered.
  const last = names.flatMap((name) => Array.from({ length: shards }, (_, shard) => world.ask(name, shard)));
  world.pass(400);
  assert.ok(last.every(({ outcome }) => outcome?.ok === true));
  const codes = sent.map(({ asked: { outcome } }) => (outcome?.ok === true ? 'ok' : outcome?.error.code));
  const answered = codes.filter((code) => code === 'ok').length;
  const unknown = codes.filter((code) => code === 'outcomeUnknown').length;
  return { answered, unknown, refused: codes.length - answered - unknown };
}

void test('whatever breaks, each effect happens once and each call is told the truth in time', () => {
  const sum = { answered: 0, unknown: 0, refused: 0 };
  const first = Number(process.env['ROUTING_SEED'] ?? 1);
  const count = Number(process.env['ROUTING_SEEDS'] ?? 12);
  for (let seed = first; seed < first + count; seed++) {
    try {
      const of = run(seed);
      for (const key of ['answered', 'unknown', 'refused'] as const) sum[key] += of[key];
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  // The test is worth something only while all of these happen.
  assert.ok(sum.answered > 100 && sum.unknown > 10 && sum.refused > 10, JSON.stringify(sum));
});
