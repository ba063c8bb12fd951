/** Processes that die or stop: noticed by their machine's refusal, or by silence. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatAddress, type Place } from '../../../cluster/mesh/addresses.ts';
import type { MeshSettings } from '../../../cluster/mesh/settings.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';
import { type MeshNode, MeshWorld, n1, n2 } from './mesh-world.ts';
import { until } from './until.ts';
import type { ChildOrders } from './mesh-child.ts';

/** The aim is 50 ms. Silence takes liveness 450: on a machine that does much else at the same time the refusal still comes first. */
const noticedMsMax = 400;

class Pair {
  readonly own: MeshNode;
  readonly #t: TestContext;
  readonly #orders: Omit<ChildOrders, 'port' | 'incarnation'>;
  child!: ChildProcess;
  place: Place = { host: '127.0.0.1', port: 0 };
  #incarnation = 0;

  constructor(t: TestContext, own: MeshNode, orders: Omit<ChildOrders, 'port' | 'incarnation'>) {
    this.#t = t;
    this.own = own;
    this.#orders = orders;
  }

  static async of(t: TestContext, own: NodeId, other: NodeId, settings: Partial<MeshSettings> = {}): Promise<Pair> {
    const world = new MeshWorld(t);
    const node = await world.node(own, { settings: { steadyMs: 0, ...settings } });
    const identity = await (await world.authority()).identityOf(other);
    const pair = new Pair(t, node, { node: other, identity, peer: { node: own, addresses: [node.address] } });
    await pair.startChild();
    node.transport.peersAre([{ node: other, addresses: [formatAddress(pair.place)] }]);
    await until(() => node.told.includes(`linked ${other}`), 'they are linked');
    return pair;
  }

  async startChild(): Promise<void> {
    const child = fork(fileURLToPath(new URL('mesh-child.ts', import.meta.url)));
    this.#t.after(() => child.kill('SIGKILL'));
    child.send({ ...this.#orders, port: this.place.port, incarnation: ++this.#incarnation } satisfies ChildOrders);
    const [place] = (await once(child, 'message')) as [Place];
    this.place = place;
    this.child = child;
  }

  count(line: string): number {
    return this.own.told.filter((one) => one === line).length;
  }
}

void describe('a process that is killed', () => {
  for (const [own, other, side] of [
    [n1, n2, 'dials'],
    [n2, n1, 'is dialled'],
  ] as const) {
    void test(`is noticed by a refusal within milliseconds by the node that ${side}`, async (t) => {
      const pair = await Pair.of(t, own, other);
      const startMs = performance.now();
      pair.child.kill('SIGKILL');
      await until(() => pair.count(`linkRefused ${other}`) > 0, 'the refusal is told');
      const tookMs = performance.now() - startMs;
      t.diagnostic(`noticed after ${tookMs.toFixed(1)} ms`);
      assert.equal(tookMs < noticedMsMax, true, `${tookMs} ms`);
      assert.equal(pair.own.told.indexOf(`unlinked ${other}`) < pair.own.told.indexOf(`linkRefused ${other}`), true);
    });

    void test(`and started again is linked again by itself with the node that ${side}`, async (t) => {
      const pair = await Pair.of(t, own, other);
      pair.child.kill('SIGKILL');
      await until(() => pair.count(`unlinked ${other}`) === 1, 'it is gone');
      await pair.startChild();
      await until(() => pair.count(`linked ${other}`) === 2, 'it is back');
      assert.equal(pair.own.transport.helloOf(other)?.incarnation, 2);
    });
  }
});

void describe('a process that is stopped', () => {
  void test('is given up when it is silent for too long, not refused, and linked again when it goes on', async (t) => {
    const pair = await Pair.of(t, n1, n2, { lookMs: 50, connectMsMax: 300 });
    pair.child.kill('SIGSTOP');
    await until(() => pair.count('unlinked n2') === 1, 'it is given up');
    assert.match(pair.own.logged.find(({ text }) => text.includes('is gone'))?.text ?? '', /nothing moves/);
    await until(() => (pair.own.transport.links()[0]?.lastFailure ?? '').includes('no answer'), 'it does not answer');
    assert.equal(pair.count('linkRefused n2'), 0);
    pair.child.kill('SIGCONT');
    await until(() => pair.count('linked n2') >= 2, 'it is back');
  });
});
