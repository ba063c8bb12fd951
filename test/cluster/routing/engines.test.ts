/** Routers and notices over real engines on replicated shards: what an edge is promised, wherever it is and whoever leads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoticeMail } from '../../../cluster/routing/notice-mail.ts';
import { PeerCalls } from '../../../cluster/routing/peer-calls.ts';
import { Router } from '../../../cluster/routing/router.ts';
import { Engine } from '../../../runtime/actor/engine.ts';
import type { CommandId, Outcome } from '../../../runtime/actor/request.ts';
import { groupCount, shardOf } from '../../../runtime/actor/shard.ts';
import { nodeId, type NodeId, shardId } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { bodyHash, bodyInfo, readBody } from '../../../runtime/store/body-rows.ts';
import { counterKind } from '../../support/counter-actor.ts';
import { GroupsWorld } from '../../support/groups-world.ts';
import { FakeMesh } from './fake-mesh.ts';

const shardCount = 8;
const names = ['n1', 'n2', 'n3'];

class RoutedCluster {
  readonly world = new GroupsWorld({ nodes: names, shardCount });
  readonly calls = new FakeMesh(this.world.clock);
  readonly notices = new FakeMesh(this.world.clock);
  readonly routers = new Map<string, Router>();
  readonly engines = new Map<string, Engine>();
  readonly refused: unknown[] = [];
  #seq = 0;

  constructor() {
    for (const name of names) this.boot(name);
    this.calls.linkAll();
    this.notices.linkAll();
  }

  boot(name: string): void {
    const { host, store, bodies, fatals } = this.world.node(name);
    const { clock } = this.world;
    const self = nodeId(name);
    let seed = 0;
    const random = {
      bytes: (count: number) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)),
    };
    const leaderOf = (shard: number): NodeId | null => host.status()[shard]!.leader;
    const refusedFrame = (_from: NodeId, error: unknown): void => void this.refused.push(error);
    const calls = new PeerCalls({
      ...{ transport: this.calls.transport(name), clock, limits },
      reports: { refusedFrame },
    });
    const isAlive = (): boolean => true;
    const notices = new NoticeMail({
      ...{ self, transport: this.notices.transport(name), clock, shards: groupCount(shardCount), leaderOf, isAlive },
      valueBounds: calls.valueBounds,
      linkedPeers: () => this.notices.peersOf(name),
      serves: (shard) => host.serves(shard),
      bodies: {
        size: (hash) => bodyInfo(store, hash)?.sizeBytes,
        read: (hash, offset, length) => readBody(store, hash, { offset, length }),
      },
      receive: (notice) => this.engines.get(name)!.receiveNotice(notice),
      reports: { refusedFrame, undeliverable: (error) => void this.refused.push(error) },
    });
    const engine = new Engine({
      ...{ kinds: new Map([['counter', counterKind]]), shardCount, store, log: host, clock, random, limits },
      hasBody: (hash) => bodies.isExpected(hash),
      isStorageFull: () => false,
      route: notices,
      reports: {
        bug: (what, error) => void fatals.push({ what, error }),
        turn: () => undefined,
        slow: () => undefined,
        noticeFailed: (_kind, what, error) => void fatals.push({ what, error }),
      },
      fatal: (error) => fatals.push(error),
    });
    this.engines.set(name, engine);
    const router = new Router({
      ...{ self, clock, random, calls, engine, leaderOf, isAlive, limits },
      shardOf: (kind, key) => shardOf(kind, key, shardCount),
      serves: (shard) => host.serves(shard),
      holds: () => true,
      linkedPeers: () => this.calls.peersOf(name),
    });
    this.routers.set(name, router);
    engine.start();
  }

  async pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 5) {
      this.world.clock.advance(5);
      await this.world.settle();
      for (const [name, router] of this.routers) {
        if (!this.world.node(name).isUp) continue;
        for (let shard = 0; shard < shardCount; shard++) router.leaderChanged(shardId(shard));
      }
    }
  }

  ask(at: string, key: string, command: { readonly kind: string }, more: object = {}): { outcome?: Outcome } {
    const asked: { outcome?: Outcome } = {};
    const id: CommandId = { caller: at, seq: ++this.#seq };
    this.routers.get(at)!.ask(
      {
        ...{ kind: 'counter', key, command, id, settledBelow: 0, principal: { kind: 'operator', id: 'test' } },
        ...{ trace: 'test', bodies: [], timeoutMs: 30_000 },
        ...more,
      },
      (outcome) => {
        asked.outcome = outcome;
      },
    );
    return asked;
  }

  async value(at: string, key: string): Promise<unknown> {
    let answer: unknown = 'none';
    const principal = { kind: 'operator', id: 'test' } as const;
    this.routers.get(at)!.query({ kind: 'counter', key, query: { kind: 'value' }, principal }, (outcome) => {
      answer = outcome.ok ? outcome.answer : outcome.error.code;
    });
    await this.pass(100);
    return answer;
  }
}

const answerOf = ({ outcome }: { outcome?: Outcome }): unknown =>
  outcome === undefined ? 'none' : outcome.ok ? outcome.answer : outcome.error.code;

async function started(): Promise<RoutedCluster> {
  const cluster = new RoutedCluster();
  await cluster.world.settle();
  // Every node leads some.
  for (const [i, name] of names.entries()) {
    await cluster.world.elect(
      name,
      cluster.world.shards.filter((shard) => shard % names.length === i),
    );
  }
  await cluster.pass(50);
  return cluster;
}

void test('any actor is reached from any node, and all nodes see the same of it', async () => {
  const cluster = await started();
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  const asked = keys.flatMap((key) => names.map((name) => cluster.ask(name, key, { kind: 'add', by: 1 } as never)));
  await cluster.pass(100);
  for (const one of asked) {
    assert.equal(one.outcome?.ok, true);
    const { copies } = one.outcome as Outcome & { ok: true };
    assert.equal(copies?.[1], 3);
    assert.ok(copies[0] >= 2, `${copies[0]} copies`);
  }
  for (const key of keys) for (const name of names) assert.equal(await cluster.value(name, key), 3);
  assert.deepEqual(cluster.refused, []);
});

void test('the leader dies in the middle of a command: the next one answers it, once, and a retry gets the same', async () => {
  const cluster = await started();
  const { world } = cluster;
  const shard = shardOf('counter', 'a', shardCount);
  const leader = world.host('n1').status()[shard]!.leader!;
  const [edge, next] = names.filter((name) => name !== leader) as [string, string];
  const before = cluster.ask(edge, 'a', { kind: 'add', by: 5 } as never);
  await cluster.pass(50);
  assert.equal(answerOf(before), 5);

  const asked = cluster.ask(edge, 'a', { kind: 'add', by: 2 } as never);
  cluster.world.clock.advance(2);
  await world.turn();
  cluster.calls.kill(leader);
  cluster.notices.kill(leader);
  world.crash(leader);
  cluster.routers.delete(leader);
  await cluster.pass(50);
  assert.equal(answerOf(asked), 'none');
  world.suspect(leader);
  await world.elect(next, [shard]);
  await cluster.pass(300);
  assert.equal(answerOf(asked), 7);
  assert.equal(await cluster.value(next, 'a'), 7);
  assert.equal(await cluster.value(edge, 'a'), 7);
});

void test('notices reach actors that other nodes lead, once each, with their bodies', async () => {
  const cluster = await started();
  const to = ['p', 'q', 'r', 's', 't', 'u'];
  const bytes = new Uint8Array(2_000_000).fill(7);
  const hash = bodyHash(bytes);
  const told = cluster.ask('n2', 'source', { kind: 'tell', to, by: 4 } as never);
  const kept = cluster.ask('n3', 'keeper', { kind: 'keep', hash, tag: 'x' } as never, { bodies: [{ hash, bytes }] });
  await cluster.pass(400);
  assert.equal(answerOf(told), null);
  assert.equal(answerOf(kept), null);
  for (const [i, key] of to.entries()) assert.equal(await cluster.value(names[i % 3]!, key), 4);
  for (const name of names) {
    const { store } = cluster.world.node(name);
    assert.equal(bodyInfo(store, hash)?.sizeBytes, bytes.byteLength, `${name} has the body`);
  }
  assert.deepEqual(cluster.refused, []);
});

void test('a shard that moves back and forth under a stream of commands loses and doubles none', async () => {
  const cluster = await started();
  const { world } = cluster;
  const shard = shardOf('counter', 'a', shardCount);
  const asked: { outcome?: Outcome }[] = [];
  for (let round = 0; round < 12; round++) {
    for (const name of names) asked.push(cluster.ask(name, 'a', { kind: 'add', by: 1 } as never));
    await world.turn();
    await world.elect(names[round % 3]!, [shard]);
    await cluster.pass(10);
  }
  await cluster.pass(1_000);
  assert.deepEqual(
    asked.map((one) => one.outcome?.ok),
    asked.map(() => true),
  );
  assert.equal(await cluster.value('n1', 'a'), asked.length);
});
