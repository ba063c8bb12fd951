/**
 * Lists of actors, events and dead letters of the whole cluster: each node tells those of the shards that it serves.
 *
 *     inspect(topic) --> every living member: "your shards, and what you have of them" --> merged, a shard from one node
 *
 * Promises: a shard's share comes from one node that serves it. Where a list without some shards would be wrong (`actors`,
 * dead letters) it fails with an error that time cures; a story told in part is still of use, so `events` and `findEvents`
 * give what they have.
 * Leaves to others: topics about one node alone.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { errorData, OperationError } from '../../runtime/base/errors.ts';
import { type NodeId, type ShardId, shardId } from '../../runtime/base/ids.ts';
import { pack, unpack } from '../../runtime/codec/codec.ts';
import { listIncomplete, notReached, outcomeUnknown, topicUnknown } from './codes.ts';
import { Fields } from './fields.ts';
import { type Gathered, gathered, type Share } from './merging.ts';
import { type PeerCalls, type ReceivedCall, refusal } from './peer-calls.ts';
import { kind } from './wire.ts';

export type Inspect = (topic: string, argument: unknown) => Promise<unknown>;

export interface GatheringOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly calls: PeerCalls;
  readonly shardCount: number;
  readonly serves: (shard: ShardId) => boolean;
  readonly leaderOf: (shard: ShardId) => NodeId | null;
  readonly isAlive: (node: NodeId) => boolean;
  /** All others that are in the cluster. */
  readonly members: () => readonly NodeId[];
  /** Of this node alone. */
  readonly inspectHere: Inspect;
  /** Topics that peers may ask of this node beside those that are gathered, e.g. for a status of all nodes. */
  readonly alsoAsked: ReadonlySet<string>;
}

const nodeMsMax = 5_000;
/** A takeover takes half a second: whoever lists something need not hear of it. */
const againAfterMs = 250;
const tries = 8;
const topicCharactersMax = 64;
const argumentBytesMax = 64 * 1024;

/** Done by whoever serves the shard that the argument names. */
const atLeader: ReadonlySet<string> = new Set(['retryDeadLetter', 'dropDeadLetter']);

export class Gathering {
  readonly #o: GatheringOptions;

  constructor(options: GatheringOptions) {
    this.#o = options;
    options.calls.serve(kind.inspect, (call) => this.#serve(call));
  }

  /** As `CoreTarget.inspect`, of the whole cluster where the topic is about actors. */
  async inspect(topic: string, argument: unknown): Promise<unknown> {
    const how = gathered.get(topic);
    if (how !== undefined) return await this.#gatherAgain(topic, argument, how);
    if (atLeader.has(topic)) return await this.#atLeader(topic, argument);
    return await this.#o.inspectHere(topic, argument);
  }

  /** What one node answers. @throws {OperationError} what it refused; `notReached` */
  async inspectAt(node: NodeId, topic: string, argument: unknown): Promise<unknown> {
    if (node === this.#o.self) return await this.#o.inspectHere(topic, argument);
    const answer = await this.#ask(node, topic, argument);
    if (answer === null) throw notReached();
    return answer.value;
  }

  async #gatherAgain(topic: string, argument: unknown, how: Gathered): Promise<unknown> {
    for (let left = tries - 1; ; left--) {
      try {
        return await this.#gather(topic, argument, how);
      } catch (error) {
        // Shards are between two leaders; it is said only when they stay there.
        if (!(error instanceof OperationError) || error.code !== 'listIncomplete' || left === 0) throw error;
        await new Promise<void>((resolve) => void this.#o.clock.after(againAfterMs, resolve));
      }
    }
  }

  async #gather(topic: string, argument: unknown, how: Gathered): Promise<unknown> {
    const { self, members, isAlive, calls, shardCount } = this.#o;
    const asked = members().filter((member) => calls.isLinked(member) && isAlive(member));
    const here = this.#share(topic, argument).then((told): Share => ({ node: self, ...told }));
    const there = asked.map(async (node): Promise<Share | null> => {
      const answer = await this.#ask(node, topic, argument).catch((error: unknown) => {
        // One that is too old, or full, or on its way out has not told: what that means is decided below.
        if (!(error instanceof OperationError)) throw error;
        return null;
      });
      return answer === null || !Array.isArray(answer.value) ? null : { node, ...answer, value: answer.value };
    });
    const all = await Promise.all([here, ...there]);
    const shares = all.filter((share) => share !== null);
    const tellers = this.#tellers(shares);
    if (how.needsAll && tellers.size < shardCount) {
      const silent = asked.filter((node) => !shares.some((share) => share.node === node));
      const who = silent.length === 0 ? '' : ` (${silent.join(', ')} did not answer)`;
      throw listIncomplete(`${shardCount - tellers.size} of ${shardCount} shards have no leader that answers${who}`);
    }
    const isFrom = (share: Share, shard: number): boolean => tellers.get(shard) === share.node;
    return how.merge({ shares, isFrom, argument, shardCount });
  }

  /** Whom to believe of each shard: its leader as far as known, else anybody who says that he serves it. */
  #tellers(shares: readonly Share[]): ReadonlyMap<number, NodeId> {
    const tellers = new Map<number, NodeId>();
    for (const { node, shards } of shares) {
      for (const shard of shards) {
        if (!tellers.has(shard) || this.#o.leaderOf(shardId(shard)) === node) tellers.set(shard, node);
      }
    }
    return tellers;
  }

  /** This node's own: of the shards that it serves before and after it has read them. */
  async #share(topic: string, argument: unknown): Promise<Omit<Share, 'node'>> {
    const { shardCount, serves, inspectHere } = this.#o;
    const before: number[] = [];
    for (let shard = 0; shard < shardCount; shard++) if (serves(shardId(shard))) before.push(shard);
    const value = (await inspectHere(topic, { ...(argument as object), shards: before })) as readonly unknown[];
    return { shards: new Set(before.filter((shard) => serves(shardId(shard)))), value };
  }

  async #atLeader(topic: string, argument: unknown): Promise<unknown> {
    const { serves, leaderOf, self, inspectHere, calls, isAlive } = this.#o;
    const shard = (argument as { readonly shard?: unknown } | null)?.shard;
    const isShard = typeof shard === 'number' && Number.isInteger(shard) && shard >= 0 && shard < this.#o.shardCount;
    // What is wrong with it is said by whoever reads it.
    if (!isShard || serves(shardId(shard))) return await inspectHere(topic, argument);
    const leader = leaderOf(shardId(shard));
    if (leader === null || leader === self || !calls.isLinked(leader) || !isAlive(leader)) throw notReached();
    const answer = await this.#ask(leader, topic, argument);
    if (answer === null) throw outcomeUnknown();
    return answer.value;
  }

  /** Null: no answer came. @throws {OperationError} what the node refused */
  #ask(
    node: NodeId,
    topic: string,
    argument: unknown,
  ): Promise<(Omit<Share, 'node' | 'value'> & { value: unknown }) | null> {
    return new Promise((resolve, reject) => {
      this.#o.calls.call(node, kind.inspect, [topic, pack(argument)], nodeMsMax, (ending) => {
        if (ending.kind !== 'answered') return resolve(null);
        const { outcome } = ending.value;
        if (!outcome.ok) return reject(new OperationError(outcome.error));
        resolve(shareOf(outcome.answer, this.#o.shardCount));
      });
    });
  }

  #serve({ fields, reply }: ReceivedCall): void {
    const topic = fields.text('topic', topicCharactersMax);
    const argument = unpacked(fields.bytes('argument', argumentBytesMax));
    const isGathered = gathered.has(topic);
    if (!isGathered && !atLeader.has(topic) && !this.#o.alsoAsked.has(topic)) throw topicUnknown(topic);
    const told = isGathered
      ? this.#share(topic, argument)
      : this.#o.inspectHere(topic, argument).then((value) => ({ shards: new Set<number>(), value }));
    told.then(
      // As bytes: however it is nested, it is for whoever reads it.
      ({ shards, value }) => {
        const answer = [[...shards], pack(value)];
        reply({ outcome: { ok: true, answer }, hint: null, doubt: 'none' }, 'bulk');
      },
      (error: unknown) => {
        reply(refusal(errorData(error)));
        // A bug, which must not pass unseen.
        if (!(error instanceof OperationError)) throw error;
      },
    );
  }
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return unpack(bytes);
  } catch {
    // A broken peer: whoever reads it finds nothing in it.
    return null;
  }
}

/** Null where a broken peer answered. */
function shareOf(answer: unknown, shardCount: number): { shards: ReadonlySet<number>; value: unknown } | null {
  try {
    const fields = new Fields(answer);
    const shards = fields.list('shards', shardCount).map((shard) => new Fields([shard]).count('shard', shardCount - 1));
    return { shards: new Set(shards), value: unpacked(fields.bytes('value', Number.MAX_SAFE_INTEGER)) };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return null;
  }
}
