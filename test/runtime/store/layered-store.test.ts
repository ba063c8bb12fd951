import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';

const key = (name: string): RowKey => rowKey(['s', name]);
const put = (name: string) => ({ key: key(name), value: Buffer.from(name) });
const gone = (name: string) => ({ key: key(name), value: null });

void test('layers: known keys are those of the tree and of both layers, deleted or not, in order and in parts', () => {
  const tree = new MemoryStore();
  tree.disk.apply(['a', 'c', 'e', 'g'].map(put));
  const store = new LayeredStore(tree);
  store.apply([put('b'), gone('c'), put('d')]);
  store.seal();
  store.apply([gone('d'), gone('e'), put('f'), gone('never there')]);
  const { start, end } = below(rowKey(['s']));
  const names = (keys: readonly RowKey[]) =>
    keys.map((of) => ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'never there'].find((name) => key(name) === of));
  assert.deepEqual(names(store.knownKeys({ start, end, limit: 100 })), [
    'a',
    'b',
    'c',
    'd',
    'e',
    'f',
    'g',
    'never there',
  ]);
  assert.deepEqual(names(store.knownKeys({ start: key('c'), end, limit: 3 })), ['c', 'd', 'e']);
  assert.deepEqual(names(store.range({ start, end, limit: 100 }).map((row) => row.key)), ['a', 'b', 'f', 'g']);
});
