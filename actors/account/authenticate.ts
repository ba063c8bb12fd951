/**
 * Who somebody is that brings a name and a password: one way in for all edges.
 *
 * Promises: a wrong password, an unknown or disabled account and a credential without the scope are answered alike, and
 * no sooner than the throttle says, so that neither text nor time tells them apart; no password is compared for a client
 * that has guessed too often.
 * Leaves to others: the word of a protocol for each answer; when to hang up.
 */
import type { Principal } from '../../runtime/actor/actor.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { addresses } from '../address/protocol.ts';
import { parseAddress } from '../mail/address.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { verifyPassword } from './password.ts';
import { type AccountFacts, accounts, type Credential, type Scope } from './protocol.ts';
import { parseToken, type Token } from './token.ts';
import { matchToken } from './token-match.ts';

export interface Login {
  /** An address of the account, or its id. */
  readonly login: string;
  readonly password: string;
  /** What it is for: a credential must have this scope, or `all`. Null: whoever asks looks at its scopes. */
  readonly scope: Scope | null;
  /** IP address. */
  readonly clientAddress: string;
}

export type Authentication =
  | {
      readonly kind: 'authenticated';
      /** Of the account, for all that is asked in its name. */
      readonly principal: Principal;
      readonly facts: AccountFacts;
      /** The one that matched. */
      readonly credential: Credential;
    }
  | { readonly kind: 'refused' }
  | { readonly kind: 'tooManyFailures'; readonly retryAfterMs: number };

const asker: Principal = { kind: 'anonymous', id: 'login' };
const askMsMax = 20_000;
/** As `timeOrderedId` makes them. */
const accountIdShape = /^[0-9a-z]{26}$/;
const none = { facts: null, credentials: [] };

/**
 * @param throttle one for all log-ins of a thread
 * @throws {OperationError} transient: the core cannot be asked, or too many passwords are being compared
 */
export async function authenticate(core: CoreApi, login: Login, throttle: LoginThrottle): Promise<Authentication> {
  const { clock } = throttle;
  const beganMs = clock.monotonicMs();
  const waitMs = throttle.clientWaitMs(login.clientAddress);
  if (waitMs > 0) return { kind: 'tooManyFailures', retryAfterMs: waitMs };
  const name = nameOf(login.login);
  // Counted under its id, so that an account with many addresses cannot be guessed at so many times.
  const accountId = name === null ? null : await accountIdOf(core, name);
  const attempt = await throttle.start(
    login.clientAddress,
    accountId ?? name ?? login.login.slice(0, 320).toLowerCase(),
  );
  if (typeof attempt === 'number') return { kind: 'tooManyFailures', retryAfterMs: attempt };
  let found: Extract<Authentication, { kind: 'authenticated' }> | null;
  try {
    found = await match(core, accountId, login);
  } catch (error) {
    attempt.undecided();
    throw error;
  }
  if (found !== null) {
    attempt.succeeded();
    return found;
  }
  attempt.failed();
  const leftMs = beganMs + attempt.failureMs - clock.monotonicMs();
  if (leftMs > 0) await new Promise<void>((resolve) => clock.after(leftMs, resolve));
  return { kind: 'refused' };
}

async function match(
  core: CoreApi,
  accountId: string | null,
  { password, scope }: Login,
): Promise<Extract<Authentication, { kind: 'authenticated' }> | null> {
  const token = parseToken(password);
  if (token !== null) return await matchTokenOf(core, token, accountId, scope);
  const { facts, credentials } = accountId === null ? none : await accountOf(core, accountId, scope);
  // One comparison at least, so that an account that is not there costs what one with a password does.
  if (credentials.length === 0) await verifyPassword(null, password);
  for (const credential of credentials) {
    if (facts === null || !(await verifyPassword(credential.hash, password))) continue;
    return { kind: 'authenticated', principal: { kind: 'account', id: facts.accountId }, facts, credential };
  }
  return null;
}

/** A token in the place of a password: as good as one for its own account. */
async function matchTokenOf(core: CoreApi, token: Token, accountId: string | null, scope: Scope | null) {
  if (token.accountId !== accountId) return null;
  const found = await matchToken(core, token);
  if (found === null) return null;
  const { scopes } = found.credential;
  if (scope !== null && !scopes.includes(scope) && !scopes.includes('all')) return null;
  return { kind: 'authenticated', principal: { kind: 'account', id: accountId }, ...found } as const;
}

/** The spelling under which it is looked for; null when it can be no account's. */
function nameOf(login: string): string | null {
  if (accountIdShape.test(login)) return login;
  try {
    return parseAddress(login).normalised;
  } catch (error) {
    if (error instanceof OperationError) return null;
    throw error;
  }
}

async function accountIdOf(core: CoreApi, name: string): Promise<string | null> {
  if (!name.includes('@')) return name;
  const options = { principal: asker, timeoutMs: askMsMax };
  const found = await core.query(addresses.ref(name), { kind: 'resolve' }, options);
  return found.known && found.target.type === 'mailbox' ? found.target.accountId : null;
}

async function accountOf(
  core: CoreApi,
  accountId: string,
  scope: Scope | null,
): Promise<{ readonly facts: AccountFacts | null; readonly credentials: readonly Credential[] }> {
  const options = { principal: asker, timeoutMs: askMsMax };
  const ref = accounts.ref(accountId);
  const [facts, credentials] = await Promise.all([
    core.query(ref, { kind: 'facts' } as const, options),
    core.query(ref, { kind: 'credentials', scope } as const, options),
  ]);
  return facts.enabled ? { facts, credentials } : none;
}
