import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Stage, Stages } from '../../../runtime/lifecycle/stages.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function world(stages: readonly Partial<Stage>[]) {
  const did: string[] = [];
  const clock = new FakeClock();
  const log = { info: () => undefined, error: (_fields: unknown, text: string) => void did.push(text) };
  const all = stages.map((stage, i): Stage => {
    const name = 'abc'.charAt(i);
    return {
      number: (i + 1) * 100,
      name,
      start: async () => void did.push(`${name} up`),
      stop: async () => void did.push(`${name} down`),
      ...stage,
    };
  });
  return { stages: new Stages({ stages: all, clock, log }), did, clock };
}

const never = (): Promise<void> => new Promise(() => undefined);

void test('stages start in order and stop in reverse, once', async () => {
  const { stages, did } = world([{}, {}, {}]);
  await stages.start();
  await Promise.all([stages.stop(), stages.stop()]);
  assert.deepEqual(did, ['a up', 'b up', 'c up', 'c down', 'b down', 'a down']);
});

void test('when one fails, those in front of it are stopped and the error is given on', async () => {
  const start = async (): Promise<void> => {
    throw new Error('no disk');
  };
  const { stages, did } = world([{}, { start }, {}]);
  await assert.rejects(stages.start(), /no disk/);
  assert.deepEqual(did, ['a up', 'stage b failed to start', 'a down']);
});

void test('one that does not come up in time is stopped too, since it may be half up', async () => {
  const { stages, did, clock } = world([{}, { start: never, startMsMax: 500 }]);
  const started = stages.start();
  await new Promise(setImmediate);
  clock.advance(500);
  await assert.rejects(started, { code: 'stageTooSlow', message: /"b" did not come up within 500 ms/ });
  assert.deepEqual(did, ['a up', 'b down', 'a down'], 'a refusal is told by whoever started us');
});

void test('stopping comes to its end even if a stage throws or hangs', async () => {
  const stop = async (): Promise<void> => {
    throw new Error('stuck');
  };
  const { stages, did, clock } = world([{}, { stop }, { stop: never, stopMsMax: 100 }]);
  await stages.start();
  const stopped = stages.stop();
  await new Promise(setImmediate);
  clock.advance(100);
  await stopped;
  assert.deepEqual(did.slice(3), ['stage c failed to stop; going on', 'stage b failed to stop; going on', 'a down']);
});

void test('a node that is stopped while it starts begins no further stage', async () => {
  const bUp = Promise.withResolvers<void>();
  const { stages, did } = world([{}, { start: () => bUp.promise }, {}]);
  const started = stages.start();
  await new Promise(setImmediate);
  const stopped = stages.stop();
  bUp.resolve();
  await assert.rejects(started, { code: 'stopping' });
  await stopped;
  assert.deepEqual(did, ['a up', 'b down', 'a down']);
});
