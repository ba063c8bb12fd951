import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { defineActor, type Principal } from '../../../runtime/actor/actor.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { CoreClient, type CoreClientOptions } from '../../../runtime/threads/core-client.ts';
import { CoreServer } from '../../../runtime/threads/core-server.ts';
import { LocalCore } from '../../../runtime/threads/local-core.ts';
import { PlainTarget } from './plain-target.ts';

interface EchoProtocol {
  command:
    | { readonly kind: 'echo'; readonly value?: unknown }
    | { readonly kind: 'refuse' }
    | { readonly kind: 'silent' };
  query: { readonly kind: 'look'; readonly at: number };
  notice: never;
  answers: { echo: unknown; refuse: never; silent: never; look: { readonly key: string } };
}
const echoes = defineActor<EchoProtocol>('echo');
const principal: Principal = { kind: 'node', id: 'n1' };

interface World {
  readonly core: CoreApi;
  readonly target: PlainTarget;
  readonly close: () => void;
}

function overPort(options: Partial<CoreClientOptions> = {}): World {
  const { port1, port2 } = new MessageChannel();
  const target = new PlainTarget();
  const server = new CoreServer({
    port: port1,
    target,
    clock: systemClock,
    peer: 'w',
    onBug: (error) => assert.fail(String(error)),
  });
  const client = new CoreClient({ port: port2, clock: systemClock, random: systemRandom, shardCount: 16, ...options });
  return { core: client, target, close: () => (client.close(), server.close()) };
}

function inProcess(): World {
  const target = new PlainTarget();
  const core = new LocalCore({ target, clock: systemClock, random: systemRandom });
  return { core, target, close: () => core.close() };
}

for (const [way, make] of [
  ['over a port', overPort],
  ['in the core itself', inProcess],
] as const) {
  void test(`${way}: an ask carries its id, watermark, principal, trace and bodies`, async () => {
    const { core, target, close } = make();
    const bodies = [{ hash: 'h', bytes: new Uint8Array(10).fill(3) }];
    const ref = echoes.ref('k');
    assert.deepEqual(await core.ask(ref, { kind: 'echo', value: { a: [1] } }, { principal, trace: 't', bodies }), {
      a: [1],
    });
    await core.ask(ref, { kind: 'echo' }, { principal, timeoutMs: 5_000 });
    const [first, second] = target.asked;
    assert.equal(first?.id.caller.length, 26);
    assert.deepEqual(
      { ...first, id: first?.id.seq },
      {
        ...{ kind: 'echo', key: 'k', command: { kind: 'echo', value: { a: [1] } }, id: 1, settledBelow: 1, principal },
        ...{ trace: 't', bodies: [{ hash: 'h', bytes: new Uint8Array(10).fill(3) }], timeoutMs: first?.timeoutMs },
      },
    );
    assert.deepEqual(second?.id, { caller: first?.id.caller, seq: 2 });
    assert.equal(second?.settledBelow, 2);
    assert.ok(first.timeoutMs > 29_000 && second.timeoutMs <= 5_000);
    close();
  });

  void test(`${way}: a refusal keeps its code and settles its sequence`, async () => {
    const { core, target, close } = make();
    const ref = echoes.ref('k');
    await assert.rejects(core.ask(ref, { kind: 'refuse' }, { principal }), { code: 'noSuchUser', transient: false });
    await assert.rejects(core.ask(ref, { kind: 'silent' }, { principal, timeoutMs: 20 }), { code: 'deadlinePassed' });
    await core.ask(ref, { kind: 'echo' }, { principal });
    assert.deepEqual(
      target.asked.map((request) => request.settledBelow),
      [1, 2, 3],
    );
    close();
  });

  void test(`${way}: queries, bodies and inspections are answered`, async () => {
    const { core, close } = make();
    assert.deepEqual(await core.query(echoes.ref('k'), { kind: 'look', at: 4 }, { principal }), {
      key: 'k',
      query: { kind: 'look', at: 4 },
      principal,
    });
    assert.equal((await core.readBody('h')).byteLength, 100);
    assert.deepEqual(await core.readBody('h', { offset: 9, length: 2 }), new Uint8Array([9, 9]));
    await assert.rejects(core.readBody('missing'), { code: 'bodyMissing' });
    assert.deepEqual(await core.inspect('status', 5), { topic: 'status', argument: 5 });
    close();
  });

  void test(`${way}: what is pending fails when the core goes`, async () => {
    const { core, close } = make();
    const pending = core.ask(echoes.ref('k'), { kind: 'silent' }, { principal });
    close();
    await assert.rejects(pending, { code: 'workerLost', transient: true });
  });
}

void test('a topic is subscribed once for all its listeners, and a late one gets the known value', async () => {
  const { core, target, close } = overPort();
  const seen: unknown[] = [];
  const first = Promise.withResolvers<unknown>();
  const endFirst = core.subscribe('settings', first.resolve);
  assert.equal(await first.promise, 'settings now');
  const late = Promise.withResolvers<unknown>();
  const endLate = core.subscribe('settings', (value) => (seen.push(value), late.resolve(value)));
  assert.equal(await late.promise, 'settings now');
  endFirst();
  target.topics.get('settings')?.('settings changed');
  await core.inspect('round trip');
  assert.deepEqual(seen, ['settings now', 'settings changed']);
  endLate();
  await core.inspect('round trip');
  assert.equal(target.topics.size, 0);
  close();
});

void test('counts travel with the calls of their turn', async () => {
  const { core, target, close } = overPort();
  core.count('mails', { result: 'accepted' }, 2);
  await core.inspect('round trip');
  assert.deepEqual(target.counted, [['mails', { result: 'accepted' }, 2]]);
  close();
});

void test('subscriptions end when the worker goes', async () => {
  const { core, target, close } = overPort();
  core.subscribe('settings', () => undefined);
  await core.inspect('round trip');
  assert.equal(target.topics.size, 1);
  close();
  assert.equal(target.topics.size, 0);
});

void test('a retry goes out under the same id, with its bodies, until it is served', async () => {
  const { core, target, close } = overPort({ retryDelayMs: (error) => (error.code === 'busy' ? 1 : null) });
  target.busyTimes = 2;
  const bodies = [{ hash: 'h', bytes: new Uint8Array(10) }];
  assert.equal(await core.ask(echoes.ref('k'), { kind: 'echo', value: 'done' }, { principal, bodies }), 'done');
  assert.deepEqual(
    target.asked.map((request) => request.id.seq),
    [1, 1, 1],
  );
  assert.deepEqual(
    target.asked.map((request) => request.bodies[0]?.bytes.byteLength),
    [10, 10, 10],
  );
  close();
});

void test('without a retry rule busy goes straight back', async () => {
  const { core, target, close } = overPort();
  target.busyTimes = 1;
  await assert.rejects(core.ask(echoes.ref('k'), { kind: 'echo' }, { principal }), { code: 'busy', transient: true });
  close();
});
