/** Who is not linked with, over real sockets: each with a code that says why, on both sides, and one line in the log. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodeRecord } from '../../../cluster/metadata/protocol.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';
import { acquaint, Authority, linked, type MeshNode, MeshWorld, n1, n2, n3 } from './mesh-world.ts';
import { until } from './until.ts';

const removed =
  (node: NodeId) =>
  (asked: NodeId): Pick<NodeRecord, 'state' | 'started'> | null =>
    asked === node ? { state: 'removed', started: null } : null;

const lastOf = (node: MeshNode, of: string): string | undefined => {
  const refusal = node.transport.refusals().find((one) => one.of === of);
  return refusal === undefined ? undefined : `${refusal.code} by ${refusal.by}`;
};

void describe('refused links', () => {
  void test('a stranger without a certificate finds the mesh closed', async (t) => {
    const world = new MeshWorld(t);
    const a = await world.node(n1);
    const stranger = await world.played(n2);
    Object.assign(stranger.identity, { certificatePem: undefined, keyPem: undefined });
    await assert.rejects(stranger.socket(a), /403/);
    assert.equal(lastOf(a, '127.0.0.1'), 'foreignCertificate by us');
    assert.deepEqual(a.told, []);
  });

  void test('a node with a certificate of another authority finds the mesh closed', async (t) => {
    const world = new MeshWorld(t);
    const a = await world.node(n1);
    const stranger = await world.played(n2, { authority: await Authority.make() });
    Object.assign(stranger.identity, { caPem: (await world.authority()).certificate });
    await assert.rejects(stranger.socket(a), /403/);
    assert.equal(lastOf(a, '127.0.0.1'), 'foreignCertificate by us');
  });

  void test('two clusters pointed at each other: refused on both sides, with one line each, however often they try', async (t) => {
    const world = new MeshWorld(t);
    const settings = { refusedRetryMs: 10 };
    const a = await world.node(n1, { settings });
    const b = await world.node(n2, { authority: await Authority.make('c2'), clusterId: 'c2', settings });
    acquaint(a, b);
    await until(() => (a.transport.refusals()[0]?.times ?? 0) > 5, 'they keep trying');
    assert.equal(lastOf(a, 'n2'), 'foreignCertificate by us');
    await until(() => b.transport.refusals().length > 0, 'the other side sees it too');
    // It does not dial, but says where it is, and is shown a certificate there.
    assert.equal(lastOf(b, 'n1'), 'foreignCertificate by us');
    for (const { logged } of [a, b]) assert.equal(logged.filter(({ code }) => code === 'foreignCertificate').length, 1);
    assert.deepEqual([a.told, b.told], [[], []]);
  });

  void test('a node that says it is another than its certificate does is refused', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2);
    const peer = await world.played(n1);
    const socket = await peer.socket(b);
    socket.say({ kind: 'hello', hello: peer.hello('control', { node: n3 }) });
    await socket.closed();
    assert.deepEqual([socket.refusedWith, lastOf(b, 'n1')], ['wrongName', 'wrongName by us']);
  });

  void test('whoever is dialled must be who is meant, wherever it is', async (t) => {
    const world = new MeshWorld(t);
    const [a, c] = [await world.node(n1), await world.node(n3)];
    a.transport.peersAre([{ node: n2, addresses: [c.address] }]);
    await until(() => lastOf(a, 'n2') !== undefined, 'it is refused');
    assert.equal(lastOf(a, 'n2'), 'wrongName by us');
    assert.match(a.transport.links()[0]?.lastRefusal?.text ?? '', /^n2 was looked for at .* and n3 is there/);
  });

  void test('a node that lies about its name is refused by its certificate, whatever it says', async (t) => {
    const world = new MeshWorld(t);
    const identity = await (await world.authority()).identityOf(n3);
    const [a, liar] = [await world.node(n1), await world.node(n2, { identity })];
    a.transport.peersAre([{ node: n2, addresses: [liar.address] }]);
    await until(() => lastOf(a, 'n2') !== undefined, 'it is refused');
    assert.equal(lastOf(a, 'n2'), 'wrongName by us');
  });

  void test('another node where the one that is meant only may be is no refusal', async (t) => {
    const world = new MeshWorld(t);
    const [a, b, c] = [await world.node(n1), await world.node(n2), await world.node(n3)];
    await b.transport.close();
    a.transport.peersAre([{ node: n2, addresses: [b.address], elsewhere: [c.address] }]);
    await until(() => a.told.filter((line) => line === 'linkRefused n2').length > 1, 'both places were tried');
    assert.deepEqual(a.transport.refusals(), []);
  });

  void test('a removed node is refused and hears it, whichever of the two dials', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2, { known: removed(n1) })];
    acquaint(a, b);
    await until(() => lastOf(a, 'n2') === 'nodeRemoved by them', 'the dialler hears it');
    assert.equal(lastOf(b, 'n1'), 'nodeRemoved by us');
    assert.deepEqual([a.told, b.told], [[], []]);

    const other = new MeshWorld(t);
    const [c, d] = [await other.node(n1, { known: removed(n2) }), await other.node(n2)];
    acquaint(c, d);
    await until(() => lastOf(d, 'n1') === 'nodeRemoved by them', 'the accepter hears it');
    assert.equal(lastOf(c, 'n2'), 'nodeRemoved by us');
    assert.deepEqual([c.told, d.told], [[], []]);
  });

  void test('a node that is removed while it is linked, and was never listed here, is cut', async (t) => {
    const world = new MeshWorld(t);
    const state: { known: Pick<NodeRecord, 'state' | 'started'> | null } = { known: null };
    const [a, b] = [await world.node(n1), await world.node(n2, { known: () => state.known })];
    a.transport.peersAre([{ node: n2, addresses: [b.address] }]);
    await linked(a, b);
    state.known = { state: 'removed', started: null };
    b.transport.peersAre([]);
    await until(() => b.told.includes('unlinked n1'), 'it is cut');
    await until(() => lastOf(a, 'n2') === 'nodeRemoved by them', 'and hears why when it comes again');
  });

  void test('another cluster id or generation under the same authority is refused', async (t) => {
    const world = new MeshWorld(t);
    const [a, b, c] = [
      await world.node(n1),
      await world.node(n2, { clusterId: 'c2' }),
      await world.node(n3, { generation: 2 }),
    ];
    acquaint(a, b, c);
    await until(() => a.transport.refusals().length === 2, 'both are refused');
    assert.deepEqual([lastOf(a, 'n2'), lastOf(a, 'n3')], ['otherCluster by them', 'otherGeneration by them']);
  });

  void test('an older disk is refused by whoever has seen the newer one', async (t) => {
    const world = new MeshWorld(t);
    const marks = [3, 2, 1].map((number) => ({ number, nonce: `x${number}` }));
    const [a, b] = [await world.node(n1), await world.node(n2, { marks })];
    acquaint(a, b);
    await linked(a, b);
    await b.transport.close();
    await until(() => a.told.includes('linkRefused n2'), 'it is gone');
    const old = await world.node(n2, { incarnation: 2, marks: [{ number: 2, nonce: 'put back' }], port: b.place.port });
    await until(() => lastOf(a, 'n2') === 'diskOlder by us', 'it is refused');
    await until(() => lastOf(old, 'n1') === 'diskOlder by them', 'and hears it');
    assert.equal(a.transport.isLinked(n2), false);
  });

  void test('an older life is refused while the newer one is linked; a newer one takes its place', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2);
    const peer = await world.played(n1);
    const second = await peer.link(b, { incarnation: 2, linkId: 'second' });
    await until(() => b.told.length === 1, 'the second life is linked');
    const first = await peer.socket(b);
    first.say({ kind: 'hello', hello: peer.hello('control', { incarnation: 1, linkId: 'first' }) });
    await first.closed();
    assert.equal(first.refusedWith, 'olderIncarnation');
    assert.deepEqual(b.told, ['linked n1']);
    await peer.link(b, { incarnation: 3, linkId: 'third' });
    await until(() => b.told.length === 3, 'the third life is linked');
    assert.deepEqual(b.told, ['linked n1', 'unlinked n1', 'linked n1']);
    for (const socket of Object.values(second)) await socket.closed();
  });

  void test('the node whose turn it is not to dial is refused', async (t) => {
    const world = new MeshWorld(t);
    const a = await world.node(n1);
    const peer = await world.played(n2);
    const socket = await peer.socket(a);
    socket.say({ kind: 'hello', hello: peer.hello('control') });
    await socket.closed();
    assert.equal(socket.refusedWith, 'badHello');
  });

  void test('a node whose certificate the other side does not take hears that it is its own that is wrong', async (t) => {
    const world = new MeshWorld(t);
    const [authority, other] = [await world.authority(), await Authority.make()];
    const identity = { ...(await other.identityOf(n1)), caPem: authority.certificate };
    const [a, b] = [await world.node(n1, { identity }), await world.node(n2)];
    a.transport.peersAre([{ node: n2, addresses: [b.address] }]);
    await until(() => lastOf(a, 'n2') !== undefined, 'it is refused');
    assert.equal(lastOf(a, 'n2'), 'certificateRefused by them');
    assert.equal(lastOf(b, '127.0.0.1'), 'foreignCertificate by us');
  });

  void test('an expired certificate is told from a foreign one', async (t) => {
    const world = new MeshWorld(t);
    const authority = await world.authority();
    const longAgo = Date.now() - 100 * 86_400_000;
    const b = await world.node(n2, { identity: await authority.identityOf(n2, longAgo, 30) });
    const a = await world.node(n1);
    a.transport.peersAre([{ node: n2, addresses: [b.address] }]);
    await until(() => lastOf(a, 'n2') !== undefined, 'it is refused');
    assert.equal(lastOf(a, 'n2'), 'certificateTime by us');
  });

  void test('once linked, a refusal is forgotten', async (t) => {
    const world = new MeshWorld(t);
    const state: { known: Pick<NodeRecord, 'state' | 'started'> | null } = {
      known: {
        state: 'member',
        started: { incarnation: 5, mark: { number: 1, nonce: 'first' }, atMs: 0, version: '' },
      },
    };
    const a = await world.node(n1, { known: () => state.known, settings: { refusedRetryMs: 10 } });
    const b = await world.node(n2);
    acquaint(a, b);
    await until(() => lastOf(a, 'n2') === 'olderIncarnation by us', 'it is refused');
    state.known = null;
    await linked(a, b);
    assert.deepEqual(
      a.transport.links().map(({ lastRefusal, lastFailure }) => [lastRefusal, lastFailure]),
      [[null, null]],
    );
  });
});
