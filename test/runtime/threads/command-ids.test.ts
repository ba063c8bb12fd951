import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../../runtime/base/random.ts';
import { CommandIds } from '../../../runtime/threads/command-ids.ts';

void test('the watermark is the lowest sequence that is not settled, whatever the order of answers', () => {
  const ids = new CommandIds(systemRandom);
  assert.deepEqual([ids.nextSeq(), ids.nextSeq(), ids.nextSeq(), ids.nextSeq()], [1, 2, 3, 4]);
  assert.equal(ids.settledBelow, 1);
  ids.settle(3);
  ids.settle(2);
  assert.equal(ids.settledBelow, 1);
  ids.settle(1);
  assert.equal(ids.settledBelow, 4);
  ids.settle(4);
  assert.equal(ids.settledBelow, 5);
});

void test('two starts are two callers', () => {
  assert.notEqual(new CommandIds(systemRandom).caller, new CommandIds(systemRandom).caller);
});
