/** Whose token it is. Costs one look at the account and one SHA-256, so it needs no place in the queue for argon2. */
import type { Principal } from '../../runtime/actor/actor.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { type AccountFacts, accounts, type Credential } from './protocol.ts';
import { isTokenSecret, type Token } from './token.ts';

export interface TokenMatch {
  readonly facts: AccountFacts;
  readonly credential: Credential;
}

const asker: Principal = { kind: 'anonymous', id: 'login' };
const askMsMax = 20_000;

/**
 * Null: there is no such token, or it is expired, or its account disabled.
 * @throws {OperationError} transient: the core cannot be asked
 */
export async function matchToken(core: CoreApi, token: Token): Promise<TokenMatch | null> {
  const { accountId, credentialId, secret } = token;
  const options = { principal: asker, timeoutMs: askMsMax };
  const ref = accounts.ref(accountId);
  const [facts, credential] = await Promise.all([
    core.query(ref, { kind: 'facts' } as const, options),
    core.query(ref, { kind: 'credential', credentialId } as const, options),
  ]);
  const isRight = isTokenSecret(credential?.kind === 'token' ? credential.hash : null, secret);
  return isRight && credential !== null && facts.enabled ? { facts, credential } : null;
}
