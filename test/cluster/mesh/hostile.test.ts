/** Peers that are broken or hostile lose their link, and nothing else happens; strangers hold nobody up. */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { pack } from '../../../runtime/codec/codec.ts';
import { loopTurns } from '../../support/smtp-until.ts';
import { acquaint, linked, type MeshNode, MeshWorld, n1, n2, n3 } from './mesh-world.ts';
import { lanes, PlayedServer, type PlayedSocket } from './played-peers.ts';
import { until } from './until.ts';

/** A link that the test plays, beside a sound one that must survive whatever it does. */
async function beside(t: TestContext): Promise<{
  world: MeshWorld;
  b: MeshNode;
  c: MeshNode;
  link: Record<'control' | 'log' | 'bulk', PlayedSocket>;
}> {
  const world = new MeshWorld(t);
  const [b, c] = [await world.node(n2), await world.node(n3)];
  acquaint(b, c);
  await linked(b, c);
  const link = await (await world.played(n1)).link(b);
  await until(() => b.told.includes('linked n1'), 'the played link stands');
  return { world, b, c, link };
}

async function onlyThatLinkEnds({ b, c, link }: Awaited<ReturnType<typeof beside>>, pattern: RegExp): Promise<void> {
  await until(() => b.told.includes('unlinked n1'), 'its link is broken');
  for (const socket of Object.values(link)) await socket.closed();
  const line = b.logged.find(({ level, text }) => level === 'warn' && text.includes('the link with n1'));
  assert.match(line?.text ?? '', pattern);
  c.transport.send(n2, 'log', 'still here');
  await until(() => b.received.some(({ frame }) => frame === 'still here'), 'the sound link carries');
  assert.equal(b.told.includes('unlinked n3'), false);
}

/** Of a whole message (RFC 6455 §5.2); masked by zeros if a client sends it. */
function headOf(bytes: bigint, isMasked: boolean): Buffer {
  const head = Buffer.alloc(isMasked ? 14 : 10);
  head[0] = 0x82;
  head[1] = (isMasked ? 0x80 : 0) | 127;
  head.writeBigUInt64BE(bytes, 2);
  return head;
}

void describe('a peer that sends what cannot be', () => {
  for (const [name, bytes, pattern] of [
    ['lists 100,000 deep', new Uint8Array(100_000).fill(0x91), /deep/],
    ['a list of four billion values', Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff]), /a list of 4294967295/],
    ['garbage', Uint8Array.from([0xc1, 0xc1, 0xc1]), /kind 0xc1/],
    ['half a message', pack(['abcd']).subarray(0, 4), /too early/],
    ['a message that is no list', pack('hello'), /no list/],
    ['nothing at all', new Uint8Array(0), /too early/],
  ] as const) {
    void test(`${name}: its link is broken, with a line in the log`, async (t) => {
      const scene = await beside(t);
      scene.link.log.bytes(bytes);
      await onlyThatLinkEnds(scene, pattern);
    });
  }

  void test('a text instead of bytes: its link is broken', async (t) => {
    const scene = await beside(t);
    scene.link.log.ws.send('text');
    await onlyThatLinkEnds(scene, /message of text/);
  });

  for (const [name, bytes] of [
    ['1 GB', 1_000_000_000n],
    ['17 MiB', 17n * 1024n * 1024n],
  ] as const) {
    void test(`the head of a frame of ${name}: its link is broken before a byte of it is kept`, async (t) => {
      const scene = await beside(t);
      const { _socket: socket } = scene.link.bulk.ws as unknown as { _socket: Socket };
      socket.write(headOf(bytes, true));
      await onlyThatLinkEnds(scene, /Max payload size exceeded/);
    });

    void test(`the head of a frame of ${name} from a peer that was dialled: likewise`, async (t) => {
      const world = new MeshWorld(t);
      const a = await world.node(n1);
      const server = await PlayedServer.of(t, await world.played(n2));
      a.transport.peersAre([{ node: n2, addresses: [server.address] }]);
      await until(() => a.told.length === 1, 'it is linked');
      server.raw(headOf(bytes, false));
      await until(() => a.told.includes('unlinked n2'), 'its link is broken');
      assert.match(a.transport.links()[0]?.lastFailure ?? '', /Max payload size exceeded/);
    });
  }

  void test('whoever is told of a frame may break the link: the frames behind it are not told', async (t) => {
    const world = new MeshWorld(t);
    const [a, b] = [await world.node(n1), await world.node(n2)];
    acquaint(a, b);
    await linked(a, b);
    b.onFrame = () => b.transport.peersAre([]);
    for (let i = 0; i < 10; i++) a.transport.send(n2, 'log', i);
    await until(() => b.told.includes('unlinked n1'), 'it is broken');
    await loopTurns(20);
    assert.deepEqual(b.received.length, 1);
  });

  void test('frames before the link stands are kept until it does', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2);
    const peer = await world.played(n1);
    const sockets = [await peer.socket(b), await peer.socket(b), await peer.socket(b)] as const;
    const [control, log, bulk] = sockets;
    control.say({ kind: 'hello', hello: peer.hello('control') });
    log.say({ kind: 'hello', hello: peer.hello('log') });
    bulk.say({ kind: 'hello', hello: peer.hello('bulk') });
    for (const socket of sockets) await socket.heard(1);
    // The first ones come in one piece with what is before them.
    const { _socket: socket } = log.ws as unknown as { _socket: Socket };
    socket.cork();
    log.say({ kind: 'ready' });
    for (let i = 0; i < 10; i++) log.frames([i, 'small']);
    socket.uncork();
    // More than any buffer of the machine: what has not been read yet waits over there.
    const heap = new Uint8Array(1024 * 1024);
    for (let i = 10; i < 50; i++) log.frames([i, heap]);
    await loopTurns(500);
    assert.equal(log.ws.bufferedAmount > 20 * heap.length, true, `${log.ws.bufferedAmount} bytes wait`);
    control.say({ kind: 'ready' });
    await loopTurns(50);
    assert.deepEqual(b.told, []);
    bulk.say({ kind: 'ready' });
    await until(() => b.received.length === 50, 'all of them are here');
    assert.deepEqual(b.told, ['linked n1', 'received n1']);
    const order = b.received.map(({ frame }) => (frame as [number, Uint8Array])[0]);
    assert.deepEqual(
      order,
      Array.from({ length: 50 }, (_, i) => i),
    );
  });
});

void describe('a peer that does not do its part', () => {
  void test('it accepts and never reads: its link is broken when a bound of bytes waits for it', async (t) => {
    const scene = await beside(t);
    const { b, link } = scene;
    link.log.ws.pause();
    const frame = new Uint8Array(1024 * 1024);
    let sent = 0;
    while (b.transport.isLinked(n1) && sent++ < 200) {
      b.transport.send(n1, 'log', frame);
      assert.equal(b.transport.bytesInFlight(n1, 'log') <= 66 * 1024 * 1024, true);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    link.log.ws.resume();
    await onlyThatLinkEnds(scene, /does not read/);
    assert.equal(sent > 60, true, `${sent} MiB`);
  });

  void test('it says nothing after it was let in: its socket is closed', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2, { settings: { helloMsMax: 50 } });
    const socket = await (await world.played(n1)).socket(b);
    await socket.closed();
    assert.deepEqual(b.told, []);
  });

  void test('it opens two lanes and never the third: both are closed', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2, { settings: { helloMsMax: 50 } });
    const peer = await world.played(n1);
    const [control, log] = [await peer.socket(b), await peer.socket(b)];
    control.say({ kind: 'hello', hello: peer.hello('control') });
    log.say({ kind: 'hello', hello: peer.hello('log') });
    await control.closed();
    await log.closed();
    assert.deepEqual(b.told, []);
  });

  void test('it says hello and is never ready: nobody is told of a link', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2, { settings: { helloMsMax: 50 } });
    const peer = await world.played(n1);
    const sockets = [await peer.socket(b), await peer.socket(b), await peer.socket(b)];
    for (const [i, lane] of (['control', 'log', 'bulk'] as const).entries()) {
      sockets[i]!.say({ kind: 'hello', hello: peer.hello(lane) });
    }
    for (const socket of sockets) await socket.closed();
    assert.deepEqual(b.told, []);
  });

  void test('it opens one lane twice: refused', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2);
    const peer = await world.played(n1);
    const [one, two] = [await peer.socket(b), await peer.socket(b)];
    one.say({ kind: 'hello', hello: peer.hello('log') });
    two.say({ kind: 'hello', hello: peer.hello('log') });
    await one.closed();
    await two.closed();
    assert.equal(two.refusedWith ?? one.refusedWith, 'badHello');
  });

  void test('it opens sockets without end and says nothing: it has a few, and the newest', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2);
    const peer = await world.played(n1);
    const sockets: PlayedSocket[] = [];
    for (let i = 0; i < 10; i++) sockets.push(await peer.socket(b));
    await until(() => sockets.filter(({ isClosed }) => isClosed).length === 4, 'the oldest are closed');
    assert.deepEqual(
      sockets.map(({ isClosed }) => isClosed),
      [...Array(4).fill(true), ...Array(6).fill(false)],
    );
  });

  void test('it answers a dial with garbage instead of a hello: tried again, with a reason to show', async (t) => {
    const world = new MeshWorld(t);
    const a = await world.node(n1);
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 200 OK\r\n\r\n');
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    a.transport.peersAre([{ node: n2, addresses: [`127.0.0.1:${port}`] }]);
    await until(() => a.transport.links()[0]?.lastFailure !== null, 'it has failed');
    assert.deepEqual(a.told, []);
  });

  void test('it accepts a connection and says nothing: given up in time, and no refusal', async (t) => {
    const world = new MeshWorld(t);
    const a = await world.node(n1, { settings: { connectMsMax: 50 } });
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket));
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    a.transport.peersAre([{ node: n2, addresses: [`127.0.0.1:${port}`] }]);
    await until(() => sockets.length > 6, 'it tries again');
    assert.match(a.transport.links()[0]?.lastFailure ?? '', /no answer within 50 ms/);
    assert.deepEqual(a.told, []);
  });

  void test('it dies without a word: its next life takes the place of the half-open link', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2);
    const peer = await world.played(n1);
    const first = await peer.link(b, { linkId: 'first' });
    await until(() => b.told.length === 1, 'it is linked');
    for (const socket of Object.values(first)) socket.ws.pause();
    await peer.link(b, { linkId: 'second', incarnation: 2 });
    await until(() => b.told.length === 3, 'its next life is linked');
    assert.deepEqual(b.told, ['linked n1', 'unlinked n1', 'linked n1']);
    b.transport.send(n1, 'log', 'to the living');
    first.log.ws.resume();
    await first.log.closed();
    assert.equal(first.log.messages.includes('to the living'), false);
  });

  void test('one lane goes dead while the others live: the link is given up and made anew', async (t) => {
    const world = new MeshWorld(t);
    const settings = { lookMs: 50, silentLooksMax: 3 };
    const b = await world.node(n2, { settings });
    const peer = await world.played(n1);
    const link = await peer.link(b);
    await until(() => b.told.length === 1, 'it is linked');
    link.log.ws.pause();
    await until(() => b.told.includes('unlinked n1'), 'it is given up');
    assert.match(b.logged.at(-1)?.text ?? '', /nothing moves on its log lane/);
  });

  void test('a peer that takes a heap of bytes slowly is not taken for a dead one', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2, { settings: { lookMs: 100, silentLooksMax: 3 } });
    const link = await (await world.played(n1)).link(b);
    await until(() => b.told.length === 1, 'it is linked');
    const socketOf = ({ ws }: PlayedSocket): Socket => (ws as unknown as { _socket: Socket })._socket;
    let taken = 0;
    // A quarter of a megabyte, a pause, and so on. Meanwhile it says what it has taken, as a node does.
    socketOf(link.bulk).on('data', () => {
      if (socketOf(link.bulk).bytesRead - taken < 256 * 1024) return;
      taken = socketOf(link.bulk).bytesRead;
      link.bulk.ws.pause();
    });
    const goOn = setInterval(() => {
      link.bulk.ws.resume();
      link.log.ws.ping('');
      link.bulk.ws.ping('');
      link.control.ws.ping(lanes.map((lane) => socketOf(link[lane]).bytesRead).join(' '));
    }, 15);
    t.after(() => clearInterval(goOn));
    const startMs = performance.now();
    for (let i = 0; i < 8; i++) b.transport.send(n1, 'bulk', [i, new Uint8Array(7 * 1024 * 1024)]);
    await until(() => link.bulk.messages.length === 8 || b.told.length > 1, 'all of it is taken');
    if (b.told.length > 1) t.diagnostic(b.logged.at(-1)?.text ?? '');
    assert.deepEqual(b.told, ['linked n1']);
    assert.equal(performance.now() - startMs > 1_000, true, 'it took its time');
  });

  void test('one way of one lane goes dead, and the other lives: the link is given up', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2, { settings: { lookMs: 50, silentLooksMax: 3 } });
    const link = await (await world.played(n1)).link(b);
    await until(() => b.told.length === 1, 'it is linked');
    let read = 0;
    // It sends on each lane, and says that nothing comes to it on the log lane.
    const goOn = setInterval(() => {
      for (const lane of lanes) link[lane].ws.ping(lane === 'control' ? `${++read} 7 ${read}` : '');
    }, 10);
    t.after(() => clearInterval(goOn));
    await until(() => b.told.includes('unlinked n1'), 'it is given up');
    assert.match(b.logged.at(-1)?.text ?? '', /nothing moves on its log lane/);
  });

  void test('an idle link that lives is kept', async (t) => {
    const world = new MeshWorld(t);
    const settings = { lookMs: 100, silentLooksMax: 3 };
    const [a, b] = [await world.node(n1, { settings }), await world.node(n2, { settings })];
    acquaint(a, b);
    await linked(a, b);
    const startMs = performance.now();
    await until(() => performance.now() - startMs > 1_000, 'a second has passed');
    assert.deepEqual([a.told, b.told], [['linked n2'], ['linked n1']]);
  });
});
