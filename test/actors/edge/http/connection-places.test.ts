/** Who may connect to the HTTP edge, and for how long one may say nothing. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { ConnectionPlaces, defaultPlaces } from '../../../../actors/edge/http/connection-places.ts';
import { type EdgeLimits, startHttpEdge } from '../../../../actors/edge/http/http-edge.ts';
import { systemClock } from '../../../../runtime/base/clock.ts';
import { selfSigned } from '../../../support/smtp-certificate.ts';

const small = { connectionsMax: 4, perClientMax: 2, loopbackMore: 1 };

void test('one client takes so many places and no more, whatever addresses of its /64 it comes from', () => {
  const places = new ConnectionPlaces(small);
  const leave = places.enter('2001:db8:1:2::1');
  assert.ok(leave !== null && places.enter('2001:db8:1:2:ffff::2') !== null);
  assert.equal(places.enter('2001:db8:1:2::3'), null);
  assert.ok(places.enter('2001:db8:1:3::1') !== null, 'there is room for others');
  leave();
  assert.ok(places.enter('2001:db8:1:2::3') !== null, 'what was left is free');
});

void test('however many come from elsewhere, loopback has places left, and no bound per client', () => {
  const places = new ConnectionPlaces({ ...small, loopbackMore: 3 });
  for (let i = 0; i < 20; i++) places.enter(`192.0.2.${i}`);
  assert.equal(places.enter('198.51.100.1'), null);
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.ok(places.enter(address) !== null, address);
  assert.equal(places.enter('127.0.0.1'), null, 'memory has a bound for it too');
});

void test('the usual bounds: ten clients at least are needed to take all places', () => {
  assert.ok(defaultPlaces.perClientMax * 10 <= defaultPlaces.connectionsMax);
  assert.ok(defaultPlaces.loopbackMore > 0);
});

const certificate = await selfSigned('mail.example.org');

async function edgeWith(tls: 'none' | 'implicit', limits: EdgeLimits): Promise<number> {
  const edge = await startHttpEdge({
    core: { inspect: () => Promise.reject(new Error('nobody asks')) },
    listeners: [{ host: '127.0.0.1', port: 0, tls }],
    tls: certificate,
    clock: systemClock,
    api: null,
    limits,
    bug: (_, error) => assert.fail(String(error)),
  });
  after(() => edge.stop(0));
  return edge.addresses[0]?.port ?? 0;
}

const closeOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    // A reset counts as well.
    socket.once('error', () => undefined);
    socket.once('close', () => resolve());
    socket.resume();
  });

const isServed = (port: number, tls: 'none' | 'implicit'): Promise<boolean> =>
  new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/healthz', agent: false, rejectUnauthorized: false };
    const ask = (tls === 'none' ? request : secureRequest)(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    ask.once('error', () => resolve(false));
    ask.end();
  });

for (const tls of ['none', 'implicit'] as const) {
  void test(`a connection without a place is closed at once, and a place left is another's: TLS ${tls}`, async () => {
    const places = { connectionsMax: 2, perClientMax: 1, loopbackMore: 1 };
    const port = await edgeWith(tls, { places, headersMsMax: 30_000 });
    const inside = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    const closed = inside.map(closeOf);
    let isOpen = true;
    void Promise.race(closed).then(() => (isOpen = false));
    const beganMs = systemClock.monotonicMs();
    await closeOf(connect(port, '127.0.0.1'));
    assert.ok(systemClock.monotonicMs() - beganMs < 10_000, 'at once, and not for its silence');
    assert.ok(isOpen, 'who came before stays');
    inside[0]?.destroy();
    await closed[0];
    // Its place is free when the server has seen the end: until then the next one is closed, too.
    let tries = 0;
    while (!(await isServed(port, tls))) assert.ok(++tries < 100, 'the place is never free');
    for (const socket of inside) socket.destroy();
  });
}

void test('who sends no headers, or half of them, is cut off when their time is up and not half a minute later', async () => {
  const port = await edgeWith('none', { places: defaultPlaces, headersMsMax: 100 });
  const beganMs = systemClock.monotonicMs();
  const silent = connect(port, '127.0.0.1');
  const half = connect(port, '127.0.0.1');
  half.write('GET /healthz HTTP/1.1\r\nx-a: ');
  await Promise.all([closeOf(silent), closeOf(half)]);
  assert.ok(systemClock.monotonicMs() - beganMs < 10_000);
});
