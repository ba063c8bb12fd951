/** A body that is not here is read from the others: whole and right, or not at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId } from '../../../runtime/base/ids.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { ReadingWorld } from './reading-world.ts';

const mebibyte = 1024 * 1024;

function bytesOf(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => (at * 7) % 251);
}

void test('a body of any size is read from whoever has it, in pieces, and a part of it too', async () => {
  const world = new ReadingWorld(['n1', 'n2', 'n3']);
  for (const sizeBytes of [0, 1, 1_000, mebibyte, 2 * mebibyte + 17]) {
    const bytes = bytesOf(sizeBytes);
    const hash = bodyHash(bytes);
    world.nodes[2]!.bodies.set(hash, bytes);
    const whole = await world.until(world.nodes[0]!.remote.read(hash, undefined));
    assert.equal(bodyHash(whole), hash, `${sizeBytes} bytes`);
    for (const [offset, length] of [
      [0, 10],
      [500, 700],
      [sizeBytes, 5],
      [0, sizeBytes],
      [1, 3 * mebibyte],
    ] as const) {
      const part = await world.until(world.nodes[0]!.remote.read(hash, { offset, length }));
      assert.equal(Buffer.compare(part, bytes.subarray(offset, offset + length)), 0, `${offset}, ${length}`);
    }
  }
});

void test('a node that dies between the pieces: the next one is asked', async () => {
  const world = new ReadingWorld(['n1', 'n2', 'n3']);
  const bytes = bytesOf(4 * mebibyte);
  const hash = bodyHash(bytes);
  for (const node of world.nodes.slice(1)) node.bodies.set(hash, bytes);
  const reading = world.nodes[0]!.remote.read(hash, undefined);
  world.clock.after(3, () => world.mesh.cut('n1', 'n2'));
  assert.equal(bodyHash(await world.until(reading)), hash);
  assert.ok(world.nodes[1]!.reads > 0 && world.nodes[2]!.reads > 0);
});

void test('wrong bytes and rotten rows are passed over', async () => {
  const world = new ReadingWorld(['n1', 'n2', 'n3', 'n4']);
  const bytes = bytesOf(5_000);
  const hash = bodyHash(bytes);
  world.nodes[1]!.bodies.set(hash, new Uint8Array(5_000));
  world.nodes[2]!.bodies.set(hash, bytes);
  world.nodes[2]!.rotten.add(hash);
  world.nodes[3]!.bodies.set(hash, bytes);
  assert.equal(bodyHash(await world.until(world.nodes[0]!.remote.read(hash, undefined))), hash);
});

void test('a body is missing only when every other member says so; else it may be back with them', async () => {
  const world = new ReadingWorld(['n1', 'n2', 'n3']);
  const hash = bodyHash(bytesOf(9));
  await assert.rejects(world.until(world.nodes[0]!.remote.read(hash, undefined)), { code: 'bodyMissing' });
  world.mesh.cut('n1', 'n3');
  world.clock.advance(5);
  await assert.rejects(world.until(world.nodes[0]!.remote.read(hash, undefined)), {
    code: 'bodyElsewhere',
    transient: true,
  });
});

void test('a node that does not answer costs some seconds, and one that is dead none', async () => {
  const world = new ReadingWorld(['n1', 'n2', 'n3']);
  const bytes = bytesOf(100);
  const hash = bodyHash(bytes);
  world.nodes[2]!.bodies.set(hash, bytes);
  world.mesh.stall('n1', 'n2');
  const beforeMs = world.clock.monotonicMs();
  await world.until(world.nodes[0]!.remote.read(hash, undefined));
  assert.ok(world.clock.monotonicMs() - beforeMs >= 5_000);
  world.dead.add(nodeId('n2'));
  const againMs = world.clock.monotonicMs();
  await world.until(world.nodes[0]!.remote.read(hash, undefined));
  assert.ok(world.clock.monotonicMs() - againMs < 100);
});
