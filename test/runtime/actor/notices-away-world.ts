/** An actor that tells and one that hears, whose shards two nodes lead: the stage of `notices-away.test.ts`. */
import assert from 'node:assert/strict';
import { type ActorKind, defineActor, type Protocol } from '../../../runtime/actor/actor.ts';
import { below, keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { type ReplicaNode, Replicas, type ReplicasOptions } from './replicas-world.ts';

interface NoteProtocol extends Protocol {
  notice: { readonly kind: 'note'; readonly n: number };
}

const listeners = defineActor<NoteProtocol>('listener');
/** Set by a test: the next notices throw. */
export const sick = new Set<string>();

/** Remembers what it was told, in order. */
const listener: ActorKind<NoteProtocol> = {
  kind: 'listener',
  rowVersion: 1,
  command: () => null,
  query: (view) => view.get<number[]>(['heard']) ?? [],
  notice(turn, { n }) {
    if (sick.has(turn.key)) throw new Error('too sick for a notice');
    turn.put(['heard'], [...(turn.get<number[]>(['heard']) ?? []), n]);
  },
};

/** Tells a listener its numbers, `count` a command. */
const teller: ActorKind = {
  kind: 'teller',
  rowVersion: 1,
  command(turn, command) {
    const { to, count, bodies } = command as unknown as { to: string; count: number; bodies: [] };
    let n = turn.get<number>(['n']) ?? 0;
    for (let i = 0; i < count; i++) turn.tell(listeners.ref(to), { kind: 'note', n: ++n }, bodies);
    turn.put(['n'], n);
    return n;
  },
  query: () => null,
};

const shardCount = 4;
export const countTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** The first node leads the shard of teller `t`, the second that of its listener, which is another one. */
export function apart(options: Pick<ReplicasOptions, 'handedOver'> = {}) {
  const replicas = new Replicas({ ...options, nodes: 3, shardCount, kinds: [listener, teller] });
  const source = replicas.shardOf('teller', 't');
  const key = countTo(50)
    .map((i) => `l${i}`)
    .find((name) => replicas.shardOf('listener', name) !== source)!;
  const target = replicas.shardOf('listener', key);
  const [first, second, third] = replicas.nodes as [ReplicaNode, ReplicaNode, ReplicaNode];
  replicas.move(source, first);
  replicas.move(target, second);
  return { replicas, first, second, third, source, target, key };
}

type Apart = ReturnType<typeof apart>;

/** Commits what was told, so that it is under way. */
export async function tell({ first, source, key }: Apart, count = 1, bodies: readonly object[] = []): Promise<void> {
  first.ask('teller', 't', { kind: 'tell', to: key, count, bodies });
  await first.turn();
  first.log.commit(source);
  await first.turn();
}

export const heard = (node: ReplicaNode, key: string): unknown =>
  (node.query('listener', key, { kind: 'all' }, true).outcome as { answer: unknown }).answer;
export const kept = (node: ReplicaNode): number =>
  node.store.range({ ...below(rowKey([keyspace.outbox])), limit: 1_000 }).length;

/** The source forgets what had its effect, on all copies. */
export async function requireWhole(world: Apart, count: number): Promise<void> {
  const { replicas, key, source, target } = world;
  for (let i = 0; i < 6; i++) {
    await replicas.settle();
    replicas.advance(11_000);
  }
  await replicas.settle();
  for (const node of replicas.nodes) {
    for (const shard of [source, target]) if (!node.log.serves(shard)) node.log.catchUp(shard);
    assert.deepEqual(heard(node, key), countTo(count));
    assert.equal(kept(node), 0);
    assert.equal(node.engine.stats.noticesUnderWay, 0);
    assert.deepEqual([node.fatals, node.bugs], [[], []]);
  }
}
