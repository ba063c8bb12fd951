/**
 * An engine on a lone node's log, over a memory store whose commits the test releases one by one: the place to see what
 * leaves too early.
 */
import assert from 'node:assert/strict';
import { openLoneLog } from './lone-log.ts';
import type { ActorKind, BodyAttachment } from '../../runtime/actor/actor.ts';
import { Engine } from '../../runtime/actor/engine.ts';
import type { LogParts, NodeLog } from '../../runtime/actor/log.ts';
import type { CommandId, Copies, Outcome } from '../../runtime/actor/request.ts';
import { nodeId } from '../../runtime/base/ids.ts';
import { type Limits, limits } from '../../runtime/base/limits.ts';
import { BodyTracker } from '../../runtime/store/bodies.ts';
import { LayeredStore } from '../../runtime/store/layered-store.ts';
import { type MemoryDisk, MemoryStore } from '../../runtime/store/memory-store.ts';
import { FakeClock } from './fake-clock.ts';

export const shardCount = 8;
/** More than a log needs to serve. */
const roundsMax = 1_000;

export interface EngineWorld {
  readonly engine: Engine;
  /** What can be read. */
  readonly store: LayeredStore;
  /** What is on disk: `halt` is a crash. */
  readonly tree: MemoryStore;
  readonly clock: FakeClock;
  readonly bugs: unknown[];
  readonly fatals: unknown[];
  readonly log: NodeLog;
  /** Asks; `outcome` is filled when the answer has left. */
  ask(kind: string, key: string, command: { readonly kind: string }, options?: AskedWith): Asked;
  query(kind: string, key: string, query: { readonly kind: string }): unknown;
  /** Runs loop turns until none is asked for; commits nothing. */
  turn(): Promise<void>;
  /** Lets the oldest transaction become durable; what follows is not run yet. */
  release(): void;
  /** Lets the oldest transaction become durable, then runs what follows. */
  commit(): Promise<void>;
  /** Turns and commits until nothing moves. */
  settle(): Promise<void>;
}

interface AskedWith {
  readonly id?: CommandId;
  readonly settledBelow?: number;
  readonly bodies?: readonly BodyAttachment[];
  readonly timeoutMs?: number;
}

export interface Asked {
  /** Without `copies`, which are the same on every lone node. */
  outcome: Outcome | undefined;
  copies?: Copies | undefined;
}

/** All shards are served, which took a transaction; what follows from it, and from an earlier life, has not run. */
export async function engineWorld(
  kinds: readonly ActorKind[],
  options: { readonly disk?: MemoryDisk; readonly clock?: FakeClock; readonly limits?: Partial<Limits> } = {},
): Promise<EngineWorld> {
  const clock = options.clock ?? new FakeClock();
  const releases: (() => void)[] = [];
  const tree = new MemoryStore({
    ...(options.disk === undefined ? {} : { disk: options.disk }),
    settle: (apply) => releases.push(apply),
  });
  const store = new LayeredStore(tree);
  const bodies = new BodyTracker(store);
  const bugs: unknown[] = [];
  const fatals: unknown[] = [];
  const fatal = (error: unknown): void => void fatals.push(error);
  const bounds = { ...limits, ...options.limits };
  let seed = 0;
  const random = { bytes: (count: number) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)) };
  const turn = async (): Promise<void> => {
    // Promise jobs of the store's settled writes run between turns of the loop.
    for (let rounds = 0; rounds < 50; rounds++) {
      await Promise.resolve();
      clock.runSoon();
    }
  };
  const ignore = (): void => undefined;
  const parts = { self: nodeId('n1'), tree, store, bodies, shardCount, clock, random, limits: bounds, fatal };
  const log = await openedLog({ ...parts, writing: ignore, observe: ignore }, async () => {
    await turn();
    releases.shift()?.();
  });
  const engine = new Engine({
    kinds: new Map(kinds.map((kind) => [kind.kind, kind])),
    shardCount,
    store,
    log,
    hasBody: (hash) => bodies.isExpected(hash),
    isStorageFull: () => false,
    clock,
    random,
    limits: bounds,
    reports: {
      bug: (what, error) => void bugs.push({ what, error }),
      turn: () => undefined,
      slow: () => undefined,
      noticeFailed: (_kind, what, error, isDead) => void bugs.push({ what, error, isDead }),
    },
    fatal,
  });
  engine.start();
  let seq = 0;

  const commit = async (): Promise<void> => {
    releases.shift()?.();
    await turn();
  };
  return {
    engine,
    store,
    tree,
    clock,
    bugs,
    fatals,
    log,
    ask(kind, key, command, with_ = {}) {
      const asked: Asked = { outcome: undefined };
      seq++;
      engine.ask(
        {
          kind,
          key,
          command,
          id: with_.id ?? { caller: 'test', seq },
          settledBelow: with_.settledBelow ?? 0,
          principal: { kind: 'operator', id: 'test' },
          trace: 'test',
          bodies: with_.bodies ?? [],
          timeoutMs: with_.timeoutMs ?? 30_000,
        },
        (outcome) => {
          asked.copies = outcome.ok ? outcome.copies : undefined;
          asked.outcome = outcome.ok ? { ok: true, answer: outcome.answer } : outcome;
        },
      );
      return asked;
    },
    query(kind, key, query) {
      let answer: unknown;
      engine.query({ kind, key, query, principal: { kind: 'operator', id: 'test' } }, (outcome) => {
        answer = outcome.ok ? outcome.answer : outcome.error.code;
      });
      return answer;
    },
    turn,
    release: () => releases.shift()?.(),
    commit,
    async settle() {
      do {
        await turn();
        await commit();
      } while (releases.length > 0);
    },
  };
}

/** A lone node's log; `goOn` lets turns and transactions happen until it serves. */
export async function openedLog(parts: LogParts, goOn: () => Promise<void>): Promise<NodeLog> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  const opening = openLoneLog(parts);
  opening.then(over, over);
  for (let round = 0; round < roundsMax; round++) {
    await goOn();
    if (state.isOver) return opening;
  }
  assert.fail('the log serves');
}
