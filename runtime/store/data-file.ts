/**
 * Looks at LMDB's data file before LMDB does, since LMDB maps it into memory and crashes on what it does not expect:
 * on foreign bytes by a bad pointer, behind the end of the file by SIGBUS.
 *
 * Promises: a file that passes has two sound meta pages, and holds every page that its trees point to.
 *
 * Leaves to others: whose data they are (`data-directory.ts`), and whether a row is what was written (`codec/row.ts`).
 *
 * Offsets are those of `MDB_page_header`, `MDB_meta`, `MDB_db` and `MDB_node` in lmdb-js's `mdb.c` on 64-bit machines,
 * little-endian; `data-file.test.ts` checks them against files that LMDB wrote.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { dataFileDamaged, dataForeign, dataTooNew } from './store-errors.ts';

const lmdbMagic = 0xbeefc0de;
const lmdbDataVersion = 2;
/** Header of every page. */
const pageHeaderBytes = 24;
/** Header of every entry of a page, in front of its key. */
const nodeHeaderBytes = 8;
/** What a meta page must hold to be read: its header and `MDB_meta`. */
const metaBytes = pageHeaderBytes + 144;
const pageFlag = { branch: 0x01, leaf: 0x02, meta: 0x08 } as const;
const bigDataFlag = 0x01;
/** Root of an empty tree. */
const noPage = 0xffff_ffff_ffff_ffffn;

interface Meta {
  readonly pageBytes: number;
  readonly freeRoot: bigint;
  readonly mainRoot: bigint;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/**
 * @param mayBeEmpty of an empty file LMDB makes a new store: right only before the first one was ever confirmed
 * @throws {OperationError} dataFileDamaged, dataForeign, dataTooNew
 */
export function checkDataFile(path: string, mayBeEmpty: boolean): void {
  const file = openSync(path, 'r');
  try {
    const sizeBytes = fstatSync(file).size;
    if (sizeBytes === 0 && mayBeEmpty) return;
    if (sizeBytes === 0) throw dataFileDamaged(path, 'it is empty');
    const first = readMeta(file, path, 0);
    const second = readMeta(file, path, first.pageBytes);
    const meta = second.transaction > first.transaction ? second : first;
    const pages = Math.floor(sizeBytes / meta.pageBytes);
    // Pages at the end that were taken and given back within one transaction are never written, so a sound file may be
    // shorter than its last page says. Only then is it worth the time to look at every page that is pointed to.
    if (pages > meta.lastPage) return;
    const missing = new TreeWalk(file, meta.pageBytes, pages).firstMissing([meta.freeRoot, meta.mainRoot]);
    if (missing === undefined) return;
    throw dataFileDamaged(path, `it is cut off: page ${missing} of ${meta.lastPage + 1n} is behind its end`);
  } finally {
    closeSync(file);
  }
}

function readMeta(file: number, path: string, offset: number): Meta {
  const page = Buffer.alloc(metaBytes);
  if (readSync(file, page, 0, metaBytes, offset) !== metaBytes) throw dataFileDamaged(path, 'it is cut off');
  const magic = page.readUInt32LE(24);
  const version = page.readUInt32LE(28) & 0xffff;
  if ((page.readUInt16LE(18) & pageFlag.meta) === 0 || magic !== lmdbMagic) {
    throw dataFileDamaged(path, 'it does not begin like an LMDB file');
  }
  if (version > lmdbDataVersion)
    throw dataTooNew(path, `LMDB format ${version}; this version knows ${lmdbDataVersion}`);
  if (version < lmdbDataVersion) throw dataForeign(path, `it has LMDB format ${version}, which Ringpost never wrote`);
  const pageBytes = page.readUInt32LE(48);
  const isPowerOfTwo = (pageBytes & (pageBytes - 1)) === 0;
  if (!isPowerOfTwo || pageBytes < 512 || pageBytes > 65_536) {
    throw dataFileDamaged(path, `it names a page size of ${pageBytes} bytes`);
  }
  return {
    pageBytes,
    freeRoot: page.readBigUInt64LE(88),
    mainRoot: page.readBigUInt64LE(136),
    lastPage: page.readBigUInt64LE(144),
    transaction: page.readBigUInt64LE(152),
  };
}

/** Goes through the pages that roots lead to. */
class TreeWalk {
  readonly #file: number;
  readonly #pageBytes: number;
  /** Whole pages in the file. */
  readonly #pages: number;

  constructor(file: number, pageBytes: number, pages: number) {
    this.#file = file;
    this.#pageBytes = pageBytes;
    this.#pages = pages;
  }

  /** The first page found that the file does not hold, or undefined when it holds them all. */
  firstMissing(roots: readonly bigint[]): bigint | undefined {
    const waiting = roots.filter((root) => root !== noPage);
    for (;;) {
      const number = waiting.pop();
      if (number === undefined) return undefined;
      if (number >= this.#pages) return number;
      const page = this.#read(number);
      // Any other page than a branch or a leaf points to nothing.
      const flags = page.readUInt16LE(18);
      if ((flags & pageFlag.branch) !== 0) waiting.push(...childrenOf(page));
      if ((flags & pageFlag.leaf) === 0) continue;
      for (const last of overflowEnds(page)) if (last >= this.#pages) return last;
    }
  }

  #read(number: bigint): Buffer {
    const page = Buffer.allocUnsafe(this.#pageBytes);
    readSync(this.#file, page, 0, this.#pageBytes, Number(number) * this.#pageBytes);
    return page;
  }
}

/** Where the entries of a page begin in it. */
function nodesOf(page: Buffer): number[] {
  const count = page.readUInt16LE(20) >> 1;
  return Array.from({ length: count }, (_, i) => pageHeaderBytes + page.readUInt16LE(pageHeaderBytes + 2 * i));
}

function childrenOf(branch: Buffer): bigint[] {
  return nodesOf(branch).map((node) => BigInt(branch.readUIntLE(node, 6)));
}

/** The last page of each value that is too big for its leaf. */
function overflowEnds(leaf: Buffer): bigint[] {
  const ends: bigint[] = [];
  for (const node of nodesOf(leaf)) {
    if ((leaf.readUInt16LE(node + 4) & bigDataFlag) === 0) continue;
    const data = node + nodeHeaderBytes + leaf.readUInt16LE(node + 6);
    ends.push(leaf.readBigUInt64LE(data) + leaf.readBigUInt64LE(data + 16) - 1n);
  }
  return ends;
}
