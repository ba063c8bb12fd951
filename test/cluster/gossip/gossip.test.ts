/** Hints travel, the newest wins, and nobody can be silenced by them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type FirstHand, Gossip } from '../../../cluster/gossip/gossip.ts';
import { decodeNews, encodeNews, type NodeNews, newsMax } from '../../../cluster/gossip/news.ts';
import { type NodeId, nodeId } from '../../../runtime/base/ids.ts';
import { pack, unpack } from '../../../runtime/codec/codec.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const [n1, n2, n3] = [nodeId('n1'), nodeId('n2'), nodeId('n3')];

class World {
  readonly clock = new FakeClock();
  readonly nodes = new Map<NodeId, Gossip>();
  readonly changed: string[] = [];
  readonly refused: string[] = [];
  frames = 0;
  readonly #links = new Set<string>();
  readonly #hellos = new Map<NodeId, FirstHand>();
  #onTheWay: (() => void)[] = [];

  node(self: NodeId, incarnation = 1): Gossip {
    const gossip = new Gossip({
      self,
      incarnation,
      clock: this.clock,
      transport: {
        send: (to, _lane, frame) => {
          this.frames++;
          const bytes = pack(frame);
          this.#onTheWay.push(() => this.nodes.get(to)?.received(self, 'control', unpack(bytes)));
        },
      },
      helloOf: (peer) => (this.#links.has(`${self} ${peer}`) ? (this.#hellos.get(peer) ?? null) : null),
      changed: (node) => void this.changed.push(`${self}: ${node}`),
      refused: (from, reason) => void this.refused.push(`${from}: ${reason}`),
    });
    this.nodes.set(self, gossip);
    this.#hellos.set(self, { incarnation, address: `${self}-hello:1`, version: '1' });
    return gossip;
  }

  link(a: NodeId, b: NodeId): void {
    this.#links.add(`${a} ${b}`).add(`${b} ${a}`);
    this.nodes.get(a)?.linked(b);
    this.nodes.get(b)?.linked(a);
  }

  settle(): void {
    for (let i = 0; i < 20; i++) {
      for (const arrive of this.#onTheWay.splice(0)) arrive();
      this.clock.runSoon();
      this.clock.advance(100);
    }
  }
}

const newsOf = (of: Partial<NodeNews> = {}): NodeNews => {
  return { node: n3, incarnation: 1, seq: 1, address: 'n3:1', version: '1', load: 0, ...of };
};

void describe('gossip', () => {
  void test('what a node says of itself reaches those that it has no link to', () => {
    const world = new World();
    const [a, , c] = [world.node(n1), world.node(n2), world.node(n3)];
    world.link(n1, n2);
    world.link(n2, n3);
    c.say({ address: 'moved:9', version: '2', load: 7 });
    world.settle();
    assert.deepEqual(a.addressesOf(n3), ['moved:9']);
    assert.deepEqual([a.newsOf(n3)?.version, a.newsOf(n3)?.load], ['2', 7]);
    assert.equal(world.changed.includes('n1: n3'), true);
  });

  void test('a new link brings all that is known, and the address of the peer itself', () => {
    const world = new World();
    const [a, b] = [world.node(n1), world.node(n2)];
    a.received(n3, 'control', encodeNews([newsOf()]));
    world.settle();
    world.link(n1, n2);
    world.settle();
    assert.deepEqual(
      [b.addressesOf(n3), b.addressesOf(n1), a.addressesOf(n2)],
      [['n3:1'], ['n1-hello:1'], ['n2-hello:1']],
    );
  });

  void test('the newest wins, in whatever order news come: by incarnation, then by count', () => {
    const all = [
      newsOf({ incarnation: 2, seq: 1, address: 'new:1' }),
      newsOf({ seq: 9 }),
      newsOf({ seq: 10, address: 'old:1' }),
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
    ]) {
      const gossip = new World().node(n1);
      for (const at of order) gossip.received(n2, 'control', encodeNews([all[at]!]));
      assert.deepEqual(gossip.addressesOf(n3), ['new:1']);
    }
  });

  void test('the same again is no news, and settled nodes are silent', () => {
    const world = new World();
    const [a] = [world.node(n1), world.node(n2), world.node(n3)];
    world.link(n1, n2);
    world.link(n2, n3);
    world.link(n1, n3);
    a.say({ address: 'a:1', version: '1', load: 1 });
    world.settle();
    const { frames } = world;
    a.say({ address: 'a:1', version: '1', load: 1 });
    world.settle();
    assert.equal(world.frames, frames);
  });

  void test('many changes in a while leave in one frame', () => {
    const world = new World();
    const [a] = [world.node(n1), world.node(n2)];
    world.link(n1, n2);
    world.settle();
    const { frames } = world;
    for (let load = 1; load <= 50; load++) a.say({ address: 'a:1', version: '1', load });
    world.settle();
    assert.equal(world.frames, frames + 1);
    assert.equal(world.nodes.get(n2)?.newsOf(n1)?.load, 50);
  });

  void test('nobody tells a node about itself', () => {
    const world = new World();
    const a = world.node(n1, 3);
    a.say({ address: 'a:1', version: '1', load: 1 });
    a.received(n2, 'control', encodeNews([newsOf({ node: n1, incarnation: 99, address: 'lie:1' })]));
    assert.deepEqual(a.addressesOf(n1), ['a:1']);
  });

  void test('a lie about a node, however new it looks, ends when that node is linked', () => {
    const world = new World();
    const [a, , c] = [world.node(n1), world.node(n2), world.node(n3)];
    a.received(n2, 'control', encodeNews([newsOf({ incarnation: 1_000, address: 'lie:1' })]));
    assert.deepEqual(a.addressesOf(n3), ['lie:1']);
    world.link(n1, n3);
    assert.deepEqual(a.addressesOf(n3), ['n3-hello:1']);
    world.settle();
    a.received(n2, 'control', encodeNews([newsOf({ seq: 1_000_000, address: 'lie:2' })]));
    assert.deepEqual(a.addressesOf(n3), ['n3-hello:1']);
    c.say({ address: 'true:1', version: '1', load: 0 });
    world.settle();
    assert.deepEqual(a.addressesOf(n3), ['true:1']);
  });

  void test('a lie about the very life that is linked then ends too', () => {
    const world = new World();
    const [a] = [world.node(n1), world.node(n3)];
    a.received(n2, 'control', encodeNews([newsOf({ incarnation: 1, seq: 99, address: 'lie:1' })]));
    world.link(n1, n3);
    assert.deepEqual(a.addressesOf(n3), ['n3-hello:1']);
  });

  void test('the table has a bound, and members are kept before others', () => {
    const world = new World();
    const a = world.node(n1);
    a.say({ address: 'a:1', version: '1', load: 1 });
    a.membersAre([n1, n2, n3]);
    a.received(n2, 'control', encodeNews([newsOf()]));
    for (let i = 0; i < 200; i++) a.received(n2, 'control', encodeNews([newsOf({ node: nodeId(`x${i}`) })]));
    assert.equal(a.table().length, newsMax);
    assert.deepEqual([a.addressesOf(n3), a.addressesOf(n1), a.newsOf(nodeId('x0'))], [['n3:1'], ['a:1'], null]);
    a.membersAre(a.table().map(({ node }) => node));
    a.received(n2, 'control', encodeNews([newsOf({ node: nodeId('late') })]));
    assert.equal(a.newsOf(nodeId('late')), null);
  });

  void test('a frame that does not fit is refused as a whole', () => {
    const world = new World();
    const a = world.node(n1);
    const good = encodeNews([newsOf()])[1] as unknown[][];
    const wrong: unknown[] = [null, 7, [], [2, []], [1, 7], [1, Array.from({ length: 65 }, () => good[0])]];
    for (let at = 0; at < 6; at++) {
      for (const value of [null, {}, -1, 2 ** 60, 'x'.repeat(400), Number.NaN])
        wrong.push([1, [good[0]!.with(at, value)]]);
    }
    const fitting = wrong.filter((frame) => typeof decodeNews(frame) !== 'string');
    // A text of any length up to its bound fits where a text is meant, and a number of 0 or more where the load is.
    assert.deepEqual(fitting, [[1, [good[0]!.with(5, 2 ** 60)]]]);
    for (const frame of wrong.slice(0, 6)) a.received(n2, 'control', frame);
    assert.deepEqual([a.table(), world.refused.length], [[], 6]);
  });

  void test('whatever comes, it is never thrown at', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        decodeNews(value);
        decodeNews([1, value]);
        decodeNews([1, [value]]);
        decodeNews([1, [[value, value, value, value, value, value]]]);
      }),
    );
  });
});
