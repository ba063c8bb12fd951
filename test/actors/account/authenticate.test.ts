import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticate, type Authentication, type Login } from '../../../actors/account/authenticate.ts';
import { LoginThrottle, throttleLimits } from '../../../actors/account/login-throttle.ts';
import { tryLater } from '../../../runtime/base/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { hashOfSecret, testCore } from '../../support/smtp-edge-world.ts';
import { passing } from '../../support/smtp-until.ts';

const accountId = '0123456789abcdefghjkmnpqrs';

/** An answer that waits for it is told from one that took as long as a comparison. */
const longMs = 1e10;

function world(limits = throttleLimits, stepMs = 1) {
  const core = testCore();
  const clock = new FakeClock();
  const throttle = new LoginThrottle(clock, limits);
  const ask = (changes: Partial<Login> = {}): Promise<Authentication> => {
    const login = {
      login: 'ann@example.org',
      password: 'secret',
      scope: 'submit',
      clientAddress: '192.0.2.1',
    } as const;
    return passing(clock, authenticate(core, { ...login, ...changes }, throttle), stepMs);
  };
  return { core, clock, ask };
}

void test('the right password is the account, under any spelling of its addresses', async () => {
  const { ask } = world();
  for (const login of ['ann@example.org', 'ANN@Example.ORG', 'ann2@example.org']) {
    const answer = await ask({ login });
    assert.equal(answer.kind, 'authenticated', login);
    if (answer.kind !== 'authenticated') continue;
    assert.deepEqual(answer.principal, { kind: 'account', id: 'a-m-ann' });
    assert.deepEqual([answer.facts.mailboxId, answer.credential.id], ['m-ann', 'c']);
  }
});

void test('the id of the account is a name too', async () => {
  const { core, ask } = world();
  core.account('ann@example.org', 'm-ann', hashOfSecret, ['all'], accountId);
  assert.equal((await ask({ login: accountId })).kind, 'authenticated');
});

void test('whatever is wrong, the answer is the same and takes the same time', async () => {
  const { core, clock, ask } = world({ ...throttleLimits, failureMsMin: longMs, failureMsMax: longMs }, longMs / 1e4);
  core.account('eve@example.org', 'm-eve', hashOfSecret);
  core.setAccount('a-m-eve', { enabled: false });
  for (const [i, changes] of [
    { password: 'Secret' },
    { password: '' },
    { login: 'nobody@example.org' },
    { login: 'all@example.org' },
    { login: 'no address' },
    { login: '' },
    { login: '\0'.repeat(500) },
    { login: accountId },
    { login: 'eve@example.org' },
    { login: 'bob@example.org' },
  ].entries()) {
    const beganMs = clock.monotonicMs();
    // Each from a client of its own, as the wait grows with a client's failures.
    assert.deepEqual(
      await ask({ ...changes, clientAddress: `192.0.2.${i}` }),
      { kind: 'refused' },
      JSON.stringify(changes),
    );
    assert.equal(clock.monotonicMs() - beganMs >= longMs, true, JSON.stringify(changes));
  }
});

void test('a credential is good for its scope only', async () => {
  const { ask } = world();
  assert.equal((await ask({ login: 'bob@example.org', scope: 'mail' })).kind, 'authenticated');
  assert.equal((await ask({ login: 'bob@example.org', scope: 'api' })).kind, 'refused');
});

void test('who guesses is not listened to, even with the right password', async () => {
  const { ask } = world();
  for (let i = 0; i < 20; i++) await ask({ password: `guess ${i}` });
  const answer = await ask();
  assert.equal(answer.kind, 'tooManyFailures');
  assert.equal((await ask({ clientAddress: '192.0.2.2' })).kind, 'authenticated');
});

void test('all addresses of an account share one count, and a blocked client asks the core nothing', async () => {
  const { core, ask } = world({ ...throttleLimits, clientFailuresMax: 2, accountFailuresMax: 2 });
  await ask({ password: 'x', clientAddress: '192.0.2.1' });
  await ask({ password: 'x', login: 'ann2@example.org', clientAddress: '192.0.2.1' });
  const asked = core.calls.length;
  assert.equal((await ask({ login: 'bob@example.org', scope: 'mail' })).kind, 'tooManyFailures');
  assert.equal(core.calls.length, asked);
  for (const login of ['ann@example.org', 'ann2@example.org']) {
    assert.equal((await ask({ login, clientAddress: '192.0.2.2' })).kind, 'tooManyFailures', login);
  }
});

void test('a core that cannot say is an error, and no failure of the client', async () => {
  const { core, ask } = world();
  for (let i = 0; i < 30; i++) {
    core.queryFailures.push(tryLater('busy', 'busy'));
    await assert.rejects(ask(), /busy/);
  }
  assert.equal((await ask()).kind, 'authenticated');
});
