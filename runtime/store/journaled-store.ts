/**
 * The store with a journal in front of its tree: a write is durable when its record is, one piece at the end of a file and
 * one flush of the disk; its rows follow into the tree many writes at a time.
 *
 *     write: ops -> record -> fdatasync -> active layer, settled
 *     checkpoint: active layer -> sealed layer -> transactions of the tree, the last with the number of its last record
 *     start: records behind that number -> tree
 *
 * Why: a transaction of LMDB flushes the disk twice (pages, then the meta page that names them), and writes anew a page of
 * each tree level and its list of free pages, however few its rows are. @see README.md for the numbers.
 *
 * Promises: what `store.ts` says; memory bounded by `checkpointBytes` and what one checkpoint lets come in meanwhile.
 * Leaves to others: the records (`journal-record.ts`), what is missing at start (`journal-recovery.ts`).
 */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import {
  type JournalFiles,
  journalExists,
  type JournalPart,
  makeJournal,
  openJournal,
  otherPart,
  readJournal,
} from './journal-file.ts';
import { JournalHoleError, recordsBehind } from './journal-recovery.ts';
import { encodeAcknowledged, encodeRecord, firstRecordAt, recordBytes } from './journal-record.ts';
import { keyspace, rowKey } from './keys.ts';
import { LayeredStore } from './layered-store.ts';
import { Slabs } from './slabs.ts';
import { requireSoundOps, requireSoundRange } from './sound-ops.ts';
import type { RangeOptions, Store, StoredRow, StoreOp, StoreStats } from './store.ts';
import { dataFileDamaged, dataMissing, storeClosed, storeFailed } from './store-errors.ts';
import type { RowKey } from './keys.ts';

export interface JournaledStoreOptions {
  readonly tree: Store;
  /** Of its files, without their endings `-1` and `-2`. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called once, with the cause, when a write has failed: the node must stop. It must not throw. */
  readonly fatal: (error: unknown) => void;
  readonly checkpointBytes?: number;
  readonly transactionRows?: number;
  /** Of a new file. */
  readonly preparedBytes?: number;
}

/** Of records, before they are brought into the tree: some 600 mails. More would save a little and cost memory. */
const checkpointBytesDefault = 8 * 1024 * 1024;
/**
 * Rows of one transaction of the tree. Rows of a queue lie at random places, so each may change a page of its own, and LMDB
 * keeps the memory of changed pages for good: 16 MB of them.
 */
const transactionRowsDefault = 4_000;
/** So many times as much may come in while a checkpoint is under way; then writes wait for it. */
const overrunMax = 4;
/** A store that nobody writes to brings its tree up to date after this. */
const idleMs = 1_000;
const idBytes = 8;
const markKey = rowKey([keyspace.meta, 'journal']);
const markVersion = 1;

/** Which journal belongs to the tree, and the last record that is in it. */
interface Mark {
  readonly id: Uint8Array;
  readonly applied: number;
  /** From the moment on at which the files exist for certain. */
  readonly hasFiles: boolean;
}

interface PendingWrite {
  readonly ops: readonly StoreOp[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Brings into the tree what an earlier life left in the journal.
 * @throws {OperationError} `dataMissing`, `dataFileDamaged`
 */
export async function openJournaledStore(options: JournaledStoreOptions): Promise<JournaledStore> {
  const { tree, path, random } = options;
  let mark = readMark(tree);
  const [hasFirst, hasSecond] = journalExists(path);
  if (mark?.hasFiles === true && !(hasFirst && hasSecond)) throw dataMissing(path, 'a file of the journal is missing');
  if (mark?.hasFiles !== true) {
    mark ??= { id: random.bytes(idBytes), applied: 0, hasFiles: false };
    await tree.write([markRow(mark)]);
    makeJournal(path, options.preparedBytes);
    mark = { ...mark, hasFiles: true };
    await tree.write([markRow(mark)]);
  }
  const applied = await replay(tree, path, mark);
  return new JournaledStore(options, openJournal(path), { ...mark, applied });
}

async function replay(tree: Store, path: string, mark: Mark): Promise<number> {
  let { applied } = mark;
  try {
    for (const { sequence, ops } of recordsBehind(readJournal(path), mark.id, mark.applied)) {
      await tree.write([...ops, markRow({ ...mark, applied: sequence })]);
      applied = sequence;
    }
  } catch (error) {
    if (error instanceof JournalHoleError) throw dataFileDamaged(path, error.message);
    throw error;
  }
  return applied;
}

export class JournaledStore implements Store {
  readonly #o: JournaledStoreOptions;
  readonly #layers: LayeredStore;
  readonly #files: JournalFiles;
  readonly #mark: Mark;
  readonly #slabs = new Slabs();
  readonly #checkpointBytes: number;
  #sequence: number;
  #part: JournalPart = 0;
  /** Where the next record goes. What stands before it waits for a checkpoint. */
  #at = firstRecordAt;
  readonly #front = Buffer.alloc(64);
  /** In the checkpoint that is under way. */
  #sealedBytes = 0;
  #waiting: PendingWrite[] = [];
  #committing: PendingWrite[] = [];
  #lastWrite: Promise<void> = Promise.resolve();
  #checkpoint: Promise<void> | undefined;
  #cancelIdle: (() => void) | undefined;
  #state: 'open' | 'failed' | 'closed' = 'open';

  constructor(options: JournaledStoreOptions, files: JournalFiles, mark: Mark) {
    this.#o = options;
    this.#layers = new LayeredStore(options.tree);
    this.#files = files;
    this.#mark = mark;
    this.#sequence = mark.applied;
    this.#checkpointBytes = options.checkpointBytes ?? checkpointBytesDefault;
  }

  get(key: RowKey): Uint8Array | undefined {
    const layered = this.#layers.inLayers(key);
    if (layered === undefined) return this.#o.tree.get(key);
    // Its bytes are used again once they are in the tree.
    return layered === null ? undefined : new Uint8Array(layered);
  }

  has(key: RowKey): boolean {
    return this.#layers.has(key);
  }

  range(options: RangeOptions): StoredRow[] {
    requireSoundRange(options);
    const { rows, areOwn } = this.#layers.rangeOf(options);
    return areOwn ? rows : rows.map(({ key, value }) => ({ key, value: new Uint8Array(value) }));
  }

  write(ops: readonly StoreOp[]): Promise<void> {
    if (this.#state !== 'open')
      return Promise.reject(this.#state === 'closed' ? storeClosed() : storeFailed(undefined));
    // Nothing to wait for but those before it: writes settle in the order of their calls.
    if (ops.length === 0) return this.#lastWrite;
    requireSoundOps(ops);
    this.#lastWrite = new Promise((resolve, reject) => this.#waiting.push({ ops, resolve, reject }));
    this.#commit();
    return this.#lastWrite;
  }

  /** Number of the last record that was begun. */
  get lastSequence(): number {
    return this.#sequence;
  }

  stats(): StoreStats {
    const stats = this.#o.tree.stats();
    // What waits for the tree will be in it.
    return { ...stats, sizeBytes: stats.sizeBytes + this.#sealedBytes + this.#waitingBytes };
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closed';
      this.#cancelIdle?.();
      // Whoever made a write hears of its failure; closing only waits for the end of it.
      await this.#lastWrite.catch(() => undefined);
      await this.#checkpoint;
      if (this.#waitingBytes > 0) await this.#bringIn();
      this.#files.close();
    }
    await this.#o.tree.close();
  }

  get #waitingBytes(): number {
    return this.#at - firstRecordAt;
  }

  /** Makes one record of the writes that wait, unless one is on its way or too much waits for the tree. */
  #commit(): void {
    if (this.#committing.length > 0 || this.#waiting.length === 0 || this.#state === 'failed') return;
    if (this.#checkpoint !== undefined && this.#waitingBytes >= overrunMax * this.#checkpointBytes) return;
    const writes = this.#waiting;
    this.#waiting = [];
    this.#committing = writes;
    const [only] = writes;
    const all = writes.length === 1 && only !== undefined ? only.ops : writes.flatMap(({ ops }) => ops);
    const record = this.#slabs.take(recordBytes(all));
    const ops = encodeRecord(record, this.#mark.id, ++this.#sequence, all);
    const at = this.#at;
    this.#at += record.length;
    this.#files.append(this.#part, at, record, (error) => {
      if (error !== null && error !== undefined) return this.#fail(error);
      this.#committing = [];
      this.#files.writeFront(this.#part, encodeAcknowledged(this.#front, this.#mark.id, this.#sequence));
      this.#layers.apply(ops);
      for (const { resolve } of writes) resolve();
      this.#checkpointIfDue();
      this.#commit();
    });
  }

  #checkpointIfDue(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    // The rows of a record that is on its way are in no layer yet; its end comes here, too.
    if (this.#checkpoint !== undefined || this.#committing.length > 0) return;
    if (this.#waitingBytes >= this.#checkpointBytes) void this.#bringIn();
    else if (this.#waitingBytes > 0 && this.#state === 'open') {
      this.#cancelIdle = this.#o.clock.after(idleMs, () => {
        this.#cancelIdle = undefined;
        if (this.#committing.length === 0 && this.#checkpoint === undefined) void this.#bringIn();
      });
    }
  }

  /** What the layer holds goes into the tree. Later records go into the other file, whose own are in the tree. */
  #bringIn(): Promise<void> {
    const slabs = this.#slabs.endTurn();
    const mark = { ...this.#mark, applied: this.#sequence };
    this.#part = otherPart(this.#part);
    this.#sealedBytes = this.#waitingBytes;
    this.#at = firstRecordAt;
    this.#layers.seal();
    this.#checkpoint = this.#writeSealed(mark).then(
      () => {
        this.#checkpoint = undefined;
        this.#layers.endCheckpoint();
        this.#sealedBytes = 0;
        this.#slabs.giveBack(slabs);
        this.#checkpointIfDue();
        this.#commit();
      },
      // Its owner is told of that by the tree.
      (error: unknown) => this.#fail(error, () => undefined),
    );
    return this.#checkpoint;
  }

  /**
   * A crash between two transactions leaves some rows newer than the mark says. All records behind the mark are replayed
   * then, and what they put and delete is absolute, so the end is the same.
   */
  async #writeSealed(mark: Mark): Promise<void> {
    const rowsMax = this.#o.transactionRows ?? transactionRowsDefault;
    for (;;) {
      const { ops, isLast } = this.#layers.nextSlice(rowsMax);
      if (isLast) return this.#o.tree.write([...ops, markRow(mark)]);
      await this.#o.tree.write(ops);
    }
  }

  #fail(cause: unknown, tell = this.#o.fatal): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    const error = storeFailed(cause);
    tell(error);
    for (const { reject } of [...this.#committing, ...this.#waiting.splice(0)]) reject(error);
  }
}

function readMark(tree: Store): Mark | undefined {
  const row = tree.get(markKey);
  return row === undefined ? undefined : (decodeRow(row).value as Mark);
}

function markRow(mark: Mark): StoreOp {
  return { key: markKey, value: encodeRow(markVersion, mark) };
}
