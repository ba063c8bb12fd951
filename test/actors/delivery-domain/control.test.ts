import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ItemFilter } from '../../../actors/delivery-domain/protocol.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { minuteMs, QueueBench, resultOf, sampleOutgoing } from '../../support/queue-bench.ts';

type Action = 'retry' | 'hold' | 'release' | 'drop' | 'undrop' | 'reroute';

function control(queue: QueueBench, action: Action, filter: ItemFilter = {}, preview = false): number {
  return queue.ask({ kind: 'control', action, filter, preview }).count;
}

void test('a preview counts and changes nothing; a drop can be undone for an hour', () => {
  const queue = new QueueBench();
  queue.send();
  queue.send();
  assert.equal(control(queue, 'drop', {}, true), 2);
  assert.deepEqual(queue.states(), ['queued', 'queued']);
  assert.equal(control(queue, 'drop'), 2);
  assert.equal(queue.summary().dropped, 2);
  assert.equal(queue.begin().jobs.length, 0);
  const [first] = queue.items();
  assert.equal(control(queue, 'undrop', { itemIds: [first!.itemId] }), 1);
  queue.advance(60 * minuteMs);
  assert.deepEqual(
    queue.items().map(({ itemId }) => itemId),
    [first!.itemId],
  );
  assert.equal(queue.holds.size, 1);
  assert.equal(control(queue, 'undrop'), 0);
});

void test('filters: by mail, sender, age, state, and all of them together', () => {
  const queue = new QueueBench();
  const old = queue.send(['a@example.net'], sampleOutgoing({ reversePath: 'ann@example.org' }));
  queue.advance(10 * minuteMs);
  queue.send(['b@example.net'], sampleOutgoing({ reversePath: 'cy@example.org' }));
  const count = (filter: ItemFilter) => control(queue, 'hold', filter, true);
  assert.equal(count({}), 2);
  assert.equal(count({ mailId: old }), 1);
  assert.equal(count({ sender: 'cy@example.org' }), 1);
  assert.equal(count({ olderThanMs: 5 * minuteMs }), 1);
  assert.equal(count({ sender: 'cy@example.org', olderThanMs: 5 * minuteMs }), 0);
  assert.equal(count({ state: 'held' }), 0);
  assert.equal(control(queue, 'hold', { mailId: old }), 1);
  assert.equal(control(queue, 'release', { state: 'held' }, true), 1);
});

void test('held items rest until they are released; retry makes a waiting one due now', () => {
  const queue = new QueueBench();
  queue.send();
  control(queue, 'hold');
  queue.advance(30 * minuteMs);
  assert.equal(queue.tryAll('delivered'), 0);
  assert.equal(control(queue, 'release'), 1);
  assert.equal(queue.tryAll('deferred'), 1);
  const said = queue.announcements;
  assert.equal(control(queue, 'retry'), 1);
  assert.ok(queue.announcements > said);
  assert.equal(queue.tryAll('delivered'), 1);
});

void test('what is being attempted is left alone', () => {
  const queue = new QueueBench();
  queue.send();
  const work = queue.begin();
  for (const action of ['retry', 'hold', 'drop', 'release', 'undrop'] as const) assert.equal(control(queue, action), 0);
  queue.finish(work, [resultOf(work.jobs[0]!, 'delivered')]);
  assert.deepEqual(queue.items(), []);
});

void test('a route is carried by the next attempts, and a bad one is refused', () => {
  const queue = new QueueBench();
  queue.send();
  const reroute = (route: string | null) =>
    queue.ask({ kind: 'control', action: 'reroute', filter: {}, preview: false, route });
  assert.deepEqual(reroute('mx2.example.org:2525'), { count: 1 });
  for (const bad of ['nowhere', 'mx.example.org:0', 'mx.example.org:65536', 'a b:25', '2001:db8::1:25', '[1]:25']) {
    assert.throws(
      () => reroute(bad),
      (error) => error instanceof OperationError && error.code === 'badRoute',
      bad,
    );
  }
  assert.equal(queue.begin().jobs[0]?.route, 'mx2.example.org:2525');
});

void test('a large queue is worked through in pages', () => {
  const queue = new QueueBench();
  for (let i = 0; i < 350; i++) queue.send();
  assert.equal(control(queue, 'hold'), 350);
  assert.equal(queue.turns, 4);
  assert.equal(queue.summary().byState.held, 350);
});
