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

const fill = (begin: LoginThrottle['begin'], count: number): void => {
  for (let i = 0; i < count; i++) begin(`10.0.${i >> 8}.${i & 255}`, `account ${i}`);
};

/** How long a second failure takes tells whether the first is remembered, as nothing is a slip here. */
const strict = { ...limits, slipsMax: 1, failureMsMin: 1 };
const failureMs = (attempt: ReturnType<LoginThrottle['begin']>): unknown =>
  typeof attempt === 'number' ? 'refused' : attempt.failureMs;

void test('its memory is bounded: who failed least is forgotten first, and of those the longest known', () => {
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, strict);
  for (let i = 0; i < 5; i++) throttle.begin('192.0.2.1', 'ann');
  for (let i = 5; i < 8; i++) throttle.begin(`192.0.2.${i}`, 'ann');
  fill((client, account) => throttle.begin(client, account), 10_050);
  assert.equal(isRefused(throttle.begin('192.0.2.1', 'new')), true, 'the client');
  assert.equal(isRefused(throttle.begin('192.0.2.99', 'ann')), true, 'the account');
  assert.equal(failureMs(throttle.begin('10.0.0.0', 'another')), 1, 'forgotten');
  assert.equal(failureMs(throttle.begin('10.0.39.0', 'another still')), 2, 'remembered');
});

void test('what is over is forgotten before anything else', () => {
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, strict);
  for (let i = 0; i < 3; i++) throttle.begin('192.0.2.1', 'old');
  clock.advance(strict.windowMs / 2);
  fill((client, account) => throttle.begin(client, account), 9_999);
  clock.advance(strict.windowMs / 2);
  throttle.begin('192.0.2.2', 'newest');
  assert.equal(failureMs(throttle.begin('10.0.0.0', 'another')), 2);
});

void test('a client that is not listened to makes nothing forgotten, and counts against nobody', () => {
  const throttle = new LoginThrottle(new FakeClock(), { ...strict, clientFailuresMax: 3 });
  throttle.begin('198.51.100.1', 'ann');
  for (let i = 0; i < 3; i++) throttle.begin('192.0.2.1', `a${i}`);
  for (let i = 0; i < 10_100; i++) assert.equal(isRefused(throttle.begin('192.0.2.1', `account ${i}`)), true);
  assert.equal(failureMs(throttle.begin('198.51.100.2', 'ann')), 2, 'ann has failed before');
  assert.equal(failureMs(throttle.begin('198.51.100.3', 'account 7')), 1, 'nobody has tried that');
});
