import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { Supervisor } from '../../../runtime/threads/supervisor.ts';
import type { FrailConfig } from './frail-edge.ts';
import { PlainTarget } from './plain-target.ts';

function supervised(config: Partial<FrailConfig> = {}) {
  const target = new PlainTarget();
  const lines: string[] = [];
  const log = (_fields: unknown, text: string): void => void lines.push(text);
  let generation = 0;
  const backUp: (() => void)[] = [];
  const edge = new Supervisor({
    name: 'frail-1',
    entry: new URL('./frail-edge.ts', import.meta.url),
    target,
    clock: systemClock,
    heapMegabytesMax: 32,
    config: (): FrailConfig => ({ ...config, generation: ++generation }),
    log: {
      info: (fields, text) => {
        log(fields, text);
        if (text === 'worker serves again') for (const wake of backUp.splice(0)) wake();
      },
      warn: log,
      error: log,
    },
  });
  const servesAgain = (): Promise<void> => new Promise((resolve) => backUp.push(resolve));
  return { edge, target, lines, servesAgain };
}

void test('a worker starts, reaches the core, answers and stops', async () => {
  const { edge } = supervised();
  await edge.start();
  assert.equal(edge.status, 'serving');
  assert.deepEqual(await edge.stats(), { generation: 1, callsInFlight: 0 });
  await assert.rejects(edge.reloadCertificate({ certificate: '', key: '' }), {
    code: 'badCertificate',
    transient: false,
  });
  await edge.stop(100);
  assert.equal(edge.status, 'stopped');
  await assert.rejects(edge.stats(), { code: 'workerLost' });
});

void test('a first start that fails says why and is not repeated', async () => {
  const { edge } = supervised({ refuseStart: true });
  await assert.rejects(edge.start(), {
    code: 'portInUse',
    transient: false,
    message: /frail-1 did not start: port 25/,
  });
  assert.equal(edge.status, 'stopped');
});

for (const fault of ['throw', 'exit', 'memory']) {
  void test(`fault "${fault}": what is pending fails as transient, and the worker serves again`, async () => {
    const { edge, target, lines, servesAgain } = supervised();
    await edge.start();
    const pending = edge.reloadCertificate({ certificate: '', key: 'hang' });
    // After a call that was answered the one before it is in the worker too.
    await edge.stats();
    const again = servesAgain();
    target.topics.get('fault')?.(fault);
    await assert.rejects(pending, { code: 'workerLost', transient: true });
    assert.equal(edge.status, 'waiting');
    await assert.rejects(edge.stats(), { code: 'workerLost', transient: true });
    await again;
    assert.deepEqual(await edge.stats(), { generation: 2, callsInFlight: 0 }, 'with the configuration as it is now');
    assert.equal(edge.crashCount, 1);
    assert.ok(lines.includes('worker ended; it is started again'));
    await edge.stop(100);
  });
}

void test('stop also ends a worker that waits to be restarted', async () => {
  const { edge, target } = supervised();
  await edge.start();
  const pending = edge.reloadCertificate({ certificate: '', key: 'hang' });
  await edge.stats();
  target.topics.get('fault')?.('exit');
  await assert.rejects(pending, { code: 'workerLost' });
  await edge.stop(100);
  assert.equal(edge.status, 'stopped');
});
