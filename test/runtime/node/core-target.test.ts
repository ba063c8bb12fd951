import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { openLoneCore } from '../../support/lone-log.ts';
import { openCore } from '../../../runtime/node/core.ts';
import { coreTarget } from '../../../runtime/node/core-target.ts';
import { NodeCounts } from '../../../runtime/observe/metric-table.ts';
import { directoryOf } from '../store/temporary-directory.ts';

void test('inspections: what can be in no key is refused before it is in one, since that would stop the node', async (t) => {
  const fatals: unknown[] = [];
  const core = await openCore({
    dataPath: directoryOf(t),
    nodeId: nodeId('n1'),
    mayCreate: true,
    kinds: new Map(),
    openLog: openLoneCore,
    clock: systemClock,
    random: systemRandom,
    limits,
    reports: { bug: () => undefined, turn: () => undefined, slow: () => undefined, noticeFailed: () => undefined },
    observe: () => undefined,
    fatal: (error) => void fatals.push(error),
  });
  const target = coreTarget({
    core,
    clock: systemClock,
    topics: new Map(),
    inspections: new Map(),
    counts: new NodeCounts(),
    unknownMetric: () => undefined,
  });
  const isRefused = (error: unknown): boolean => error instanceof OperationError && error.code === 'badArgument';
  for (const subject of ['', '\0', 'a\x01', 'a'.repeat(100) + '\x04', '\ud800', 'a'.repeat(2000), 7]) {
    await assert.rejects(target.inspect('events', { subject }), isRefused);
    await assert.rejects(target.inspect('actors', { kind: subject, after: null, limit: 1 }), isRefused);
    await assert.rejects(target.inspect('actors', { kind: 'mailbox', after: subject, limit: 1 }), isRefused);
  }
  for (const number of [-0, Number.NaN, Number.POSITIVE_INFINITY, 0.5, '1']) {
    await assert.rejects(target.inspect('retryDeadLetter', { shard: 0, index: number }), isRefused);
    await assert.rejects(target.inspect('dropDeadLetter', { shard: number, index: 0 }), isRefused);
  }
  assert.deepEqual(await target.inspect('events', { subject: '01k9zq2v7h3m5n8p4r6s1t0w2x' }), []);
  assert.deepEqual(await target.inspect('deadLetters', { limit: 0 }), []);
  for (const shards of [7, 'all', [-1], [0.5], ['1']]) {
    await assert.rejects(target.inspect('deadLetters', { limit: 1, shards }), isRefused);
    await assert.rejects(target.inspect('events', { subject: 'a', shards }), isRefused);
  }
  assert.deepEqual(await target.inspect('deadLetters', { limit: 1, shards: [0, 5] }), []);
  assert.deepEqual(await target.inspect('actors', { kind: 'mailbox', after: null, limit: 10 }), []);
  await core.close();
  assert.deepEqual(fatals, []);
});
