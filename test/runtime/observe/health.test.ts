import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from '../../../runtime/observe/health.ts';

void test('a node is ready when every condition is met, and says which is not', () => {
  const changes: boolean[] = [];
  const health = new Health(['store', 'edges'], ({ isReady }) => changes.push(isReady));
  health.met('store');
  assert.deepEqual(health.report(), {
    isReady: false,
    conditions: [
      { name: 'store', isMet: true, text: '' },
      { name: 'edges', isMet: false, text: 'not started yet' },
    ],
  });
  health.met('edges');
  health.met('edges');
  health.unmet('store', 'the disk is full');
  assert.deepEqual(changes, [true, false]);
  assert.throws(() => health.met('unknown'), /broken invariant/);
});
