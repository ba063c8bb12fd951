import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSize, parseSize } from '../../../runtime/base/sizes.ts';

void test('sizes: both ways, in powers of 1024', () => {
  assert.equal(formatSize(1_536), '1.5 KiB');
  assert.equal(formatSize(12), '12 bytes');
  assert.deepEqual(['500M', '2 GiB', '10', '1.5k', 'none', '-1', 'much'].map(parseSize), [
    ...[524_288_000, 2_147_483_648, 10, 1_536, 0],
    ...[null, null],
  ]);
});
