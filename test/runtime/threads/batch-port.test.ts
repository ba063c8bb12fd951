import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { Outcome } from '../../../runtime/actor/request.ts';
import { type Clock, systemClock } from '../../../runtime/base/clock.ts';
import { refused } from '../../../runtime/base/errors.ts';
import {
  batchItemsMax,
  BatchPort,
  type BatchPortOptions,
  type Item,
  type Port,
} from '../../../runtime/threads/batch-port.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Time stands still; the loop does not. */
class LoopClock extends FakeClock {
  override soon(wake: () => void): void {
    setImmediate(wake);
  }
}

interface Pair {
  readonly here: BatchPort;
  readonly there: BatchPort;
  /** What was posted from here, batch by batch. */
  readonly posted: Item[][];
  readonly told: Item[];
}

function pair(serve: BatchPortOptions['serve'], options: { clock?: Clock; callsInFlightMax?: number } = {}): Pair {
  const { port1, port2 } = new MessageChannel();
  const clock = options.clock ?? systemClock;
  const posted: Item[][] = [];
  const told: Item[] = [];
  const counting: Port = {
    postMessage: (value, transfer) => {
      port1.postMessage(value, transfer as ArrayBuffer[]);
      posted.push(value as Item[]);
    },
    on: (event: string, listener: (value: never) => void) => port1.on(event as 'message', listener as () => void),
    close: () => port1.close(),
  };
  const { callsInFlightMax } = options;
  const here = new BatchPort({
    port: counting,
    clock,
    peer: 'there',
    ...(callsInFlightMax === undefined ? {} : { callsInFlightMax }),
    serve: (item, settle) => settle({ ok: true, answer: ['from here', item[2]] }),
    receive: () => undefined,
  });
  const there = new BatchPort({
    port: port2,
    clock: systemClock,
    peer: 'here',
    serve,
    receive: (item) => told.push(item),
  });
  return { here, there, posted, told };
}

const call = (port: BatchPort, ...args: unknown[]): Promise<Outcome> =>
  new Promise((settle) => port.call([0, ...args], 1_000, settle));

const echo: BatchPortOptions['serve'] = (item, settle) => settle({ ok: true, answer: item[2] });

void test('calls of one turn share messages: full ones leave at once, the rest at the end of the turn', async () => {
  const { here, posted } = pair(echo);
  const answers = Promise.all(Array.from({ length: 2 * batchItemsMax + 1 }, (_, i) => call(here, 1, i)));
  const sizes = () => posted.map((batch) => batch.length);
  assert.deepEqual(sizes(), [batchItemsMax, batchItemsMax]);
  assert.deepEqual(
    (await answers).map((outcome) => outcome.ok && outcome.answer),
    [...Array(2 * batchItemsMax + 1).keys()],
  );
  assert.deepEqual(sizes(), [batchItemsMax, batchItemsMax, 1]);
  here.close();
});

void test('both ends may call', async () => {
  const { here, there } = pair(echo);
  assert.deepEqual(await call(there, 1, 'x'), { ok: true, answer: ['from here', 'x'] });
  here.close();
});

void test('what is told arrives in order with the calls of its turn', async () => {
  const { here, told, posted } = pair(echo);
  here.tell([0, 8, 'first']);
  const answer = call(here, 1, 'second');
  here.tell([0, 8, 'third']);
  await answer;
  assert.deepEqual(
    told.map((item) => item[2]),
    ['first', 'third'],
  );
  assert.equal(posted.length, 1);
  here.close();
});

void test('an error keeps its code, whether thrown or settled', async () => {
  const { here } = pair((item, settle) => {
    if (item[2] === 'throw') throw refused('noSuchUser', 'no such user');
    settle({ ok: false, error: { code: 'busy', transient: true, text: 'later' } });
  });
  assert.deepEqual(await call(here, 1, 'throw'), {
    ok: false,
    error: { code: 'noSuchUser', transient: false, text: 'no such user' },
  });
  assert.deepEqual(await call(here, 1, 'settle'), {
    ok: false,
    error: { code: 'busy', transient: true, text: 'later' },
  });
  here.close();
});

void test('bytes that own their buffer are moved, a window on a pool is copied', async () => {
  const { here } = pair((item, settle) => settle({ ok: true, answer: item[2] }));
  const own = new Uint8Array(10_240).fill(7);
  const pooled = Buffer.from('a window on the pool');
  const answers = await Promise.all([call(here, 1, here.giveAway(own)), call(here, 1, here.giveAway(pooled))]);
  assert.equal(own.byteLength, 0, 'the buffer has moved');
  assert.equal(pooled.toString(), 'a window on the pool');
  const [first, second] = answers.map((outcome) => (outcome.ok ? (outcome.answer as Uint8Array) : assert.fail()));
  assert.equal(first?.byteLength, 10_240);
  assert.equal(second?.buffer.byteLength, pooled.byteLength, 'nothing of the pool went along');
  here.close();
});

void test('the same bytes may be named twice in one turn', async () => {
  const { here } = pair((item, settle) => settle({ ok: true, answer: (item[2] as Uint8Array).byteLength }));
  const body = new Uint8Array(100);
  const outcomes = await Promise.all([call(here, 1, here.giveAway(body)), call(here, 1, here.giveAway(body))]);
  assert.deepEqual(outcomes, [
    { ok: true, answer: 100 },
    { ok: true, answer: 100 },
  ]);
  here.close();
});

void test('a value that cannot cross fails its own call, not those of its turn', async () => {
  const { here } = pair((item, settle) =>
    settle({ ok: true, answer: item[2] instanceof Uint8Array ? item[2].byteLength : item[2] }),
  );
  const outcomes = await Promise.all([
    call(here, 1, 'good'),
    call(here, 1, () => 'a function'),
    call(here, 1, here.giveAway(new Uint8Array(50))),
  ]);
  assert.deepEqual(outcomes[0], { ok: true, answer: 'good' });
  assert.equal(!outcomes[1]?.ok && outcomes[1]?.error.code, 'notSendable');
  assert.deepEqual(outcomes[2], { ok: true, answer: 50 });
  here.close();
});

void test('an answer that cannot cross fails its call', async () => {
  const { here } = pair((_item, settle) => settle({ ok: true, answer: () => 'a function' }));
  const outcome = await call(here, 1);
  assert.equal(!outcome.ok && outcome.error.code, 'notSendable');
  here.close();
});

void test('a call without an answer fails at its deadline, and an answer behind it is ignored', async () => {
  const clock = new LoopClock();
  let answerLate: (() => void) | undefined;
  const asked = Promise.withResolvers<void>();
  const { here } = pair(
    (_item, settle) => {
      answerLate = () => settle({ ok: true, answer: 'late' });
      asked.resolve();
    },
    { clock },
  );
  const codes: string[] = [];
  here.call([0, 1], 500, (outcome) => codes.push(outcome.ok ? 'ok' : outcome.error.code));
  await asked.promise;
  clock.advance(499);
  assert.deepEqual(codes, []);
  clock.advance(11);
  assert.deepEqual(codes, ['deadlinePassed']);
  const next = call(here, 1);
  answerLate?.();
  answerLate = undefined;
  void next;
  assert.deepEqual(codes, ['deadlinePassed']);
  here.close();
});

void test('a shorter deadline is not held up by a longer one', () => {
  const clock = new LoopClock();
  const { here } = pair(() => undefined, { clock });
  const failed: string[] = [];
  here.call([0, 1], 30_000, () => failed.push('long'));
  here.call([0, 1], 100, () => failed.push('short'));
  clock.advance(110);
  assert.deepEqual(failed, ['short']);
  clock.advance(30_000);
  assert.deepEqual(failed, ['short', 'long']);
  here.close();
});

void test('calls beyond the bound are refused as busy at once', () => {
  const { here } = pair(() => undefined, { callsInFlightMax: 2 });
  const codes: string[] = [];
  for (let i = 0; i < 3; i++) {
    here.call([0, 1], 1_000, (outcome) => codes.push(outcome.ok ? 'ok' : outcome.error.code));
  }
  assert.deepEqual(codes, ['busy']);
  here.close();
  assert.deepEqual(codes, ['busy', 'workerLost', 'workerLost']);
});

void test('when the other end goes, what is pending fails as transient, and so does what comes later', async () => {
  const { here, there } = pair(() => there.close());
  const outcome = await call(here, 1);
  assert.deepEqual(!outcome.ok && [outcome.error.code, outcome.error.transient], ['workerLost', true]);
  const later = await call(here, 1);
  assert.equal(!later.ok && later.error.code, 'workerLost');
});
