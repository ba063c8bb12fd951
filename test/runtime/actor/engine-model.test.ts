/**
 * Any order of commands, repeats, notices, timers, bodies, slow writes, jumps of the clock, stops and crashes, against a
 * model. What it asks: each acknowledged command has its effect once, each other one at most once and once after it was
 * sent again; notices and timers come once; bodies are what they were; every read equals what was committed.
 *
 *     ENGINE_MODEL_SEED=7 ENGINE_MODEL_RUNS=1 node --test test/runtime/actor/engine-model.test.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { listDeadLetters } from '../../../runtime/actor/dead-letters.ts';
import type { Outcome } from '../../../runtime/actor/request.ts';
import { keyspace } from '../../../runtime/store/keys.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { CommandIds } from '../../../runtime/threads/command-ids.ts';
import { contents, type Fate, hashes, type ModelCommand } from './model-actor.ts';
import { Chance, keys, newCommand } from './model-chance.ts';
import { Life, Truth } from './model-world.ts';

const runs = Number(process.env['ENGINE_MODEL_RUNS'] ?? 20);
const firstSeed = Number(process.env['ENGINE_MODEL_SEED'] ?? 1);
const stepsPerRun = 250;

/** A command as its caller sees it. */
interface Op {
  readonly name: string;
  readonly key: string;
  readonly command: ModelCommand;
  readonly caller: CommandIds;
  readonly seq: number;
  readonly day: number;
  settledBelow: number;
  /** The answer that left the engine first. */
  answer: Outcome | undefined;
  /** Its caller has it, and sends the command no more. */
  isSettled: boolean;
}

class Run {
  readonly #chance: Chance;
  readonly #disk = new MemoryDisk();
  readonly #truth = new Truth();
  readonly #fate: Fate = { sick: new Set(), life: 0, violations: [] };
  readonly #ops: Op[] = [];
  readonly #callers: CommandIds[];
  #life!: Life;
  /** Attempts of this life that wait for their answer. */
  #waiting = 0;
  #day = 0;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
    const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.#chance.upTo(256));
    this.#callers = [1, 2].map(() => new CommandIds({ bytes }));
  }

  async run(): Promise<void> {
    this.#life = await this.#born(1_800_000_000_000);
    for (let step = 0; step < stepsPerRun; step++) {
      await this.#step();
      this.#requireSound();
      if (step % 40 === 0) this.#compare();
    }
    await this.#heal();
    this.#requireWhole();
    await this.#restart();
    this.#compare();
  }

  #born(nowMs: number): Promise<Life> {
    this.#waiting = 0;
    return Life.begin({
      disk: this.#disk,
      truth: this.#truth,
      fate: this.#fate,
      nowMs,
      pendingBytesMax: this.#chance.of([1, 3_000, 100_000, 10_000_000]),
      groupCommitBytesMax: this.#chance.of([1_000, 10_000, 1_000_000]),
    });
  }

  async #step(): Promise<void> {
    const chance = this.#chance;
    const at = chance.upTo(1_000);
    if (at < 300) this.#askNew();
    else if (at < 380) this.#askAgain();
    else if (at < 410) this.#askLate();
    else if (at < 600) await this.#life.turns(1 + chance.upTo(3));
    else if (at < 850) await this.#life.release();
    else if (at < 910) this.#life.clock.advance(chance.of([1, 30, 250, 1_000, 10_000]));
    else if (at < 945) this.#query();
    else if (at < 960) this.#fall();
    else if (at < 962) this.#life.clock.jump((chance.upTo(1_200) - 600) * 1_000);
    else if (at < 966) this.#nextDay();
    else if (at < 972) await this.#life.settle();
    else if (at < 977) await this.#restart();
    else if (at < 987) await this.#crash();
    else if (at < 990) await this.#cutCheckpoint();
    else this.#retryDeadLetter();
  }

  // ---- commands ----------------------------------------------------------------------------------------------------

  #askNew(bulk = this.#chance.hits(3) ? 1_500 : 0): void {
    const caller = this.#chance.of(this.#callers);
    const seq = caller.nextSeq();
    const name = `${this.#ops.length}`;
    const { settledBelow } = caller;
    const command = newCommand(this.#chance, { op: name, life: this.#fate.life, bulk });
    const key = this.#chance.of(keys);
    const op: Op = {
      name,
      key,
      command,
      caller,
      seq,
      settledBelow,
      day: this.#day,
      answer: undefined,
      isSettled: false,
    };
    this.#ops.push(op);
    this.#ask(op);
  }

  #ask(op: Op): void {
    const { name, key, command, caller, seq } = op;
    op.settledBelow = op.isSettled ? op.settledBelow : caller.settledBelow;
    let isAnswered = false;
    this.#waiting++;
    this.#life.engine.ask(
      {
        kind: 'model',
        key,
        command,
        id: { caller: caller.caller, seq },
        settledBelow: op.settledBelow,
        principal: { kind: 'operator', id: 'model' },
        trace: name,
        bodies: this.#chance.hits(90) ? contents.map((bytes, i) => ({ hash: hashes[i]!, bytes })) : [],
        timeoutMs: this.#chance.of([100, 60_000]),
      },
      (outcome) => {
        assert.ok(!isAnswered, 'an answer comes once');
        isAnswered = true;
        this.#waiting--;
        this.#answered(op, outcome);
      },
    );
  }

  #answered(op: Op, outcome: Outcome): void {
    const { command } = op;
    if (outcome.ok) {
      if (op.answer?.ok && command.kind === 'do') assert.deepEqual(outcome, op.answer, 'the same answer again');
      this.#requireEffect(op);
    } else if (command.kind === 'do') {
      const { code } = outcome.error;
      // Whoever settled a command asks no more what became of it.
      const isRefused = ['busy', 'stopping', 'deadlinePassed', 'bodyNotHere'].includes(code);
      const isOwn = command.ending !== 'answer' && ['no', 'internal'].includes(code);
      assert.ok(isRefused || isOwn || (code === 'commandSettled' && op.isSettled), `refused with ${code}`);
    }
    if (op.isSettled) return;
    if (outcome.ok) op.answer ??= outcome;
    // Now and then the answer is lost on its way.
    if (this.#chance.hits(25)) return;
    op.isSettled = true;
    op.answer ??= outcome;
    op.caller.settle(op.seq);
  }

  /** The same id again, while the first attempt is under way, or after its answer was lost, or after a crash. */
  #askAgain(): void {
    const open = this.#ops.filter((op) => !op.isSettled && op.day === this.#day);
    if (open.length > 0) this.#ask(this.#chance.of(open));
  }

  /** What was sent long ago comes out of the network after all. */
  #askLate(): void {
    const settled = this.#ops.filter((op) => op.isSettled && op.answer?.ok && op.day === this.#day);
    if (settled.length > 0) this.#ask(this.#chance.of(settled));
  }

  #retryDeadLetter(): void {
    const [letter] = listDeadLetters(this.#life.store, 1);
    if (letter === undefined) return;
    // One of the two is refused, and both are when it fails again; the oracle looks at what they did.
    for (let i = 0; i < 2; i++) this.#life.engine.retryDeadLetter(letter.shard, letter.index).catch(() => undefined);
  }

  // ---- faults ------------------------------------------------------------------------------------------------------

  #fall(): void {
    const { sick } = this.#fate;
    const key = this.#chance.of(keys);
    if (!sick.delete(key)) sick.add(key);
  }

  /** Records of commands go after a day, so nothing older is sent again. */
  #nextDay(): void {
    this.#day++;
    for (const op of this.#ops) {
      if (op.isSettled) continue;
      op.isSettled = true;
      op.caller.settle(op.seq);
    }
    this.#life.clock.jump(90_000_000);
    this.#life.clock.advance(60_000);
  }

  async #crash(): Promise<void> {
    this.#life.tree.halt(this.#chance.upTo(2));
    await this.#again();
  }

  /** A crash when a part of a checkpoint is in the tree. */
  async #cutCheckpoint(): Promise<void> {
    await this.#life.settle();
    this.#askNew(1_500);
    await this.#life.settle();
    this.#life.clock.advance(250);
    await this.#life.release();
    await this.#crash();
  }

  async #restart(): Promise<void> {
    await this.#life.close();
    assert.equal(this.#waiting, 0, 'what was taken is answered');
    this.#requireSound();
    this.#truth.requireEqual(this.#life.tree, 1_000, false);
    await this.#again();
  }

  async #again(): Promise<void> {
    this.#fate.life++;
    // The wall clock of the next life may be behind that of this one.
    this.#life = await this.#born(this.#life.clock.nowMs() + (this.#chance.upTo(120) - 60) * 1_000);
  }

  // ---- what must be so ---------------------------------------------------------------------------------------------

  #requireSound(): void {
    assert.deepEqual(this.#life.fatals, []);
    assert.deepEqual(this.#fate.violations, []);
  }

  #compare(): void {
    this.#truth.requireEqual(this.#life.store, 1 + this.#chance.upTo(300), this.#chance.hits(50));
    for (const op of this.#ops) if (op.answer?.ok) this.#requireEffect(op);
  }

  /** Whoever has an answer relies on it: what it tells of is committed. */
  #requireEffect({ command, key, name }: Op): void {
    if (command.kind === 'do') assert.equal(this.#truth.value(key, ['done', name]), 1, `${name} was acknowledged`);
    if (command.kind !== 'chain') return;
    assert.ok(this.#truth.value(key, ['chain', name, 1]) !== undefined, `chain ${name} was acknowledged`);
  }

  #query(): void {
    const key = this.#chance.of(keys);
    this.#life.engine.query(
      { kind: 'model', key, query: { kind: 'all' }, principal: { kind: 'operator', id: 'model' } },
      (outcome) => {
        const expected = { ok: true, answer: this.#truth.rowsOf(key) };
        assert.ok(
          isDeepStrictEqual(outcome, expected),
          `a query of ${key} sees what is committed, all of it, only that`,
        );
      },
    );
  }

  /** All are well again, everybody asks until he has his answer, and time goes on. */
  async #heal(): Promise<void> {
    this.#fate.sick.clear();
    for (let round = 0; round < 60; round++) {
      await this.#life.settle();
      const open = this.#ops.filter((op) => !op.isSettled);
      for (const op of open) this.#ask(op);
      this.#retryDeadLetter();
      await this.#life.settle();
      assert.equal(this.#waiting, 0, 'every command is answered');
      this.#life.clock.advance(60_000);
      this.#requireSound();
      const left = [keyspace.outbox, keyspace.timer, keyspace.deadLetter].map((space) => this.#truth.rowsIn(space));
      if (open.length === 0 && left.every((rows) => rows === 0)) return;
    }
    assert.fail('it does not come to rest');
  }

  #requireWhole(): void {
    this.#compare();
    for (const { command, key, name, answer } of this.#ops) {
      if (command.kind !== 'wake') continue;
      const rung = Number(this.#truth.value(key, ['rung', name]) ?? 0);
      assert.ok(rung === 1 || !answer?.ok, `timer ${name} was acknowledged`);
    }
    const got = (id: string): number =>
      keys.reduce((sum, key) => sum + Number(this.#truth.value(key, ['got', id]) ?? 0), 0);
    for (const { command, key, name } of this.#ops) {
      if (command.kind !== 'do') continue;
      const done = Number(this.#truth.value(key, ['done', name]) ?? 0);
      if (command.ending !== 'answer') assert.equal(done, 0, `${name} failed and kept nothing`);
      for (const { id } of command.tells) assert.equal(got(id), done, `notice ${id} came as often as it was sent`);
    }
    for (const key of keys) {
      for (const name of ['x', 'y']) assert.equal(this.#truth.value(key, ['timer', name]), undefined, 'a timer fires');
    }
    assert.equal(this.#life.engine.stats.noticesUnderWay, 0);
  }
}

void test(`${runs} random lives of an engine`, async () => {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    try {
      await new Run(seed).run();
    } catch (error) {
      throw new Error(`ENGINE_MODEL_SEED=${seed} ENGINE_MODEL_RUNS=1 shows it again`, { cause: error });
    }
  }
});
