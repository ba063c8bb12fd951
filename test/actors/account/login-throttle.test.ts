import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoginAttempt, LoginThrottle, throttleLimits } from '../../../actors/account/login-throttle.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const limits = { ...throttleLimits, clientFailuresMax: 5, accountFailuresMax: 8, windowMs: 60_000 };

type Begin = (client: string, account: string) => LoginAttempt | number;

function world() {
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, limits);
  return { clock, throttle, begin: beginWith(throttle), fail: failWith(throttle) };
}

/** One at a time. */
function beginWith(throttle: LoginThrottle): Begin {
  return (client, account) => {
    const begun = throttle.begin(client, account);
    assert.ok(begun !== 'full');
    return begun;
  };
}

/** Begins one that fails. */
function failWith(throttle: LoginThrottle): Begin {
  return (client, account) => {
    const begun = beginWith(throttle)(client, account);
    if (typeof begun !== 'number') begun.failed();
    return begun;
  };
}

const isRefused = (answer: unknown): boolean => typeof answer === 'number';

void test('a client that fails too often is not listened to, until the window is over', () => {
  const { clock, begin, fail } = world();
  for (let i = 0; i < 5; i++) assert.equal(isRefused(fail('192.0.2.1', `a${i}`)), false);
  assert.equal(begin('192.0.2.1', 'other'), 60_000);
  assert.equal(isRefused(begin('192.0.2.2', 'other')), false);
  clock.advance(60_000);
  assert.equal(isRefused(begin('192.0.2.1', 'other')), false);
});

void test('an IPv6 network is one client', () => {
  const { begin, fail } = world();
  for (let i = 0; i < 5; i++) fail(`2001:db8::${i}`, 'ann');
  assert.equal(isRefused(begin('2001:db8::99', 'ann')), true);
});

void test('an account is guessed at from many clients so often, and then from none', () => {
  const { begin, fail } = world();
  for (let i = 0; i < 8; i++) assert.equal(isRefused(fail(`192.0.2.${i}`, 'ann')), false);
  assert.equal(isRefused(begin('192.0.2.99', 'ann')), true);
  assert.equal(isRefused(begin('192.0.2.99', 'bob')), false);
});

void test('who has logged in before is not shut out by what others guess', () => {
  const { begin, fail } = world();
  const own = begin('198.51.100.7', 'ann');
  if (typeof own !== 'number') own.succeeded();
  for (let i = 0; i < 9; i++) fail(`192.0.2.${i}`, 'ann');
  const again = begin('198.51.100.7', 'ann');
  assert.equal(typeof again === 'number' ? again : again.failureMs, limits.failureMsMin);
});

void test('a success forgives the account, and itself only to the client', () => {
  const { begin, fail } = world();
  for (let i = 0; i < 4; i++) fail('192.0.2.1', 'ann');
  const right = begin('192.0.2.1', 'ann');
  if (typeof right !== 'number') right.succeeded();
  for (let i = 0; i < 8; i++) assert.equal(isRefused(fail(`192.0.3.${i}`, 'ann')), false);
  assert.equal(isRefused(fail('192.0.2.1', 'x')), false);
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
    const attempt = failWith(throttle)('192.0.2.1', 'ann');
    return typeof attempt === 'number' ? 'refused' : attempt.failureMs;
  });
  assert.deepEqual(waits, [250, 250, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000, 8_000]);
});

const fill = (throttle: LoginThrottle, count: number): void => {
  for (let i = 0; i < count; i++) failWith(throttle)(`10.0.${i >> 8}.${i & 255}`, `account ${i}`);
};

/** How long a second failure takes tells whether the first is remembered, as nothing is a slip here. */
const strict = { ...limits, slipsMax: 1, failureMsMin: 1 };
const failureMs = (attempt: LoginAttempt | number): unknown =>
  typeof attempt === 'number' ? 'refused' : attempt.failureMs;

void test('its memory is bounded: who failed least is forgotten first, and of those the longest known', () => {
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, strict);
  const fail = failWith(throttle);
  for (let i = 0; i < 5; i++) fail('192.0.2.1', 'ann');
  for (let i = 5; i < 8; i++) fail(`192.0.2.${i}`, 'ann');
  fill(throttle, 10_050);
  assert.equal(isRefused(fail('192.0.2.1', 'new')), true, 'the client');
  assert.equal(isRefused(fail('192.0.2.99', 'ann')), true, 'the account');
  assert.equal(failureMs(fail('10.0.0.0', 'another')), 1, 'forgotten');
  assert.equal(failureMs(fail('10.0.39.0', 'another still')), 2, 'remembered');
});

void test('what is over is forgotten before anything else', () => {
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, strict);
  const fail = failWith(throttle);
  for (let i = 0; i < 3; i++) fail('192.0.2.1', 'old');
  clock.advance(strict.windowMs / 2);
  fill(throttle, 9_999);
  clock.advance(strict.windowMs / 2);
  fail('192.0.2.2', 'newest');
  assert.equal(failureMs(fail('10.0.0.0', 'another')), 2);
});

void test('a client that is not listened to makes nothing forgotten, and counts against nobody', () => {
  const fail = failWith(new LoginThrottle(new FakeClock(), { ...strict, clientFailuresMax: 3 }));
  fail('198.51.100.1', 'ann');
  for (let i = 0; i < 3; i++) fail('192.0.2.1', `a${i}`);
  for (let i = 0; i < 10_100; i++) assert.equal(isRefused(fail('192.0.2.1', `account ${i}`)), true);
  assert.equal(failureMs(fail('198.51.100.2', 'ann')), 2, 'ann has failed before');
  assert.equal(failureMs(fail('198.51.100.3', 'account 7')), 1, 'nobody has tried that');
});

void test('as many run at once as may fail, and the others wait: thirty sessions of one program guess nothing', async () => {
  const { throttle } = world();
  const outcomes: string[] = [];
  const logIn = async (): Promise<void> => {
    const attempt = await throttle.start('192.0.2.1', 'ann');
    if (typeof attempt === 'number') return void outcomes.push('refused');
    await new Promise((resolve) => void setImmediate(resolve));
    attempt.succeeded();
    outcomes.push('in');
  };
  await Promise.all(Array.from({ length: 30 }, logIn));
  assert.deepEqual(new Set(outcomes), new Set(['in']));
  assert.equal(outcomes.length, 30);
});

void test('guessing at the same time gets no further than guessing one after another', async () => {
  const { throttle } = world();
  let tried = 0;
  const guess = async (i: number): Promise<void> => {
    const attempt = await throttle.start('192.0.2.1', `account ${i}`);
    if (typeof attempt === 'number') return;
    tried++;
    await new Promise((resolve) => void setImmediate(resolve));
    attempt.failed();
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => guess(i)));
  assert.equal(tried, 5);
});

void test('those that wait are bounded', async () => {
  const { throttle } = world();
  for (let i = 0; i < 5; i++) throttle.begin('192.0.2.1', 'ann');
  const all = Array.from({ length: 1_001 }, () => throttle.start('192.0.2.1', 'ann'));
  assert.equal(await all.at(-1), limits.failureMsMax);
});
