import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertLimits, limits } from '../../../runtime/base/limits.ts';

void test('the limits agree with each other, and a contradiction stops the start', () => {
  assertLimits();
  assert.throws(
    () => assertLimits({ ...limits, turnWriteBytesMax: limits.groupCommitBytesMax + 1 }),
    /largest turn fits/,
  );
  assert.throws(() => assertLimits({ ...limits, pendingBytesMax: 0 }), /pendingBytesMax is a whole number above 0/);
});
