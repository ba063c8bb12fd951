/**
 * Any order of entries, transactions, frames, cuts, elections, crashes that keep a prefix, and restarts. What it asks:
 *
 * - what was told to be committed is in the log for ever, at its index;
 * - a node that starts again shows exactly the state of the entries that it counts as applied;
 * - in the end all replicas have the same entries, rows, references and bodies.
 *
 *     GROUPS_SEED=7 GROUPS_RUNS=1 node --test test/cluster/groups/random.test.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shardId } from '../../../runtime/base/ids.ts';
import { decodeRow, encodeRow } from '../../../runtime/codec/row.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import type { StoreOp } from '../../../runtime/store/store.ts';
import { type GroupsNode, GroupsWorld } from '../../support/groups-world.ts';

const runs = Number(process.env['GROUPS_RUNS'] ?? 12);
const firstSeed = Number(process.env['GROUPS_SEED'] ?? 1);
const steps = Number(process.env['GROUPS_STEPS'] ?? 600);
/** Each of these found something once. */
const telling = process.env['GROUPS_SEED'] === undefined ? [2026, 2104, 2191] : [];
const names = ['n1', 'n2', 'n3'];
const shardCount = 3;

/** Mulberry32: the same seed, the same run. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  upTo(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  of<T>(values: readonly T[]): T {
    return values[this.upTo(values.length)]!;
  }
}

interface Entry {
  readonly rows: readonly StoreOp[];
  readonly holds: readonly {
    readonly hash: string;
    readonly owner: readonly (string | number)[];
    readonly held: boolean;
  }[];
}

/** Rows of a shard and references of its bodies, as they can be read. */
function stateOf(node: GroupsNode, shard: number): Map<RowKey, string> {
  const rows = node.store.range({ ...below(rowKey([keyspace.state, shard])), limit: 100_000 });
  const state = new Map(rows.map(({ key, value }) => [key, decodeRow(value).value as string]));
  for (const { key } of node.store.range({ ...below(rowKey([keyspace.bodyReference])), limit: 100_000 })) {
    if (keyParts(key)[2] === shard) state.set(key, 'held');
  }
  return state;
}

class Run {
  readonly world: GroupsWorld;
  readonly chance: Chance;
  /** By `shard term index`: what stands there if that entry came to be. */
  readonly entries = new Map<string, Entry>();
  readonly acknowledged = new Map<string, string>();
  /** What a node showed when it had started, to be compared with the log as it came to be. */
  readonly shown: { shard: number; applied: number; state: Map<RowKey, string>; what: string }[] = [];
  readonly held: { hash: string; owner: readonly (string | number)[] }[] = [];
  readonly bodies = new Map<string, Buffer>();
  count = 0;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.world = new GroupsWorld({
      nodes: names,
      shardCount,
      batchesKept: 6,
      settings: { retryMs: 100 },
      // In every other run no body travels with its entry.
      ...(seed % 2 === 0 ? { limits: { bodyInlineBytesMax: 1 } } : {}),
    });
  }

  append(): void {
    const { chance, world } = this;
    const node = world.node(chance.of(names));
    const shard = chance.upTo(shardCount);
    if (!node.isUp || !node.host.serves(shardId(shard))) return;
    const id = `${++this.count}`;
    const key = (of: number) => rowKey([keyspace.state, shard, 'k', of]);
    const rows: StoreOp[] = [
      { key: rowKey([keyspace.state, shard, 'last']), value: encodeRow(1, id) },
      { key: key(chance.upTo(20)), value: encodeRow(1, id) },
      { key: key(chance.upTo(20)), value: null },
    ];
    const holds: Entry['holds'][number][] = [];
    const bodies: { hash: string; bytes: Buffer }[] = [];
    if (chance.upTo(3) === 0) {
      const bytes = Buffer.from(`body ${chance.upTo(2) === 0 ? id : chance.upTo(5)}`);
      const hash = bodyHash(bytes);
      const owner = [shard, 'k', 'a', id];
      this.bodies.set(hash, bytes);
      this.held.push({ hash, owner });
      holds.push({ hash, owner, held: true });
      bodies.push({ hash, bytes });
    }
    const mine = this.held.filter(({ owner }) => owner[0] === shard);
    if (mine.length > 0 && chance.upTo(4) === 0) holds.push({ ...chance.of(mine), held: false });
    const index = world.append(node.name, shard, { rows, holds, bodies });
    this.entries.set(`${shard} ${node.host.term(shardId(shard))} ${index}`, { rows, holds });
  }

  async step(): Promise<void> {
    const { chance, world } = this;
    const what = chance.upTo(100);
    if (what < 35) this.append();
    else if (what < 45) {
      // A calm while: else nothing would ever be committed.
      for (let i = 0; i < 4; i++) {
        await world.turn();
        for (const name of names) await world.commit(name);
      }
    } else if (what < 60) await world.turn();
    else if (what < 85) await world.commit(chance.of(names));
    else if (what < 87) this.crash(chance.of(names));
    else if (what < 90) {
      const [a, b] = chance.of([
        ['n1', 'n2'],
        ['n1', 'n3'],
        ['n2', 'n3'],
      ] as const);
      if (chance.upTo(3) === 0) world.cut(a, b);
      else world.heal(a, b);
    } else if (what < 96) {
      const node = world.node(chance.of(names));
      if (node.isUp) {
        world.exchangeClaims();
        for (const other of names) if (other !== node.name) node.host.alive(world.node(other).id, chance.upTo(6) > 0);
        node.host.campaign([shardId(chance.upTo(shardCount))]);
      }
    } else if (what < 97) {
      const node = world.node(chance.of(names));
      const shard = shardId(chance.upTo(shardCount));
      if (node.isUp) node.host.transfer(shard, world.node(chance.of(names)).id, () => undefined);
    } else world.clock.advance(chance.of([10, 100, 250]));
    this.noteCommits();
  }

  crash(name: string): void {
    const node = this.world.node(name);
    this.world.crash(name, this.chance.upTo(3));
    this.world.start(name);
    for (const { shard, applied, isInstalling } of node.host.status()) {
      // Its state is not whole and nobody may see it.
      if (isInstalling) continue;
      this.shown.push({ shard, applied, state: stateOf(node, shard), what: `${name} at ${this.count}` });
    }
  }

  noteCommits(): void {
    for (const node of this.world.nodes.values()) {
      for (const commit of node.commits.splice(0)) {
        const [shard, index] = commit.split(':').map(Number) as [number, number];
        const term = node.host.term(shardId(shard));
        for (let at = index; at > 0; at--) {
          const id = `${shard} ${term} ${at}`;
          if (!this.entries.has(id) || this.acknowledged.has(`${shard} ${at}`)) break;
          this.acknowledged.set(`${shard} ${at}`, id);
        }
      }
    }
    this.world.requireSound();
  }

  async heal(): Promise<void> {
    const { world } = this;
    for (const name of names) if (!world.node(name).isUp) world.start(name);
    for (const [a, b] of [
      ['n1', 'n2'],
      ['n1', 'n3'],
      ['n2', 'n3'],
    ] as const) {
      world.heal(a, b);
    }
    for (const name of names) world.lives(name);
    await this.pass(1_000);
    for (let round = 0; round < 6; round++) {
      world.exchangeClaims();
      await world.settle();
      for (const shard of world.shards) {
        if (names.some((name) => world.host(name).serves(shardId(shard)))) continue;
        world.host(names[(round + shard) % names.length]!).campaign([shardId(shard)]);
      }
      await this.pass(500);
    }
    for (const shard of world.shards) {
      const leaders = names.filter((name) => world.host(name).serves(shardId(shard)));
      const states = names.map((name) => world.host(name).status()[shard]);
      assert.equal(leaders.length, 1, `shard ${shard} has one leader: ${JSON.stringify(states, null, 1)}`);
      world.append(leaders[0]!, shard, {});
    }
    await this.pass(1_000);
    this.noteCommits();
  }

  /** In short steps, since the log may be compacted behind what is noted. */
  async pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 100) {
      await this.world.pass(100);
      this.noteLogs();
    }
  }

  /** The states of a shard after each index, by the log as the leader has it. */
  check(): void {
    const { world } = this;
    for (const shard of world.shards) {
      const states = names.map((name) => world.host(name).status()[shard]!);
      const { applied, hash } = states[0]!;
      for (const [at, of] of states.entries()) {
        assert.equal(of.applied, applied, `${names[at]} has applied all of shard ${shard}`);
        assert.equal(of.hash, hash, `${names[at]} has applied the same in shard ${shard}`);
      }
      const log = this.logOf(shard);
      const byIndex = this.replay(log, applied);
      for (const name of names)
        assert.deepEqual(sorted(stateOf(world.node(name), shard)), sorted(byIndex.get(applied)!));
      for (const { shard: of, applied: at, state, what } of this.shown) {
        if (of === shard) assert.deepEqual(sorted(state), sorted(byIndex.get(at)!), `${what}, shard ${of} at ${at}`);
      }
    }
    for (const [place, id] of this.acknowledged) {
      const [shard, index] = place.split(' ').map(Number) as [number, number];
      assert.equal(this.logOf(shard).get(index), id, `acknowledged: ${id}`);
    }
    for (const node of world.nodes.values()) {
      for (const { key } of node.store.range({ ...below(rowKey([keyspace.bodyReference])), limit: 100_000 })) {
        const hash = keyParts(key)[1] as string;
        assert.deepEqual(Buffer.from(readBody(node.store, hash)!), this.bodies.get(hash), 'each body is what it was');
      }
    }
  }

  /** Terms by index, as the world noted them from the leader's log. */
  logOf(shard: number): Map<number, string> {
    const log = this.logs[shard]!;
    return new Map([...log].map(([index, term]) => [index, `${shard} ${term} ${index}`]));
  }

  /** Filled while the run goes on: the term that each committed index came to have. */
  readonly logs: Map<number, number>[] = Array.from({ length: shardCount }, () => new Map<number, number>());

  noteLogs(): void {
    for (const node of this.world.nodes.values()) {
      if (!node.isUp) continue;
      for (const shard of this.world.shards) {
        const { applied } = node.host.status()[shard]!;
        for (const { index, term } of node.host.places(shardId(shard))) {
          if (index > applied) continue;
          const known = this.logs[shard]!.get(index);
          assert.ok(known === undefined || known === term, `shard ${shard}: one entry at ${index}`);
          this.logs[shard]!.set(index, term);
        }
      }
    }
  }

  replay(log: ReadonlyMap<number, string>, applied: number): Map<number, Map<RowKey, string>> {
    const states = new Map<number, Map<RowKey, string>>();
    let state = new Map<RowKey, string>();
    states.set(0, state);
    for (let index = 1; index <= applied; index++) {
      const entry = this.entries.get(log.get(index) ?? '');
      state = new Map(state);
      for (const { key, value } of entry?.rows ?? []) {
        if (value === null) state.delete(key);
        else state.set(key, decodeRow(value).value as string);
      }
      for (const { hash, owner, held } of entry?.holds ?? []) {
        const key = rowKey([keyspace.bodyReference, hash, ...owner]);
        if (held) state.set(key, 'held');
        else state.delete(key);
      }
      states.set(index, state);
    }
    return states;
  }
}

const sorted = (state: ReadonlyMap<RowKey, string>) =>
  [...state].map(([key, value]) => `${keyParts(key).join(' ')} = ${value}`).sort();

void test('random: acknowledged entries survive, restarts show what they had, replicas agree', async () => {
  for (const seed of [...telling, ...Array.from({ length: runs }, (_, at) => firstSeed + at)]) {
    const run = new Run(seed);
    try {
      await run.world.settle();
      for (const [at, name] of names.entries()) await run.world.elect(name, [at]);
      for (let step = 0; step < steps; step++) {
        await run.step();
        run.noteLogs();
      }
      await run.heal();
      run.noteLogs();
      run.check();
      if (process.env['GROUPS_SEED'] !== undefined) {
        console.log(
          seed,
          run.count,
          run.acknowledged.size,
          run.shown.length,
          [...run.world.nodes.values()].map((n) => n.transactions),
        );
      }
    } catch (error) {
      throw new Error(`seed ${seed}, after ${run.count} entries`, { cause: error });
    }
  }
});
