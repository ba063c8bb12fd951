/** What every `Store` keeps. Run against the one on disk and the one in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { after, below, type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import type { Store, StoreOp } from '../../../runtime/store/store.ts';

export interface OpenedStore {
  readonly store: Store;
  /** Closes the store and opens it again on the same rows. */
  reopen(): Promise<OpenedStore>;
  close(): Promise<void>;
}

const key = (...parts: (string | number)[]): RowKey => rowKey(parts);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const put = (row: RowKey, value: string): StoreOp => ({ key: row, value: bytes(value) });
const everything = { start: '\x00' as RowKey, end: '\xff' as RowKey, limit: 1_000_000 };
const textsIn = (store: Store): [RowKey, string | undefined][] =>
  store.range(everything).map((row) => [row.key, text(row.value)]);

export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  const claim = (title: string, body: (opened: OpenedStore) => Promise<void>): void => {
    void test(`${name}: ${title}`, async () => {
      const opened = await open();
      try {
        await body(opened);
      } finally {
        await opened.close();
      }
    });
  };
  claimsOfWriting(claim);
  claimsOfReading(claim);
}

type Claim = (title: string, body: (opened: OpenedStore) => Promise<void>) => void;

function claimsOfWriting(claim: Claim): void {
  claim('what was written is read once the write has settled', async ({ store }) => {
    // That it is not read before is a matter of time with a real disk, which may be faster than this thread is.
    await store.write([put(key('a', 1), 'one'), put(key('a', 2), 'two')]);
    assert.equal(text(store.get(key('a', 1))), 'one');
    assert.equal(store.has(key('a', 2)), true);
    assert.equal(store.has(key('a', 3)), false);
  });

  claim('the last of several ops on one key wins, and deleting what is not there is fine', async ({ store }) => {
    const [a, b] = [key('a'), key('b')];
    await store.write([put(a, 'old'), { key: b, value: null }, { key: a, value: null }, put(a, 'new')]);
    assert.equal(text(store.get(a)), 'new');
    await store.write([put(a, 'newer'), { key: a, value: null }]);
    assert.equal(store.get(a), undefined);
  });

  claim('an empty write settles, and an empty value is a value', async ({ store }) => {
    await store.write([]);
    await store.write([put(key('empty'), '')]);
    assert.equal(store.get(key('empty'))?.byteLength, 0);
    assert.equal(store.has(key('empty')), true);
  });

  claim('writes that overlap become durable in the order of their calls', async ({ store }) => {
    const settled: number[] = [];
    const one = async (i: number): Promise<void> => {
      await store.write([put(key('n'), `${i}`), put(key('n', i), 'x')]);
      settled.push(i);
      assert.ok(Number(text(store.get(key('n')))) >= i);
    };
    await Promise.all(Array.from({ length: 40 }, (_, i) => one(i)));
    assert.deepEqual(
      settled,
      [...settled].sort((a, b) => a - b),
    );
    assert.equal(text(store.get(key('n'))), '39');
  });

  claim('an empty write does not settle before those in front of it', async ({ store }) => {
    const settled: string[] = [];
    const full = store.write([put(key('a'), 'x')]).then(() => settled.push('full'));
    await Promise.all([store.write([]).then(() => settled.push('empty')), full]);
    assert.deepEqual(settled, ['full', 'empty']);
  });

  claim('rows are there when it is opened again', async (opened) => {
    const value = new Uint8Array(70_000).fill(7);
    await opened.store.write([{ key: key('big'), value }, put(key('small'), 'x')]);
    const again = await opened.reopen();
    assert.deepEqual(new Uint8Array(again.store.get(key('big'))!), value);
    assert.equal(text(again.store.get(key('small'))), 'x');
    await again.close();
  });

  claim('closing waits for writes on their way, and a closed store takes none', async (opened) => {
    const written = opened.store.write([put(key('last'), 'kept')]);
    await opened.store.close();
    await written;
    await assert.rejects(opened.store.write([put(key('late'), 'x')]), { code: 'storeClosed' });
    const again = await opened.reopen();
    assert.deepEqual(textsIn(again.store), [[key('last'), 'kept']]);
    await again.close();
  });
}

function claimsOfReading(claim: Claim): void {
  claim('bytes that were read belong to the reader', async ({ store }) => {
    await store.write([put(key('a'), 'aaa'), put(key('b'), 'bbb')]);
    const first = store.get(key('a'))!;
    const [, ranged] = store.range(everything);
    first.fill(0);
    ranged!.value.fill(0);
    await store.write([put(key('a'), 'AAA')]);
    assert.deepEqual([...first], [0, 0, 0]);
    assert.deepEqual(textsIn(store), [
      [key('a'), 'AAA'],
      [key('b'), 'bbb'],
    ]);
  });

  claim('bytes that were written may be changed once the write has settled', async ({ store }) => {
    const value = bytes('before');
    await store.write([{ key: key('a'), value }]);
    value.fill(0);
    assert.equal(text(store.get(key('a'))), 'before');
  });

  claim('a range is read on behind its last key', async ({ store }) => {
    await store.write(Array.from({ length: 25 }, (_, i) => put(key('page', i), `${i}`)));
    await store.write([put(key('page'), 'the parent'), put(key('pagf', 1), 'another')]);
    const seen: string[] = [];
    let { start, end } = below(key('page'));
    for (;;) {
      const rows = store.range({ start, end, limit: 10 });
      if (rows.length === 0) break;
      seen.push(...rows.map((row) => text(row.value)!));
      start = after(rows.at(-1)!.key);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 25 }, (_, i) => `${i}`),
    );
  });

  claim('ranges agree with a sorted list, in both directions and with any bounds', async ({ store }) => {
    const rowKeys = fc.string({ unit: fc.constantFrom('\x01', '\x10', 'a', 'b', '\xff'), minLength: 1, maxLength: 4 });
    const bound = fc.string({ unit: fc.constantFrom('\x00', '\x10', 'a', 'b', '\xff'), minLength: 1, maxLength: 4 });
    const batches = fc.array(fc.tuple(rowKeys, fc.boolean()), { maxLength: 30 });
    const model = new Set<string>();
    const property = fc.asyncProperty(
      batches,
      bound,
      bound,
      fc.integer({ min: 1, max: 12 }),
      async (ops, a, b, limit) => {
        for (const [row, isPut] of ops) isPut ? model.add(row) : model.delete(row);
        await store.write(ops.map(([row, isPut]) => ({ key: row as RowKey, value: isPut ? bytes(row) : null })));
        const inside = [...model].filter((row) => row >= a && row < b).sort();
        const bounds = { start: a as RowKey, end: b as RowKey, limit };
        assert.deepEqual(
          store.range(bounds).map((row) => row.key as string),
          inside.slice(0, limit),
        );
        const downwards = store.range({ ...bounds, reverse: true }).map((row) => row.key as string);
        assert.deepEqual(downwards, inside.reverse().slice(0, limit));
        for (const row of model) assert.equal(text(store.get(row as RowKey)), text(bytes(row)));
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  claim('the longest key is kept whole, and a longer one is a bug that writes nothing', async ({ store }) => {
    const longest = 'k'.repeat(1978) as RowKey;
    await store.write([put(longest, 'whole'), put(`${longest.slice(0, -1)}j` as RowKey, 'neighbour')]);
    assert.equal(text(store.get(longest)), 'whole');
    assert.equal(store.range({ ...everything, reverse: true, limit: 1 })[0]?.key, longest);
    const tooLong = [put(key('half'), 'x'), put(`${longest}k` as RowKey, 'x')];
    await assert.rejects(async () => store.write(tooLong), /broken invariant/);
    await store.write([put(key('next'), 'x')]);
    assert.equal(store.has(key('half')), false);
  });

  claim('it knows its size and the room around it', async ({ store }) => {
    await store.write([{ key: key('a'), value: new Uint8Array(100_000) }]);
    const { sizeBytes, sizeBytesMax, freeBytes } = store.stats();
    assert.ok(sizeBytes >= 100_000 && sizeBytes < sizeBytesMax);
    assert.ok(freeBytes > 0);
  });
}
