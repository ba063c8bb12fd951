import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoginThrottle, throttleLimits } from '../../../actors/account/login-throttle.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const limits = { ...throttleLimits, clientFailuresMax: 5, accountFailuresMax: 8, windowMs: 60_000 };

function world(): { clock: FakeClock; begin: LoginThrottle['begin'] } {
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, limits);
  return { clock, begin: (client, account) => throttle.begin(client, account) };
}

const isRefused = (answer: unknown): boolean => typeof answer === 'number';

void test('a client that fails too often is not listened to, until the window is over', () => {
  const { clock, begin } = world();
  for (let i = 0; i < 5; i++) assert.equal(isRefused(begin('192.0.2.1', `a${i}`)), false);
  assert.equal(begin('192.0.2.1', 'other'), 60_000);
  assert.equal(isRefused(begin('192.0.2.2', 'other')), false);
  clock.advance(60_000);
  assert.equal(isRefused(begin('192.0.2.1', 'other')), false);
});

void test('an IPv6 network is one client', () => {
  const { begin } = world();
  for (let i = 0; i < 5; i++) begin(`2001:db8::${i}`, 'ann');
  assert.equal(isRefused(begin('2001:db8::99', 'ann')), true);
});

void test('an account is guessed at from many clients so often, and then from none', () => {
  const { begin } = world();
  for (let i = 0; i < 8; i++) assert.equal(isRefused(begin(`192.0.2.${i}`, 'ann')), false);
  assert.equal(isRefused(begin('192.0.2.99', 'ann')), true);
  assert.equal(isRefused(begin('192.0.2.99', 'bob')), false);
});

void test('who has logged in before is not shut out by what others guess', () => {
  const { begin } = world();
  const own = begin('198.51.100.7', 'ann');
  if (typeof own !== 'number') own.succeeded();
  for (let i = 0; i < 9; i++) begin(`192.0.2.${i}`, 'ann');
  const again = begin('198.51.100.7', 'ann');
  assert.equal(typeof again === 'number' ? again : again.failureMs, limits.failureMsMin);
});

void test('a success forgives the account, and itself only to the client', () => {
  const { begin } = world();
  for (let i = 0; i < 4; i++) begin('192.0.2.1', 'ann');
  const right = begin('192.0.2.1', 'ann');
  if (typeof right !== 'number') right.succeeded();
  for (let i = 0; i < 8; i++) assert.equal(isRefused(begin(`192.0.3.${i}`, 'ann')), false);
  assert.equal(isRefused(begin('192.0.2.1', 'x')), false);
  assert.equal(isRefused(begin('192.0.2.1', 'x')), true);
});

void test('what nobody could decide does not count', () => {
  const { begin } = world();
  for (let i = 0; i < 20; i++) {
    const attempt = begin('192.0.2.1', 'ann');
    if (typeof attempt !== 'number') attempt.undecided();
  }
  assert.equal(isRefused(begin('192.0.2.1', 'ann')), false);
});

void test('slips cost little, guesses more and more', () => {
  const throttle = new LoginThrottle(new FakeClock());
  const waits = Array.from({ length: 12 }, () => {
    const attempt = throttle.begin('192.0.2.1', 'ann');
    return typeof attempt === 'number' ? 'refused' : attempt.failureMs;
  });
  assert.deepEqual(waits, [250, 250, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000, 8_000]);
});

void test('its memory is bounded: the longest known is forgotten', () => {
  const { begin } = world();
  for (let i = 0; i < 5; i++) begin('192.0.2.1', 'ann');
  for (let i = 0; i < 10_000; i++) begin(`10.0.${i >> 8}.${i & 255}`, `account ${i}`);
  assert.equal(isRefused(begin('192.0.2.1', 'ann')), false);
});
