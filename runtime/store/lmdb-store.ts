/**
 * The store on disk: the only importer of `lmdb`.
 *
 * Promises: what `store.ts` says. A `write` is one LMDB transaction, or a part of one together with those that waited
 * with it, and settles after `fdatasync`. The first failed commit is reported to `fatal` once, and the store takes nothing more.
 *
 * Leaves to others: whether the file may be opened at all (`data-directory.ts`, `data-file.ts`: LMDB crashes on
 * garbage), and room on the disk (`space-guard.ts`: LMDB does not survive a full one).
 */
import { statfsSync, statSync } from 'node:fs';
import { type RootDatabase, type RootDatabaseOptions, open } from 'lmdb';
import type { Clock } from '../base/clock.ts';
import type { RowKey } from './keys.ts';
import { requireSoundOps, requireSoundRange } from './sound-ops.ts';
import type { RangeOptions, Store, StoredRow, StoreOp, StoreStats } from './store.ts';
import { storeClosed, storeFailed, storeNotOpened } from './store-errors.ts';

export interface LmdbStoreOptions {
  /** The data file. LMDB puts its table of readers beside it, under the same name with `-lock`. */
  readonly path: string;
  /**
   * Address space for the map in bytes. The file grows as needed and uses no more disk than its rows, so turning this
   * up costs nothing but address space; a file that outgrows it is mapped anew, which keeps old maps alive, so
   * the space guard stops below it. Default: 1 TiB.
   */
  readonly mapBytesMax?: number;
  readonly clock: Clock;
  /** Called once, with the cause, when a commit has failed: the node must stop. It must not throw. */
  readonly fatal: (error: unknown) => void;
}

const mapBytesDefault = 2 ** 40;
/** How long the native side gets to name the cause of a failed commit. It names it at once. */
const causeMsMax = 1_000;

/**
 * How LMDB is opened. Never here: `noSync`, `noMetaSync`, `mapAsync` (they lose data at a power loss),
 * `useWritemap` (a full disk is a SIGBUS), `encryptionKey` (a wrong one opens an empty database), `cache`, `compression`.
 */
export function lmdbOptions(path: string, mapBytesMax: number): RootDatabaseOptions & { path: string } {
  const options = {
    path,
    noSubdir: true,
    // The root database only: one ordered keyspace.
    maxDbs: 1,
    encoding: 'binary',
    keyEncoder: { writeKey, readKey },
    mapSize: mapBytesMax,
    // With true, a row is readable before it is durable, and a failed fsync is not reported.
    overlappingSync: false,
    // After a crash, trust only what was synced for certain.
    safeRestore: true,
    // A write starts when it is called and not when the loop turns; see `write`.
    eventTurnBatching: false,
    txnStartThreshold: 1,
    // lmdb's default lets the group write and everybody read.
    permissionsMode: 0o600,
  } as const;
  return options;
}

/** @throws {OperationError} storeNotOpened */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LmdbStore> {
  const mapBytesMax = options.mapBytesMax ?? mapBytesDefault;
  try {
    return new LmdbStore(open(lmdbOptions(options.path, mapBytesMax)), options, mapBytesMax);
  } catch (cause) {
    throw storeNotOpened(options.path, cause);
  }
}

interface PendingWrite {
  readonly ops: readonly StoreOp[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class LmdbStore implements Store {
  readonly #db: RootDatabase<Uint8Array, RowKey>;
  readonly #options: LmdbStoreOptions;
  readonly #mapBytesMax: number;
  /** Settles with the youngest write; those before it have settled by then. */
  #lastWrite: Promise<void> = Promise.resolve();
  /** In the transaction that is on its way; those behind it wait for the next one. */
  #committing: readonly PendingWrite[] = [];
  readonly #waiting: PendingWrite[] = [];
  #state: 'open' | 'failed' | 'closed' = 'open';
  #hasFailed = false;
  #isReleased = false;

  constructor(db: RootDatabase<Uint8Array, RowKey>, options: LmdbStoreOptions, mapBytesMax: number) {
    this.#db = db;
    this.#options = options;
    this.#mapBytesMax = mapBytesMax;
  }

  get(key: RowKey): Uint8Array | undefined {
    // The buffer is lmdb's own, with a `length` laid over it, and the next read overwrites it.
    const shared = this.#db.getBinaryFast(key);
    if (shared === undefined) return undefined;
    const row = Buffer.allocUnsafe(shared.length);
    row.set(shared.subarray(0, shared.length));
    return row;
  }

  has(key: RowKey): boolean {
    return this.#db.doesExist(key);
  }

  range(options: RangeOptions): StoredRow[] {
    requireSoundRange(options);
    const { start, end, limit, reverse = false } = options;
    if (start >= end) return [];
    const bounds = reverse
      ? { start: end, exclusiveStart: true, end: start, inclusiveEnd: true, reverse, limit }
      : { start, end, limit };
    const rows: StoredRow[] = [];
    for (const row of this.#db.getRange(bounds)) rows.push(row);
    return rows;
  }

  write(ops: readonly StoreOp[]): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#refusal());
    // Nothing to wait for but those before it: writes settle in the order of their calls.
    if (ops.length === 0) return this.#lastWrite;
    // Everything that could make lmdb throw is looked at first: a throw halfway would commit the half before it.
    requireSoundOps(ops);
    this.#lastWrite = new Promise((resolve, reject) => this.#waiting.push({ ops, resolve, reject }));
    if (this.#committing.length === 0) this.#commit();
    return this.#lastWrite;
  }

  stats(): StoreStats {
    const disk = statfsSync(this.#options.path);
    return {
      sizeBytes: statSync(this.#options.path).size,
      sizeBytesMax: this.#mapBytesMax,
      freeBytes: disk.bavail * disk.bsize,
    };
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closed';
      await this.#lastWrite.catch(nothing);
    }
    // After a failure the native side may still hold its locks, and the process is about to end anyway.
    if (this.#hasFailed || this.#isReleased) return;
    this.#isReleased = true;
    await this.#db.close();
  }

  /**
   * Makes one transaction of the writes that wait. There is one at a time: LMDB would go on after a failed fsync, and a
   * later write could then become durable without the earlier one.
   */
  #commit(): void {
    const writes = this.#waiting.splice(0);
    this.#committing = writes;
    const committed = this.#db.batch(() => {
      for (const { ops } of writes) putAll(this.#db, ops);
    });
    // Left alone, lmdb starts in the loop's next turn, behind all input that has arrived by then. It starts at once when
    // there is a second call; this one is empty, and its promise is the same one or that of an empty transaction.
    const started = this.#db.batch(noRows);
    if (started !== committed) started.catch((error: unknown) => this.#fail(error));
    committed.then(
      () => {
        this.#committing = [];
        for (const { resolve } of writes) resolve();
        if (this.#waiting.length > 0) this.#commit();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Called for each commit that fails; the first one tells the owner and ends all that is on its way. */
  #fail(error: unknown): void {
    this.#state = 'failed';
    const cause = causeOf(error, this.#options.clock);
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    void cause.then((named) => {
      const failed = storeFailed(named);
      this.#options.fatal(failed);
      for (const { reject } of [...this.#committing, ...this.#waiting.splice(0)]) reject(failed);
    });
  }

  #refusal(): Error {
    return this.#state === 'closed' ? storeClosed() : storeFailed(undefined);
  }
}

/** Copies the key's bytes. lmdb hands in buffers with room for `keyBytesMax` bytes and more. */
function writeKey(key: string, target: Buffer, start: number): number {
  return start + target.write(key, start, 'latin1');
}

function readKey(source: Buffer, start: number, end: number): string {
  return source.toString('latin1', start, end);
}

function putAll(db: RootDatabase<Uint8Array, RowKey>, ops: readonly StoreOp[]): void {
  for (const { key, value } of ops) {
    // Inside `batch` both return one and the same settled promise: there is none per row.
    if (value === null) void db.remove(key);
    else void db.put(key, value);
  }
}

/**
 * lmdb rejects with a general error whose `commitError` is a promise that rejects with the real one, usually
 * before this runs. It must be handled even when nobody wants it, or the process ends by `unhandledRejection`.
 */
function causeOf(error: unknown, clock: Clock): Promise<unknown> {
  const named = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  if (!(named instanceof Promise)) return Promise.resolve(error);
  return new Promise((resolve) => {
    const cancel = clock.after(causeMsMax, () => resolve(error));
    named.then(nothing, (cause: unknown) => {
      cancel();
      resolve(cause);
    });
  });
}

function noRows(): void {}
function nothing(): void {}
