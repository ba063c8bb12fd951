/** Links come, go and come again; what is sent arrives in order, at most once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loopTurns } from '../../support/smtp-until.ts';
import { acquaint, Authority, linked, type MeshNode, MeshWorld, n1, n2, n3 } from './mesh-world.ts';
import { lanes } from './played-peers.ts';
import { until } from './until.ts';

const framesOf = (node: MeshNode): unknown[] => node.received.map(({ frame }) => frame);

void describe('links', () => {
  void test('two nodes that know of each other link, whoever comes first', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(b, a);
    await linked(a, b);
    assert.equal(a.transport.isLinked(n2) && b.transport.isLinked(n1), true);
    assert.deepEqual([a.told, b.told], [['linked n2'], ['linked n1']]);
    assert.equal(a.transport.helloOf(n2)?.version, '1.2.3');
  });

  void test('frames of all lanes arrive, in the order of each', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    for (let i = 0; i < 1_000; i++) for (const lane of lanes) a.transport.send(n2, lane, [lane, i]);
    await until(() => b.received.length === 3_000, 'all of them are here');
    for (const lane of lanes) {
      const got = b.received.filter((one) => one.lane === lane).map(({ frame }) => frame);
      assert.deepEqual(
        got,
        Array.from({ length: 1_000 }, (_, i) => [lane, i]),
      );
    }
    assert.equal(
      b.received.every(({ from }) => from === n1),
      true,
    );
  });

  void test('frames that are sent without a pause between leave as one message', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    for (let i = 0; i < 50; i++) a.transport.send(n2, 'log', i);
    await until(() => b.received.length === 50, 'all of them are here');
    const { log } = b.transport.stats().lanes;
    assert.deepEqual([log.framesIn, log.messagesIn, a.transport.stats().lanes.log.messagesOut], [50, 1, 1]);
  });

  void test('plain data of every kind arrives as it was sent, and may be changed after', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    const bytes = new Uint8Array([1, 2, 3]);
    const frame: unknown[] = ['é', -1, 2 ** 40, 1.5, true, null, { key: [undefined, ''] }, bytes, [[[[]]]]];
    a.transport.send(n2, 'control', frame);
    bytes[0] = 9;
    await until(() => b.received.length === 1, 'it is here');
    const [is] = framesOf(b) as [unknown[]];
    assert.deepEqual(is.with(7, [...(is[7] as Uint8Array)]), frame.with(7, [1, 2, 3]));
  });

  void test('frames of many megabytes arrive, and small ones of another lane are not held up by them', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    const large = new Uint8Array(8 * 1024 * 1024).map((_, i) => i * 7);
    for (let i = 0; i < 2; i++) a.transport.send(n2, 'bulk', [i, large]);
    a.transport.send(n2, 'control', 'small');
    assert.equal(a.transport.bytesInFlight(n2, 'bulk') > 8 * 1024 * 1024, true);
    await until(() => b.received.length === 3, 'all of them are here');
    assert.equal(b.received[0]?.lane, 'control');
    const bodies = b.received.slice(1).map(({ frame }) => frame as [number, Uint8Array]);
    assert.deepEqual(
      bodies.map(([i]) => i),
      [0, 1],
    );
    assert.equal(
      bodies.every(([, is]) => Buffer.compare(is, large) === 0),
      true,
    );
    await until(() => a.transport.bytesInFlight(n2, 'bulk') === 0, 'nothing is in flight');
  });

  void test('a frame that is larger than a peer takes ends the link, and the next link is sound', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    a.transport.send(n2, 'bulk', new Uint8Array(17 * 1024 * 1024));
    assert.deepEqual([a.told, a.transport.isLinked(n2)], [['linked n2'], false]);
    await until(() => a.told.length === 3 && b.told.length === 3, 'they link again');
    assert.deepEqual(a.told, ['linked n2', 'unlinked n2', 'linked n2']);
  });

  void test('a peer that ends in order is told of by a break, then by a refusal, and nothing it sent before is lost', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    for (let i = 0; i < 200; i++) b.transport.send(n1, 'log', i);
    await b.transport.close();
    await until(() => a.told.includes('linkRefused n2'), 'nobody listens');
    assert.equal(a.received.length, 200);
    assert.deepEqual(a.told.slice(0, 4), ['linked n2', 'received n2', 'unlinked n2', 'linkRefused n2']);
    assert.deepEqual(b.told, ['linked n1']);
  });

  void test('the side that does not dial hears of a refusal too', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    await a.transport.close();
    await until(() => b.told.includes('linkRefused n1'), 'nobody listens');
    assert.deepEqual(b.told.slice(0, 3), ['linked n1', 'unlinked n1', 'linkRefused n1']);
  });

  void test('after `close` nobody is told anything, whatever was on its way', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    for (let i = 0; i < 5_000; i++) a.transport.send(n2, 'log', i);
    await until(() => b.received.length > 0, 'some are here');
    const closed = b.transport.close();
    const count = b.told.length + b.received.length;
    await closed;
    await loopTurns(100);
    assert.equal(b.told.length + b.received.length, count);
    b.transport.send(n1, 'log', 'nobody hears this');
    assert.equal(b.transport.isLinked(n1), false);
  });

  void test('a peer that comes back links again by itself, at its old place', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    await b.transport.close();
    await until(() => a.told.includes('linkRefused n2'), 'nobody listens');
    const again = await world.node(n2, { incarnation: 2, port: b.place.port });
    again.transport.peersAre([{ node: n1, addresses: [a.address] }]);
    await until(() => a.transport.helloOf(n2)?.incarnation === 2, 'the new life is linked');
    a.transport.send(n2, 'control', 'hello again');
    await until(() => again.received.length === 1, 'it hears');
  });

  void test('each known address is tried in turn, and a refusal counts only when all of them refuse', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    const gone = await world.node(n3);
    await gone.transport.close();
    a.transport.peersAre([{ node: n2, addresses: [gone.address, b.address] }]);
    await until(() => a.transport.isLinked(n2), 'it is found at the second');
    assert.deepEqual(a.told, ['linked n2']);
  });

  void test('a peer that moved and waits to be dialled knocks, and is dialled at its new place', async (t) => {
    const world = new MeshWorld(t);
    const [a, gone] = [await world.node(n1), await world.node(n3)];
    await gone.transport.close();
    const b = await world.node(n2, { settings: { knockMsMin: 20 } });
    a.transport.peersAre([{ node: n2, addresses: [gone.address] }]);
    await until(() => a.told.includes('linkRefused n2'), 'nobody listens at the old place');
    b.transport.peersAre([{ node: n1, addresses: [a.address] }]);
    await linked(a, b);
  });

  void test('a fixed place is where a peer is dialled, whatever it says of itself', async (t) => {
    const world = new MeshWorld(t);
    const [a, gone] = [await world.node(n1), await world.node(n3)];
    await gone.transport.close();
    const b = await world.node(n2, { settings: { knockMsMin: 20, knockMsMax: 20 } });
    a.transport.peersAre([{ node: n2, addresses: [gone.address], isFixed: true }]);
    b.transport.peersAre([{ node: n1, addresses: [a.address] }]);
    await until(() => a.told.filter((line) => line === 'linkRefused n2').length > 3, 'it keeps to that place');
    assert.equal(a.transport.isLinked(n2), false);
  });

  void test('a node that is in no list yet gets its link, as long as it holds a certificate', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    a.transport.peersAre([{ node: n2, addresses: [b.address] }]);
    await linked(a, b);
    assert.deepEqual(
      b.transport.links().map(({ node, isListed }) => [node, isListed]),
      [[n1, false]],
    );
    b.transport.peersAre([{ node: n1, addresses: [a.address] }]);
    await loopTurns(20);
    assert.deepEqual([b.told, b.transport.links()[0]?.isListed], [['linked n1'], true]);
  });

  void test('a peer that is no longer in the list is cut', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    a.transport.peersAre([]);
    assert.equal(a.transport.isLinked(n2), false);
    await until(() => a.told.length === 2, 'it is told');
    assert.deepEqual([a.told, a.transport.links()], [['linked n2', 'unlinked n2'], []]);
  });

  void test('a new certificate is taken up without a restart, and links that stand stay', async (t) => {
    const world = new MeshWorld(t);
    const [a, b, c] = [await world.node(n1), await world.node(n2), await world.node(n3)];
    acquaint(a, b);
    await linked(a, b);
    a.identity = await (await Authority.make()).identityOf(n1);
    a.transport.identityChanged();
    a.transport.peersAre([
      { node: n2, addresses: [b.address] },
      { node: n3, addresses: [c.address] },
    ]);
    await until(() => a.transport.refusals().length > 0, 'it shows the new one');
    assert.equal(a.transport.refusals()[0]?.code, 'foreignCertificate');
    a.transport.send(n2, 'log', 'still here');
    await until(() => b.received.length === 1, 'the old link carries');
  });
});
