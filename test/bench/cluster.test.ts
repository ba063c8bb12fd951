/** The nodes of `idle-groups`: what their links, stores and processes say is what happened. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FrameReader, packFrame } from '../../bench/cluster/frame-stream.ts';
import { startNodes } from '../../bench/cluster/spawn.ts';
import { UnixMesh } from '../../bench/cluster/unix-mesh.ts';
import { WatchedStore } from '../../bench/cluster/watched-store.ts';
import { until } from '../../bench/measure/wait.ts';
import { GroupHost } from '../../cluster/groups/host.ts';
import type { TransportEvents } from '../../cluster/mesh/transport.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { nodeId } from '../../runtime/base/ids.ts';
import { limits } from '../../runtime/base/limits.ts';
import { systemRandom } from '../../runtime/base/random.ts';
import { BodyTracker } from '../../runtime/store/bodies.ts';
import { LayeredStore } from '../../runtime/store/layered-store.ts';
import { MemoryStore } from '../../runtime/store/memory-store.ts';

const [ann, bob] = [nodeId('ann'), nodeId('bob')];
const waitMsMax = 20_000;

function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ringpost-bench-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

void test('frames: cut anywhere, or many in one piece, they come out as they went in', () => {
  const frames = [['control', { kind: 'ping', seq: 1 }] as const, ['log', [1, 'x'.repeat(3_000)]] as const];
  const bytes = Buffer.concat(frames.map(([lane, frame]) => packFrame(lane, frame)));
  for (const step of [1, 7, 1_024, bytes.length]) {
    const received: unknown[] = [];
    const reader = new FrameReader((lane, frame) => received.push([lane, frame]));
    for (let at = 0; at < bytes.length; at += step) reader.take(bytes.subarray(at, at + step));
    assert.deepEqual(received, frames, `in pieces of ${step}`);
  }
});

interface Heard {
  readonly mesh: UnixMesh;
  readonly events: string[];
}

async function openMesh(t: TestContext, directory: string, self = ann): Promise<Heard> {
  const mesh = new UnixMesh({ self, members: [ann, bob], directory, clock: systemClock });
  const events: string[] = [];
  const listener: TransportEvents = {
    received: (from, lane, frame) => events.push(`${from} ${lane} ${JSON.stringify(frame)}`),
    linked: (peer) => events.push(`linked ${peer}`),
    unlinked: (peer) => events.push(`unlinked ${peer}`),
    linkRefused: (peer) => events.push(`refused ${peer}`),
  };
  mesh.listen(listener);
  t.after(() => mesh.close());
  await mesh.open();
  return { mesh, events };
}

const heard = (of: Heard, event: string) => until(event, () => of.events.includes(event), waitMsMax);

void test('mesh: a frame reaches the peer under the name of who sent it, and counts as sent', async (t) => {
  const directory = temporaryDirectory(t);
  const [one, other] = [await openMesh(t, directory), await openMesh(t, directory, bob)];
  one.mesh.send(bob, 'log', ['lost, since there is no link']);
  assert.equal(one.mesh.sent.frames, 0);
  one.mesh.dial();
  await heard(one, 'linked bob');
  one.mesh.send(bob, 'log', [1, 'two']);
  await heard(other, 'ann log [1,"two"]');
  assert.deepEqual(one.mesh.sent, { frames: 1, bytes: packFrame('log', [1, 'two']).length });
  assert.deepEqual(other.events, ['ann log [1,"two"]'], 'the link is one way');
});

void test('mesh: a peer that is gone refuses the next link, and is linked again when it comes back', async (t) => {
  const directory = temporaryDirectory(t);
  const [one, other] = [await openMesh(t, directory), await openMesh(t, directory, bob)];
  one.mesh.dial();
  await heard(one, 'linked bob');
  other.mesh.close();
  await heard(one, 'refused bob');
  assert.deepEqual(one.events.slice(0, 3), ['linked bob', 'unlinked bob', 'refused bob']);
  assert.ok(!one.mesh.isLinked(bob));
  await openMesh(t, directory, bob);
  await until('linked again', () => one.mesh.isLinked(bob), waitMsMax);
});

void test('store: says how many votes and no-ops each transaction held', async () => {
  const tree = new WatchedStore(new MemoryStore(), systemClock);
  const store = new LayeredStore(tree);
  const transport = { listen: () => undefined, send: () => undefined, isLinked: () => false, bytesInFlight: () => 0 };
  const host = new GroupHost({
    ...{ self: ann, tree, store, bodies: new BodyTracker(store), shardCount: 5, transport, limits },
    ...{ clock: systemClock, random: systemRandom, observe: () => undefined, fatal: assert.ifError },
    configurationOf: () => ({ voters: [ann], learners: [], witness: null }),
    hearsLeader: () => false,
  });
  await host.drained();
  host.stop();
  const commits = tree.takeCommits();
  const said = commits.filter(({ votes, noops }) => votes + noops > 0).map(({ votes, noops }) => [votes, noops]);
  assert.deepEqual(said, [[5, 5]]);
  assert.deepEqual(tree.takeCommits(), [], 'told once');
  assert.equal(tree.oldestWriteMs, 0);
});

void test('nodes: groups are led where they should be, and those of a killed node go to the others', async (t) => {
  const nodes = await startNodes(3, 6, temporaryDirectory(t));
  t.after(async () => {
    for (const node of nodes) await node.stop();
  });
  const served = (of: typeof nodes) => Promise.all(of.map(async (node) => (await node.counts()).served));
  const isSpread = async (): Promise<boolean> => {
    for (const node of nodes) await node.spread();
    return (await served(nodes)).every((count) => count === 2);
  };
  await until('each serves two groups', isSpread, waitMsMax);
  const survivors = nodes.slice(1);
  await nodes[0]!.kill();
  const isWhole = async (): Promise<boolean> => (await served(survivors)).reduce((sum, count) => sum + count) === 6;
  await until('two serve all groups', isWhole, waitMsMax);
});
