/**
 * Any order of commands, repeats, notices, timers, changes of leaders, deposed leaders that do not know, lost, doubled and
 * late notices and answers, and crashes, on a few engines over one replicated log. What it asks: each acknowledged command
 * has its effect once, each other one at most once and once after it was sent again; notices and timers come once and in
 * order; every answer of a query is what is committed at that moment; and when all shards are lost, nothing is left.
 *
 *     REPLICAS_MODEL_SEED=7 REPLICAS_MODEL_RUNS=1 node --test test/runtime/actor/replicas-model.test.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import type { WriteSet } from '../../../runtime/actor/log.ts';
import type { Outcome } from '../../../runtime/actor/request.ts';
import type { ShardId } from '../../../runtime/base/ids.ts';
import { keyspace } from '../../../runtime/store/keys.ts';
import { CommandIds } from '../../../runtime/threads/command-ids.ts';
import { contents, type Fate, hashes, type ModelCommand, modelKind } from './model-actor.ts';
import { Chance, keys, newCommand } from './model-chance.ts';
import { shardCount, Truth } from './model-world.ts';
import { type Frame, ReplicaNode, Replicas } from './replicas-world.ts';

const runs = Number(process.env['REPLICAS_MODEL_RUNS'] ?? 20);
const firstSeed = Number(process.env['REPLICAS_MODEL_SEED'] ?? 1);
const stepsPerRun = 400;
/** Notices that may still come out of the network. */
const flyingMax = 60;
const attachments = contents.map((bytes, i) => ({ hash: hashes[i]!, bytes }));

interface Op {
  readonly name: string;
  readonly key: string;
  readonly command: ModelCommand;
  readonly caller: CommandIds;
  readonly seq: number;
  settledBelow: number;
  answer: Outcome | undefined;
  isSettled: boolean;
}

class Run {
  readonly #chance: Chance;
  readonly #truth = new Truth();
  readonly #fate: Fate = { sick: new Set(), life: 0, violations: [] };
  readonly #holds = new Set<string>();
  readonly #world: Replicas;
  readonly #ops: Op[] = [];
  readonly #callers: CommandIds[];
  readonly #flying: Frame[] = [];
  /** Attempts that wait for their answer, by the life of a node that took them. */
  readonly #waiting = new Map<ReplicaNode, number>();

  constructor(seed: number) {
    this.#chance = new Chance(seed);
    const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.#chance.upTo(256));
    this.#callers = [1, 2, 3].map(() => new CommandIds({ bytes }));
    this.#world = new Replicas({
      nodes: 2 + this.#chance.upTo(2),
      shardCount,
      bodies: attachments,
      kinds: [modelKind(this.#fate)],
      limits: {
        activationsMax: 3,
        noticeAttemptsMax: 3,
        backlogCommandsMax: 30,
        // Counted in entries here.
        pendingBytesMax: this.#chance.of([2, 10, 1_000]),
      },
      witness: (shard, index, entry) => this.#committed(shard, index, entry),
    });
    for (const node of this.#world.nodes) node.clock.jump(this.#chance.upTo(4_000) - 2_000);
    for (const shard of this.#world.shards) this.#world.move(shard, this.#anyNode());
  }

  async run(): Promise<void> {
    for (let step = 0; step < stepsPerRun; step++) {
      await this.#step();
      this.#requireSound();
    }
    await this.#heal();
    this.#requireWhole();
    this.#requireNothingLeft();
  }

  #committed(shard: ShardId, index: number, entry: WriteSet): void {
    this.#truth.appended(shard, index, entry);
    this.#truth.committed(shard, index);
    for (const { hash, owner, held } of entry.holds) {
      const name = `${owner.join(' ')} ${hash}`;
      if (held) this.#holds.add(name);
      else this.#holds.delete(name);
    }
  }

  async #step(): Promise<void> {
    const chance = this.#chance;
    const world = this.#world;
    const at = chance.upTo(1_000);
    if (at < 180) this.#askNew();
    else if (at < 240) this.#askAgain();
    else if (at < 260) this.#askLate();
    else if (at < 430) await this.#anyNode().turn();
    else if (at < 590) this.#commit();
    else if (at < 640) this.#anyNode().log.answerConfirms();
    else if (at < 740) this.#carry();
    else if (at < 840) this.#answer();
    else if (at < 880) this.#elect();
    else if (at < 910) this.#hear();
    else if (at < 920) this.#restart();
    else if (at < 935) this.#fall();
    else if (at < 975) world.advance(chance.of([1, 30, 250, 1_000, 10_000]));
    else if (at < 995) this.#query();
    else this.#retryDeadLetter();
  }

  // ---- commands ----------------------------------------------------------------------------------------------------

  #askNew(): void {
    const caller = this.#chance.of(this.#callers);
    const name = `${this.#ops.length}`;
    const { settledBelow } = caller;
    const op: Op = {
      name,
      key: this.#chance.of(keys),
      command: newCommand(this.#chance, { op: name, life: this.#fate.life, bulk: 0 }),
      caller,
      seq: caller.nextSeq(),
      settledBelow,
      answer: undefined,
      isSettled: false,
    };
    this.#ops.push(op);
    this.#ask(op);
  }

  /** The same id again, at whoever is taken for the leader now. */
  #askAgain(): void {
    const open = this.#ops.filter((op) => !op.isSettled);
    if (open.length > 0) this.#ask(this.#chance.of(open));
  }

  #askLate(): void {
    const settled = this.#ops.filter((op) => op.isSettled && op.answer?.ok);
    if (settled.length > 0) this.#ask(this.#chance.of(settled));
  }

  #ask(op: Op): void {
    const { name, key, command, caller, seq } = op;
    const node = this.#leaderPerhaps(this.#world.shardOf('model', key));
    op.settledBelow = op.isSettled ? op.settledBelow : caller.settledBelow;
    let isAnswered = false;
    this.#wait(node, 1);
    node.engine.ask(
      {
        kind: 'model',
        key,
        command,
        id: { caller: caller.caller, seq },
        settledBelow: op.settledBelow,
        principal: { kind: 'operator', id: 'model' },
        trace: name,
        bodies: this.#chance.hits(90) ? attachments : [],
        timeoutMs: this.#chance.of([100, 60_000]),
      },
      (outcome) => {
        assert.ok(!isAnswered, 'an answer comes once');
        isAnswered = true;
        this.#wait(node, -1);
        this.#answered(op, outcome);
      },
    );
  }

  #wait(node: ReplicaNode, by: number): void {
    this.#waiting.set(node, (this.#waiting.get(node) ?? 0) + by);
  }

  #answered(op: Op, outcome: Outcome): void {
    const { command } = op;
    if (outcome.ok) {
      if (op.answer?.ok && command.kind === 'do') assert.deepEqual(outcome, op.answer, 'the same answer again');
      this.#requireEffect(op);
    } else if (command.kind === 'do') {
      const { code } = outcome.error;
      const isRefused = ['busy', 'notLeader', 'deadlinePassed', 'bodyNotHere'].includes(code);
      const isOwn = command.ending !== 'answer' && ['no', 'internal'].includes(code);
      assert.ok(isRefused || isOwn || (code === 'commandSettled' && op.isSettled), `refused with ${code}`);
    }
    if (op.isSettled) return;
    if (outcome.ok) op.answer ??= outcome;
    // Now and then the answer is lost; and who is told to ask elsewhere does so, more often than not.
    if (this.#chance.hits(!outcome.ok && outcome.error.code === 'notLeader' ? 85 : 25)) return;
    op.isSettled = true;
    op.answer ??= outcome;
    op.caller.settle(op.seq);
  }

  #query(): void {
    const key = this.#chance.of(keys);
    const node = this.#leaderPerhaps(this.#world.shardOf('model', key));
    node.engine.query(
      { kind: 'model', key, query: { kind: 'all' }, principal: { kind: 'operator', id: 'model' } },
      (outcome) => {
        if (!outcome.ok) return assert.equal(outcome.error.code, 'notLeader');
        assert.ok(
          isDeepStrictEqual(outcome.answer, this.#truth.rowsOf(key)),
          `a query of ${key} sees what is committed`,
        );
      },
    );
  }

  #retryDeadLetter(): void {
    for (const shard of this.#world.shards) {
      const leader = this.#world.leader(shard);
      const letter = leader && listDeadLetters(leader.store, 9).find((one) => one.shard === shard);
      if (letter === undefined) continue;
      // It may fail again, or the shard be lost; the oracle looks at what it did.
      leader?.engine.retryDeadLetter(letter.shard, letter.index).catch(() => undefined);
    }
  }

  // ---- the network and the log -------------------------------------------------------------------------------------

  #commit(): void {
    const shard = this.#anyShard();
    this.#world.leader(shard)?.log.commit(shard, 1 + this.#chance.upTo(6));
    const follower = this.#anyNode();
    if (!follower.log.serves(shard)) follower.log.catchUp(shard);
  }

  /** To the leader or to somebody else, once or twice, now or later or never. */
  #carry(): void {
    const chance = this.#chance;
    this.#flying.push(...this.#world.frames.splice(0));
    this.#flying.splice(0, this.#flying.length - flyingMax);
    for (let i = 0; i < 4 && this.#flying.length > 0; i++) {
      const frame = chance.of(this.#flying);
      if (chance.hits(3)) frame.done(chance.of(['failed', 'notLeader']));
      else this.#world.carry(frame, this.#leaderPerhaps(frame.target), chance.hits(70) ? attachments : []);
    }
  }

  #answer(): void {
    const chance = this.#chance;
    for (const frame of this.#flying) {
      if (frame.answers.length === 0 || chance.hits(40)) continue;
      const outcome = chance.of(frame.answers);
      if (chance.hits(90)) frame.done(outcome);
      if (chance.hits(50)) this.#flying.splice(this.#flying.indexOf(frame), 1);
    }
  }

  /** Another leader, or none for a while, or the same one again. */
  #elect(): void {
    const chance = this.#chance;
    const shard = this.#anyShard();
    const before = this.#world.leader(shard);
    const after = chance.hits(85) ? this.#anyNode() : null;
    this.#fate.life++;
    this.#world.truth.elect(shard, after?.log ?? null, chance.upTo(1 + (before?.log.uncommitted(shard) ?? 0)));
    if (before !== after && chance.hits(60)) before?.log.hearsOfLoss(shard);
  }

  /** Who was deposed learns it. */
  #hear(): void {
    const node = this.#anyNode();
    for (const shard of this.#world.shards) {
      if (node.log.serves(shard) && !node.log.isLeader(shard) && this.#chance.hits(70)) node.log.hearsOfLoss(shard);
    }
  }

  #restart(): void {
    const { nodes, truth, shards } = this.#world;
    const at = this.#chance.upTo(nodes.length);
    const before = nodes[at]!;
    this.#fate.life++;
    for (const shard of shards) {
      if (before.log.isLeader(shard)) truth.elect(shard, null, this.#chance.upTo(1 + before.log.uncommitted(shard)));
    }
    this.#waiting.delete(before);
    nodes[at] = new ReplicaNode(this.#world, before);
  }

  #fall(): void {
    const { sick } = this.#fate;
    const key = this.#chance.of(keys);
    if (!sick.delete(key)) sick.add(key);
  }

  #anyNode(): ReplicaNode {
    return this.#chance.of(this.#world.nodes);
  }

  #anyShard(): ShardId {
    return this.#chance.of(this.#world.shards);
  }

  /** Hints may be old. */
  #leaderPerhaps(shard: ShardId): ReplicaNode {
    return (this.#chance.hits(80) ? this.#world.leader(shard) : undefined) ?? this.#anyNode();
  }

  // ---- what must be so ---------------------------------------------------------------------------------------------

  #requireSound(): void {
    for (const { fatals } of this.#world.nodes) assert.deepEqual(fatals, []);
    assert.deepEqual(this.#fate.violations, []);
  }

  #requireEffect({ command, key, name }: Op): void {
    if (command.kind === 'do') assert.equal(this.#truth.value(key, ['done', name]), 1, `${name} was acknowledged`);
    if (command.kind !== 'chain') return;
    assert.ok(this.#truth.value(key, ['chain', name, 1]) !== undefined, `chain ${name} was acknowledged`);
  }

  /** All are well, everybody knows who leads, everybody asks until he has his answer, and time goes on. */
  async #heal(): Promise<void> {
    const world = this.#world;
    this.#fate.sick.clear();
    this.#fate.life++;
    for (const shard of world.shards) {
      for (const node of world.nodes) if (!node.log.isLeader(shard)) node.log.hearsOfLoss(shard);
      if (world.leader(shard) === undefined) world.move(shard, this.#anyNode());
    }
    for (let round = 0; round < 60; round++) {
      await world.settle();
      for (const op of this.#ops) if (!op.isSettled) this.#ask(op);
      this.#retryDeadLetter();
      await world.settle();
      for (const [node, count] of this.#waiting) {
        if (world.nodes.includes(node)) assert.equal(count, 0, 'every command is answered');
      }
      world.advance(60_000);
      this.#requireSound();
      const left = [keyspace.outbox, keyspace.timer, keyspace.deadLetter].map((space) => this.#truth.rowsIn(space));
      if (this.#ops.every((op) => op.isSettled) && left.every((rows) => rows === 0)) return;
    }
    assert.fail('it does not come to rest');
  }

  #requireWhole(): void {
    const times = (key: string, own: readonly string[]): number => Number(this.#truth.value(key, own) ?? 0);
    for (const op of this.#ops) {
      const { command, key, name, answer } = op;
      if (answer?.ok) this.#requireEffect(op);
      if (command.kind === 'wake') assert.ok(times(key, ['rung', name]) === 1 || !answer?.ok, `timer ${name} rang`);
      if (command.kind !== 'do') continue;
      const done = times(key, ['done', name]);
      if (command.ending !== 'answer') assert.equal(done, 0, `${name} failed and kept nothing`);
      for (const { id } of command.tells) {
        const got = keys.reduce((sum, to) => sum + times(to, ['got', id]), 0);
        assert.equal(got, done, `notice ${id} came as often as it was sent`);
      }
    }
    const onTheWay = [...this.#holds].filter((name) => /(outbox|deadLetter) /.test(name));
    assert.deepEqual(onTheWay, [], 'no notice keeps a body any more');
  }

  #requireNothingLeft(): void {
    const world = this.#world;
    for (const node of world.nodes) {
      for (const shard of world.shards) if (!node.log.serves(shard)) node.log.catchUp(shard);
      this.#truth.requireRows(node.store, 1_000, false);
    }
    for (const shard of world.shards) world.move(shard, null);
    for (const { engine, clock } of world.nodes) {
      const counts = Object.values(engine.stats);
      assert.deepEqual(
        counts,
        counts.map(() => 0),
      );
      assert.equal(clock.alarms, 2, 'the janitor and the collector of idle activations');
    }
  }
}

void test(`${runs} random lives of a few engines over one log`, async () => {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    try {
      await new Run(seed).run();
    } catch (error) {
      throw new Error(`REPLICAS_MODEL_SEED=${seed} REPLICAS_MODEL_RUNS=1 shows it again`, { cause: error });
    }
  }
});
