/** Nodes that tell each other of bodies and lists, over a fake mesh; what each has is the test's word. */
import { Gathering } from '../../../cluster/routing/gathering.ts';
import { PeerCalls } from '../../../cluster/routing/peer-calls.ts';
import { RemoteBodies } from '../../../cluster/routing/remote-bodies.ts';
import { type OperationError, refused } from '../../../runtime/base/errors.ts';
import { nodeId, type NodeId, type ShardId } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeMesh } from './fake-mesh.ts';

export const shardCount = 4;

export class ReadingNode {
  readonly id: NodeId;
  readonly remote: RemoteBodies;
  readonly gathering: Gathering;
  readonly bodies = new Map<string, Uint8Array>();
  /** Bodies whose rows here are rotten. */
  readonly rotten = new Set<string>();
  readonly serves = new Set<number>();
  readonly refusedFrames: string[] = [];
  inspected: { readonly topic: string; readonly argument: unknown }[] = [];
  /** What is known here, by topic. */
  readonly answers = new Map<string, (argument: unknown) => unknown>();
  reads = 0;

  constructor(world: ReadingWorld, name: string, names: readonly string[]) {
    this.id = nodeId(name);
    const { mesh, clock } = world;
    const members = (): NodeId[] => names.filter((other) => other !== name).map(nodeId);
    const calls = new PeerCalls({
      ...{ transport: mesh.transport(name), clock, limits },
      reports: { refusedFrame: (_from, error) => void this.refusedFrames.push((error as OperationError).code) },
    });
    const isAlive = (node: NodeId): boolean => !world.dead.has(node);
    this.remote = new RemoteBodies({
      ...{ calls, isAlive, members },
      sizeHere: (hash) => this.bodies.get(hash)?.byteLength,
      readHere: (hash, range) => Promise.resolve().then(() => this.#read(hash, range)),
    });
    this.gathering = new Gathering({
      ...{ self: this.id, calls, clock, shardCount, isAlive, members },
      serves: (shard) => this.serves.has(shard),
      leaderOf: (shard) => world.leaders.get(shard) ?? null,
      inspectHere: (topic, argument) => Promise.resolve().then(() => this.#inspect(topic, argument)),
      alsoAsked: new Set(['status']),
    });
  }

  #read(hash: string, { offset, length }: { offset: number; length: number }): Uint8Array {
    this.reads++;
    const bytes = this.bodies.get(hash);
    if (bytes === undefined) throw refused('bodyMissing', 'there is no such body');
    if (this.rotten.has(hash)) throw refused('bodyDamaged', 'it fails its checksum');
    return bytes.slice(offset, offset + length);
  }

  #inspect(topic: string, argument: unknown): unknown {
    this.inspected.push({ topic, argument });
    const answer = this.answers.get(topic);
    if (answer === undefined) throw refused('unknownTopic', `there is no topic ${topic}`);
    return answer(argument);
  }
}

export class ReadingWorld {
  readonly clock = new FakeClock();
  readonly mesh = new FakeMesh(this.clock);
  readonly nodes: readonly ReadingNode[];
  readonly dead = new Set<NodeId>();
  readonly leaders = new Map<ShardId, NodeId>();

  constructor(names: readonly string[]) {
    this.nodes = names.map((name) => new ReadingNode(this, name, names));
    this.mesh.linkAll();
  }

  lead(shard: number, name: string | null): void {
    for (const { id, serves } of this.nodes) {
      if (id === name) serves.add(shard);
      else serves.delete(shard);
    }
    if (name !== null) this.leaders.set(shard as ShardId, nodeId(name));
  }

  /** Time goes on until it is settled; fails with it. */
  async until<T>(promise: Promise<T>, msMax = 60_000): Promise<T> {
    const state = { isOver: false };
    const over = (): void => {
      state.isOver = true;
    };
    promise.then(over, over);
    for (let ms = 0; ms < msMax && !state.isOver; ms++) {
      for (let job = 0; job < 8; job++) await Promise.resolve();
      this.clock.runSoon();
      this.clock.advance(1);
    }
    return await promise;
  }
}
