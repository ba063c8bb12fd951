import assert from 'node:assert/strict';
import { test } from 'node:test';
import { account } from '../../../actors/account/account.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const dayMs = 24 * 3_600_000;

function bench() {
  const actor = new ActorBench(account, { key: 'acc' });
  const named = { address: 'ann@example.org', mailboxId: 'm', displayName: '', credential: null };
  actor.ask({ kind: 'create', ...named });
  const begin = (key: string, payloadHash = 'p') => actor.ask({ kind: 'beginRequest', key, payloadHash });
  const finish = (key: string, mailId: string) => actor.ask({ kind: 'finishRequest', key, mailId });
  const release = (key: string) => actor.ask({ kind: 'releaseRequest', key });
  return { actor, begin, finish, release };
}

void test('a request begins once: repetitions get the same seed and time, and its mail once that is known', () => {
  const { actor, begin, finish } = bench();
  const first = begin('k');
  assert.equal(first.isNew, true);
  actor.nowMs += 1000;
  assert.deepEqual(begin('k'), { ...first, isNew: false });
  assert.deepEqual(finish('k', 'mail1'), { mailId: 'mail1' });
  assert.deepEqual(finish('k', 'mail2'), { mailId: 'mail1' }, 'the first answer holds');
  assert.deepEqual(begin('k'), { ...first, isNew: false, mailId: 'mail1' });
});

void test('another payload under a key is refused, begun or finished', () => {
  const { begin, finish } = bench();
  begin('k');
  assert.throws(() => begin('k', 'other'), refusal('requestKeyReused'));
  finish('k', 'mail1');
  assert.throws(() => begin('k', 'other'), refusal('requestKeyReused'));
});

void test('a released key is free, a finished one is not', () => {
  const { begin, finish, release } = bench();
  const first = begin('k');
  release('k');
  const second = begin('k', 'other');
  assert.equal(second.isNew, true);
  assert.notEqual(second.seed, first.seed);
  finish('k', 'mail1');
  release('k');
  assert.equal(begin('k', 'other').mailId, 'mail1');
});

void test('a day later a key stands for nothing, and its rows are gone', () => {
  const { actor, begin, finish } = bench();
  begin('early');
  finish('early', 'mail1');
  actor.advance(dayMs / 2);
  begin('late');
  actor.advance(dayMs / 2);
  assert.equal(begin('late').isNew, false, 'the timer took the old row only');
  assert.equal(begin('early', 'other').isNew, true);
  actor.advance(2 * dayMs);
  assert.deepEqual([...actor.timers], []);
});

void test('a key that is over is free, also where the timer comes late', () => {
  const { actor, begin, finish, release } = bench();
  begin('k');
  actor.nowMs += dayMs;
  assert.deepEqual(finish('k', 'mail1'), { mailId: 'mail1' });
  release('k');
  assert.equal(begin('k', 'other').isNew, true);
  actor.advance(dayMs);
  assert.deepEqual([...actor.timers], [], 'and nothing of the first one is left');
});

void test('thousands of keys are forgotten in turns that stay small', () => {
  const { actor, begin } = bench();
  for (let i = 0; i < 1_300; i++) begin(`k${i}`);
  actor.advance(dayMs);
  assert.deepEqual([...actor.timers], []);
  assert.ok(actor.rowsRead < 4_000, `${actor.rowsRead} rows`);
  assert.equal(begin('k0', 'other').isNew, true);
});

void test('an account has a bound of keys, and room again when some are forgotten', () => {
  const { actor, begin } = bench();
  for (let i = 0; i < 100_000; i++) begin(`k${i}`);
  assert.throws(() => begin('one more'), refusal('tooManyRequestKeys'));
  assert.equal(begin('k7').isNew, false, 'those that are there go on');
  actor.nowMs += dayMs;
  assert.equal(begin('k7').isNew, true, 'and may begin again');
});

void test('an account that is not there has no requests, and one that goes leaves rows to the timer alone', () => {
  const { actor, begin } = bench();
  begin('k');
  actor.ask({ kind: 'remove' });
  assert.throws(() => begin('k'), refusal('noSuchAccount'));
  assert.equal(actor.timers.size, 1);
  actor.advance(dayMs);
  assert.deepEqual([...actor.timers], []);
});
