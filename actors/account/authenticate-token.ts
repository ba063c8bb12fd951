/**
 * Who somebody is that brings an API token and no name.
 *
 * Promises: a wrong token is answered as slowly as a wrong password from the same client would be; a right one always
 * and at once, since whoever guesses cannot come near it: one program with a stale token locks out nobody else behind
 * the same address.
 * Leaves to others: its scopes, which are in the answer.
 */
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { Authentication } from './authenticate.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { parseToken } from './token.ts';
import { matchToken } from './token-match.ts';

/** @throws {OperationError} transient: the core cannot be asked */
export async function authenticateToken(
  core: CoreApi,
  login: { readonly token: string; readonly clientAddress: string },
  throttle: LoginThrottle,
): Promise<Authentication> {
  const token = parseToken(login.token);
  const found = token === null ? null : await matchToken(core, token);
  if (found !== null) {
    const { facts, credential } = found;
    return { kind: 'authenticated', principal: { kind: 'account', id: facts.accountId }, facts, credential };
  }
  // Not under the account's name: nobody shall shut its owner out by guessing at tokens.
  const attempt = await throttle.start(login.clientAddress, `token ${token?.credentialId ?? ''}`);
  if (typeof attempt === 'number') return { kind: 'tooManyFailures', retryAfterMs: attempt };
  attempt.failed();
  await new Promise<void>((resolve) => throttle.clock.after(attempt.failureMs, resolve));
  return { kind: 'refused' };
}
