/** Bodies that do not fit into a frame: in pieces, whole or not at all, within bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyAssembly } from '../../../cluster/routing/body-assembly.ts';
import { BodySending } from '../../../cluster/routing/body-sending.ts';
import { kind } from '../../../cluster/routing/wire.ts';
import { inlineBytesMax, pieceBytes } from '../../../cluster/routing/wire-bodies.ts';
import type { Transport } from '../../../cluster/mesh/transport.ts';
import type { BodyAttachment } from '../../../runtime/actor/actor.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { codeOf, RoutingWorld } from './routing-world.ts';

function bodyOf(sizeBytes: number, fill: number): BodyAttachment {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 997) bytes[at] = fill + at;
  return { hash: bodyHash(bytes), bytes };
}

const n1 = nodeId('n1');
const n2 = nodeId('n2');

void test('a small body travels inside the call, a large one in pieces on the bulk lane, and both arrive whole', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  const bodies = [bodyOf(10_000, 1), bodyOf(3 * inlineBytesMax + 5, 2)];
  const asked = world.ask('n1', 0, { bodies });
  world.pass(30);
  assert.equal(codeOf(asked), 'ok');
  const taken = world.node('n2').taken[0]!.bodies;
  assert.deepEqual(
    taken.map(({ hash, bytes }) => [hash, bodyHash(bytes)]),
    bodies.map(({ hash }) => [hash, hash]),
  );
  const pieces = world.mesh.sent.filter(({ frame }) => (frame as unknown[])[0] === kind.piece);
  assert.equal(pieces.length, Math.ceil((3 * inlineBytesMax + 5) / pieceBytes));
  assert.ok(pieces.every(({ lane }) => lane === 'bulk'));
  assert.equal(world.node('n2').calls.assembly.bytesOf(n1), 0, 'nothing is kept of it');
});

void test('a link that is lost between the pieces: all of it is sent again, to whoever leads then', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.mesh.delayMs = () => 4;
  const body = bodyOf(24 * inlineBytesMax, 3);
  const asked = world.ask('n1', 0, { bodies: [body] });
  world.pass(6);
  assert.ok(world.node('n2').calls.assembly.bytesOf(n1) > 0);
  world.mesh.cut('n1', 'n2');
  world.pass(5);
  assert.equal(world.node('n2').calls.assembly.bytesOf(n1), 0, 'what came of it is gone with the link');
  assert.equal(world.node('n2').taken.length, 0);
  world.lead(0, 'n3');
  world.pass(50);
  assert.equal(codeOf(asked), 'ok');
  assert.equal(bodyHash(world.node('n3').taken[0]!.bodies[0]!.bytes), body.hash);
});

void test('a third node hands a large body on', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.mesh.cut('n1', 'n2');
  world.pass(5);
  const body = bodyOf(2 * inlineBytesMax, 4);
  const asked = world.ask('n1', 0, { bodies: [body] });
  world.pass(200);
  assert.equal(codeOf(asked), 'ok');
  assert.equal(bodyHash(world.node('n2').taken[0]!.bodies[0]!.bytes), body.hash);
});

void test('bytes that are not what their hash says never reach the engine', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  const { hash } = bodyOf(10, 1);
  const small = world.ask('n1', 0, { bodies: [{ hash, bytes: new Uint8Array(10) }] });
  const large = world.ask('n1', 0, { bodies: [{ hash, bytes: new Uint8Array(2 * inlineBytesMax) }] });
  world.pass(30);
  assert.deepEqual([codeOf(small), codeOf(large)], ['bodyBroken', 'bodyBroken']);
  assert.equal(world.node('n2').taken.length, 0);
});

void test('a call whose deadline passes between the pieces leaves nothing behind, here or there', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  const asked = world.ask('n1', 0, { bodies: [bodyOf(64 * inlineBytesMax, 5)], timeoutMs: 5 });
  world.pass(12);
  assert.equal(codeOf(asked), 'outcomeUnknown');
  assert.equal(world.node('n1').calls.size, 0);
  world.pass(10);
  assert.ok(world.mesh.sent.some(({ frame }) => (frame as unknown[])[0] === kind.piecesDropped));
  assert.ok(world.mesh.sent.length < 200, `${world.mesh.sent.length} of 256 pieces`);
  assert.equal(world.node('n2').calls.assembly.bytesOf(n1), 0);
  assert.equal(world.node('n2').taken.length, 0);
});

/** A transport that takes what the test lets it take. */
function slowTransport(room: { bytes: number }) {
  const sent: unknown[][] = [];
  const transport: Transport = {
    listen: () => undefined,
    send: (_to, _lane, frame) => {
      sent.push(frame as unknown[]);
      room.bytes += pieceBytes;
    },
    isLinked: () => true,
    bytesInFlight: () => room.bytes,
  };
  return { sent, transport };
}

void test('a peer that takes nothing is sent no more than a few pieces, and the rest once it takes them', () => {
  const clock = new FakeClock();
  const room = { bytes: 0 };
  const { sent, transport } = slowTransport(room);
  const sending = new BodySending(transport, clock);
  const body = bodyOf(16 * inlineBytesMax, 6);
  const read = (offset: number, length: number) => body.bytes.subarray(offset, offset + length);
  const told: boolean[] = [];
  const order = { to: n2, bodies: [{ hash: body.hash, sizeBytes: body.bytes.byteLength, read }] };
  const done = (isWhole: boolean): void => void told.push(isWhole);
  assert.ok(sending.send({ ...order, id: 1, isWanted: () => true, done }));
  const turn = (): void => {
    for (let i = 0; i < 20; i++) {
      clock.runSoon();
      clock.advance(3);
    }
  };
  turn();
  assert.ok(sent.length <= 18, `${sent.length} pieces`);
  assert.deepEqual(told, []);
  for (let i = 0; i < 5; i++) {
    room.bytes = 0;
    turn();
  }
  assert.deepEqual(told, [true]);
  assert.equal(sent.length, 64);
});

void test('what nobody waits for any more is not sent to its end, and what does not fit behind it is refused', () => {
  const clock = new FakeClock();
  const room = { bytes: 0 };
  const { sent, transport } = slowTransport(room);
  const sending = new BodySending(transport, clock);
  const sizeBytes = 100 * 1024 * 1024;
  const source = { hash: 'h', sizeBytes, read: (_at: number, length: number) => new Uint8Array(length) };
  let isWanted = true;
  const order = { to: n2, bodies: [source], isWanted: () => isWanted, done: () => undefined };
  assert.ok(sending.send({ ...order, id: 1 }));
  assert.equal(sending.send({ ...order, id: 2 }), false);
  isWanted = false;
  room.bytes = 0;
  for (let i = 0; i < 5; i++) {
    clock.runSoon();
    clock.advance(3);
  }
  assert.equal(sent.at(-1)?.[0], kind.piecesDropped);
  assert.ok(sent.length < 12);
  assert.ok(sending.send({ ...order, id: 3 }), 'there is room again');
});

void test('what one peer may fill is bounded: the body that does not fit is refused as busy, and frees itself', () => {
  const assembly = new BodyAssembly(new FakeClock());
  const sizeBytes = 60 * 1024 * 1024;
  const piece = (hash: string) => ({ hash, sizeBytes, offset: 0, bytes: new Uint8Array(1) });
  assembly.take(n1, 1, piece('a'));
  assembly.take(n1, 2, piece('b'));
  assembly.take(n1, 3, piece('c'));
  const told: unknown[] = [];
  assembly.want(n1, 3, { bodies: [{ hash: 'c', sizeBytes }], timeoutMs: 1_000 }, (assembled) => told.push(assembled));
  assert.equal((told[0] as { code: string }).code, 'busy');
  assert.equal(assembly.bytesOf(n1), 2 * sizeBytes);
  assembly.dropped(n1, 1);
  assembly.unlinked(n1);
  assert.equal(assembly.bytesOf(n1), 0);
});

void test('pieces out of order, too many bytes, another size: the body is broken, and its peer is told on', () => {
  const hash = 'a';
  const first = { hash, sizeBytes: 10, offset: 0, bytes: new Uint8Array(5) };
  const wrong = [
    { ...first, offset: 6 },
    { ...first, offset: 5, bytes: new Uint8Array(6) },
    { ...first, offset: 5, sizeBytes: 11 },
  ];
  for (const second of wrong) {
    const assembly = new BodyAssembly(new FakeClock());
    assembly.take(n1, 1, first);
    assert.throws(() => assembly.take(n1, 1, second), { code: 'frameRefused' });
    const told: unknown[] = [];
    assembly.want(n1, 1, { bodies: [{ hash, sizeBytes: 10 }], timeoutMs: 1_000 }, (of) => told.push(of));
    assert.equal((told[0] as { code: string }).code, 'bodyBroken');
  }
});

void test('pieces that nobody names are gone after a while', () => {
  const clock = new FakeClock();
  const assembly = new BodyAssembly(clock);
  assembly.take(n1, 1, { hash: 'a', sizeBytes: 10, offset: 0, bytes: new Uint8Array(5) });
  assert.equal(assembly.bytesOf(n1), 10);
  clock.advance(70_000);
  assert.equal(assembly.bytesOf(n1), 0);
  assert.equal(clock.alarms, 0);
});
