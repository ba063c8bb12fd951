/**
 * The core of a node put together: data directory, store, bodies, log, engine. Knows no mail and no threads.
 *
 * Promises: opened in an order in which each part finds what it needs, closed in reverse with nothing pending; a
 * failure on the way leaves nothing locked.
 */
import type { ActorKind } from '../actor/actor.ts';
import { Engine, type EngineReports } from '../actor/engine.ts';
import type { GroupCommit, LogParts, NodeLog } from '../actor/log.ts';
import type { NoticeRoute } from '../actor/notice-route.ts';
import type { Clock } from '../base/clock.ts';
import { type NodeId, randomText } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import { BodyTracker } from '../store/bodies.ts';
import { type DataDirectory, openDataDirectory } from '../store/data-directory.ts';
import { keyspace, rowKey } from '../store/keys.ts';
import { openJournaledStore } from '../store/journaled-store.ts';
import { LayeredStore, type ReadableStore } from '../store/layered-store.ts';
import { openLmdbStore } from '../store/lmdb-store.ts';
import { SpaceGuard } from '../store/space-guard.ts';
import type { Store } from '../store/store.ts';
import { dataForeign } from '../store/store-errors.ts';
import type { CoreTarget } from '../threads/core-target.ts';

/** Fixed for ever when a cluster is created (plan §2). */
export const shardCountOfNewCluster = 256;

/** What a node hands to whoever makes its log. */
export interface CoreParts extends LogParts {
  readonly directory: DataDirectory;
}

/** The log of a node, and the other nodes where there are any. */
export interface CoreCluster {
  readonly log: NodeLog;
  /** Brings notices to shards that are led elsewhere. */
  readonly route?: NoticeRoute;
  /** The engine is there, and does not run yet. */
  connect?(engine: Engine): void;
  /** What reaches all actors, wherever they live. */
  wholeTarget?(local: CoreTarget): CoreTarget;
  /** The node is about to stop: settles when others lead what it led, or after a moment. */
  handOver?(): Promise<void>;
  /** Hears and says nothing any more; what is on its way to the disk gets there. */
  stop(): void | Promise<void>;
}

export interface CoreOptions {
  readonly dataPath: string;
  readonly nodeId: NodeId;
  /** Makes a new cluster of one when the directory is empty; else an empty one is refused. */
  readonly mayCreate: boolean;
  readonly kinds: ReadonlyMap<string, ActorKind>;
  /** Who keeps the log is not the runtime's business. */
  readonly openLog: (parts: CoreParts) => Promise<CoreCluster>;
  readonly mapBytesMax?: number;
  readonly freeBytesMin?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly reports: EngineReports;
  readonly observe: (commit: GroupCommit) => void;
  /** The node must stop at once: a failed commit or a broken invariant. */
  readonly fatal: (error: unknown) => void;
}

export interface Core {
  readonly directory: DataDirectory;
  readonly store: ReadableStore;
  readonly engine: Engine;
  readonly log: NodeLog;
  readonly cluster: CoreCluster;
  readonly guard: SpaceGuard;
  /** Takes nothing more, lets what was taken become durable, closes the store and unlocks the directory. */
  close(): Promise<void>;
}

/** @throws {OperationError} what keeps the data directory or its store from being opened */
export async function openCore(options: CoreOptions): Promise<Core> {
  const { clock, random, limits, kinds, fatal, nodeId, mapBytesMax, freeBytesMin } = options;
  const directory = openDataDirectory({
    path: options.dataPath,
    clock,
    expect: { nodeId },
    ...(options.mayCreate
      ? { create: () => ({ clusterId: randomText(random, 26), nodeId, shardCount: shardCountOfNewCluster }) }
      : {}),
  });
  try {
    const lmdb = await openLmdbStore({
      path: directory.storePath,
      clock,
      fatal,
      ...(mapBytesMax === undefined ? {} : { mapBytesMax }),
    });
    const tree = await openJournaledStore({ tree: lmdb, path: directory.journalPath, clock, random, fatal });
    await confirmStore(directory, tree);
    const store = new LayeredStore(tree);
    const { shardCount } = directory.header;
    const guard = new SpaceGuard({ store, clock, ...(freeBytesMin === undefined ? {} : { freeBytesMin }) });
    const bodies = new BodyTracker(store);
    const cluster = await options.openLog({
      ...{ self: nodeId, directory, tree, store, bodies, shardCount, clock, random, limits },
      writing: (bytes) => guard.noteWrite(bytes),
      observe: options.observe,
      fatal,
    });
    const { log, route } = cluster;
    const engine = new Engine({
      kinds,
      shardCount,
      store,
      log,
      hasBody: (hash) => bodies.isExpected(hash),
      isStorageFull: () => guard.isLow(),
      clock,
      random,
      limits,
      reports: options.reports,
      ...(route === undefined ? {} : { route }),
      fatal,
    });
    cluster.connect?.(engine);
    engine.start();
    const close = async (): Promise<void> => {
      await cluster.handOver?.();
      engine.stop();
      await drained(engine, log, clock);
      await cluster.stop();
      await tree.close();
      directory.close();
    };
    return { directory, store, engine, log, cluster, guard, close };
  } catch (error) {
    directory.close();
    throw error;
  }
}

const identityKey = rowKey([keyspace.meta, 'identity']);

/**
 * The store names whose it is: a data file of another node, put here by mistake, must not pass for ours. The first
 * write also proves that the store can be written, before anything is promised on it.
 * @throws {OperationError} `dataForeign`
 */
async function confirmStore(directory: DataDirectory, store: Store): Promise<void> {
  const { clusterId, nodeId: node, shardCount, formatVersion, hasStore } = directory.header;
  const row = store.get(identityKey);
  if (row !== undefined) {
    const found = decodeRow(row).value as { readonly clusterId: string; readonly node: string };
    if (found.clusterId === clusterId && found.node === node) return;
    throw dataForeign(directory.storePath, `it belongs to node ${found.node} of cluster ${found.clusterId}`);
  }
  if (hasStore) throw dataForeign(directory.storePath, 'it does not say whose it is');
  await store.write([{ key: identityKey, value: encodeRow(1, { clusterId, node, shardCount, formatVersion }) }]);
  directory.confirmStore();
}

const drainStepMs = 5;

async function drained(engine: Engine, log: NodeLog, clock: Clock): Promise<void> {
  while (!engine.isDrained) await new Promise<void>((resolve) => void clock.after(drainStepMs, resolve));
  await log.drained();
}
