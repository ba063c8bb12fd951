/** The actor engine on replicated shards: what its callers are promised, over restarts and takeovers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '../../../runtime/actor/engine.ts';
import type { CommandId, Outcome } from '../../../runtime/actor/request.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { counterKind } from '../../support/counter-actor.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const shardCount = 8;
const names = ['n1', 'n2', 'n3'];

class EngineCluster {
  readonly world: GroupsWorld;
  readonly engines = new Map<string, Engine>();
  #seq = 0;

  constructor(nodes: readonly string[]) {
    this.world = new GroupsWorld({ nodes, shardCount });
    for (const name of nodes) this.boot(name);
  }

  /** The engine of a node that has just started. */
  boot(name: string): void {
    const { host, store, bodies, fatals } = this.world.node(name);
    let seed = 0;
    const engine = new Engine({
      kinds: new Map([['counter', counterKind]]),
      shardCount,
      store,
      log: host,
      hasBody: (hash) => bodies.isExpected(hash),
      isStorageFull: () => false,
      clock: this.world.clock,
      random: { bytes: (count) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)) },
      limits,
      reports: {
        bug: (what, error) => void fatals.push({ what, error }),
        turn: () => undefined,
        slow: () => undefined,
        noticeFailed: (_kind, what, error) => void fatals.push({ what, error }),
      },
      fatal: (error) => fatals.push(error),
    });
    engine.start();
    this.engines.set(name, engine);
  }

  ask(name: string, key: string, command: { readonly kind: string }, id?: CommandId): { outcome?: Outcome } {
    const asked: { outcome?: Outcome } = {};
    this.engines.get(name)!.ask(
      {
        kind: 'counter',
        key,
        command,
        id: id ?? { caller: name, seq: ++this.#seq },
        settledBelow: 0,
        principal: { kind: 'operator', id: 'test' },
        trace: 'test',
        bodies: [],
        timeoutMs: 30_000,
      },
      (outcome) => {
        asked.outcome = outcome;
      },
    );
    return asked;
  }

  async value(name: string, key: string): Promise<unknown> {
    let answer: unknown = 'none';
    const principal = { kind: 'operator', id: 'test' } as const;
    this.engines.get(name)!.query({ kind: 'counter', key, query: { kind: 'value' }, principal }, (outcome) => {
      answer = outcome.ok ? outcome.answer : outcome.error.code;
    });
    await this.world.settle();
    return answer;
  }
}

const answerOf = ({ outcome }: { outcome?: Outcome }): unknown =>
  outcome === undefined ? 'none' : outcome.ok ? outcome.answer : outcome.error.code;

void test('engine: on a lone node commands, notices and timers have their effect once, over a restart', async () => {
  const cluster = new EngineCluster(['n1']);
  const { world } = cluster;
  await world.settle();
  const id = { caller: 'smtp', seq: 1 };
  const added = cluster.ask('n1', 'a', { kind: 'add', by: 2 } as never, id);
  cluster.ask('n1', 'a', { kind: 'tell', to: ['b', 'c'], by: 5 } as never);
  cluster.ask('n1', 'd', { kind: 'addLater', name: 't', dueMs: world.clock.nowMs() + 60_000 } as never);
  await world.settle();
  assert.equal(answerOf(added), 2);
  assert.equal(await cluster.value('n1', 'c'), 5);
  world.crash('n1');
  world.start('n1');
  cluster.boot('n1');
  await world.settle();
  const again = cluster.ask('n1', 'a', { kind: 'add', by: 2 } as never, id);
  await world.pass(61_000, 10_000);
  assert.equal(answerOf(again), 2);
  assert.equal(await cluster.value('n1', 'a'), 3);
  assert.equal(await cluster.value('n1', 'b'), 5);
  assert.equal(await cluster.value('n1', 'd'), 1);
});

void test('engine: an answer leaves when two of three have it; after a takeover a retry gets the same answer, once', async () => {
  const cluster = new EngineCluster(names);
  const { world } = cluster;
  await world.settle();
  await world.elect('n1');
  const id = { caller: 'smtp', seq: 1 };
  const added = cluster.ask('n1', 'a', { kind: 'add', by: 2 } as never, id);
  await world.turn();
  await world.commit('n1');
  for (let i = 0; i < 5; i++) await world.turn();
  assert.equal(answerOf(added), 'none');
  await world.settle();
  assert.equal(answerOf(added), 2);

  world.cut('n1', 'n2');
  world.cut('n1', 'n3');
  const lost = cluster.ask('n1', 'a', { kind: 'add', by: 100 } as never);
  await world.settle();
  assert.equal(answerOf(lost), 'none');
  world.suspect('n1');
  await world.elect('n2');
  const again = cluster.ask('n2', 'a', { kind: 'add', by: 2 } as never, id);
  await world.settle();
  assert.equal(answerOf(again), 2);
  assert.equal(await cluster.value('n2', 'a'), 2);
  assert.equal(await cluster.value('n1', 'a'), 'none', 'the old leader cannot confirm that it leads');

  world.heal('n1', 'n2');
  world.heal('n1', 'n3');
  world.lives('n1');
  await world.pass(1_000);
  assert.equal(answerOf(lost), 'notLeader');
  const elsewhere = cluster.ask('n1', 'a', { kind: 'add', by: 1 } as never);
  assert.equal(answerOf(elsewhere), 'notLeader');
  assert.ok(shardOf('counter', 'a', shardCount) < shardCount);
});
