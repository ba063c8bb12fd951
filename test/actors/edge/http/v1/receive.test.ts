import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { ByteBudget } from '../../../../../actors/edge/http/v1/byte-budget.ts';
import { received } from '../../../../../actors/edge/http/v1/receive.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

/** A request whose body the test sends piece by piece. */
function upload() {
  let pieces!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      pieces = controller;
    },
  });
  const request = new Request('http://mail.test/', { method: 'POST', body, duplex: 'half' });
  let isCut = false;
  const incoming = {
    destroy() {
      isCut = true;
      pieces.error(new Error('aborted'));
    },
  } as unknown as IncomingMessage;
  return { request, incoming, pieces, isCut: () => isCut };
}

const bounds = { bytesMax: 1_000_000, memoryFactor: 1 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const size = async (bytes: Uint8Array): Promise<number> => bytes.length;

void test('a body that comes slowly is taken as long as it comes', async () => {
  const clock = new FakeClock();
  const { request, incoming, pieces, isCut } = upload();
  const taken = received({ clock, budget: new ByteBudget(1_000_000) }, { request, incoming, ...bounds }, size);
  for (let i = 0; i < 20; i++) {
    pieces.enqueue(new Uint8Array(6_000));
    await turn();
    clock.advance(5_000);
  }
  pieces.close();
  assert.equal(await taken, 120_000);
  assert.equal(isCut(), false);
});

void test('a client that trickles is cut off, and what it held is free again', async () => {
  const clock = new FakeClock();
  const budget = new ByteBudget(1_000_000);
  const { request, incoming, pieces, isCut } = upload();
  const taken = received({ clock, budget }, { request, incoming, ...bounds }, size);
  const failed = assert.rejects(taken, { code: 'tooSlow' });
  for (let i = 0; i < 4 && !isCut(); i++) {
    pieces.enqueue(new Uint8Array(10));
    await turn();
    clock.advance(5_000);
  }
  await failed;
  assert.equal(isCut(), true);
  budget.open().take(1_000_000);
});

void test('a connection that ends early is no bug', async () => {
  const { request, incoming, pieces } = upload();
  const taken = received(
    { clock: new FakeClock(), budget: new ByteBudget(10) },
    { request, incoming, ...bounds },
    size,
  );
  pieces.error(new Error('ECONNRESET'));
  await assert.rejects(taken, { code: 'connectionLost' });
});

void test('memory is shared: who comes when it is spent waits, and one alone always fits', async () => {
  const budget = new ByteBudget(1_000);
  const first = budget.open();
  first.take(5_000);
  const second = budget.open();
  assert.throws(() => second.take(1), { code: 'busy', transient: true });
  first.close();
  second.take(900);
  assert.throws(() => budget.open().take(200), { code: 'busy' });
  second.close();
  second.close();
  budget.open().take(1_000);
});

void test('what a request holds is counted until its use has ended', async () => {
  const budget = new ByteBudget(1_000);
  const { request, incoming, pieces } = upload();
  let end = (): void => undefined;
  const used = new Promise<void>((resolve) => {
    end = resolve;
  });
  const taken = received(
    { clock: new FakeClock(), budget },
    { request, incoming, bytesMax: 1_000, memoryFactor: 3 },
    async () => await used,
  );
  pieces.enqueue(new Uint8Array(300));
  pieces.close();
  await turn();
  assert.throws(() => budget.open().take(200), { code: 'busy' });
  end();
  await taken;
  budget.open().take(1_000);
});
