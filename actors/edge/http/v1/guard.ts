/**
 * Who may come in: TLS or loopback, a password or a token, and the scope that the resource needs.
 *
 * Promises: nothing of a request's body is read before this; a secret that came in clear from elsewhere is not looked
 * at; 401 is the same for whatever is wrong with a log-in.
 */
import type { TLSSocket } from 'node:tls';
import type { Context, MiddlewareHandler } from 'hono';
import { authenticateToken } from '../../../account/authenticate-token.ts';
import { type Authentication, authenticate } from '../../../account/authenticate.ts';
import type { Scope } from '../../../account/protocol.ts';
import { isLoopback } from '../loopback.ts';
import type { ApiContext, ApiEnv } from './api-context.ts';
import { missingScope, notAuthenticated, tlsRequired, tooManyFailures } from './codes.ts';
import { problemResponse } from './problem.ts';

/** RFC 7235 §4.1: both ways in. RFC 7617 §2.1: names and passwords are UTF-8. */
const challenge = 'Basic realm="Ringpost", charset="UTF-8", Bearer realm="Ringpost"';
const headerCharactersMax = 4_096;

/** @param needs one of these scopes; `api` and `all` are for everything here */
export function guard(context: ApiContext, needs: readonly Scope[]): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { socket } = c.env.incoming;
    const clientAddress = socket.remoteAddress ?? '';
    if (!(socket as Partial<TLSSocket>).encrypted && !isLoopback(clientAddress))
      return problemResponse(c, tlsRequired());
    const who = await identify(context, c.req.header('authorization') ?? '', clientAddress);
    if (who.kind === 'tooManyFailures') {
      const retryAfter = String(Math.ceil(who.retryAfterMs / 1_000));
      return problemResponse(c, tooManyFailures(), { 'retry-after': retryAfter });
    }
    if (who.kind === 'refused') return unauthenticated(c);
    const { scopes } = who.credential;
    if (!hasScope(scopes, needs)) {
      return problemResponse(c, missingScope(needs), {
        // RFC 6750 §3.1
        'www-authenticate': `Bearer realm="Ringpost", error="insufficient_scope", scope="${needs.join(' ')}"`,
      });
    }
    c.set('caller', { principal: who.principal, facts: who.facts, scopes, clientAddress });
    return await next();
  };
}

export const hasScope = (scopes: readonly Scope[], needs: readonly Scope[]): boolean =>
  [...needs, 'api' as const, 'all' as const].some((scope) => scopes.includes(scope));

const unauthenticated = (c: Context<ApiEnv>): Response =>
  problemResponse(c, notAuthenticated(), { 'www-authenticate': challenge });

/** @throws {OperationError} transient: the core cannot be asked, or too many passwords are being compared */
async function identify(
  { core, throttle }: ApiContext,
  header: string,
  clientAddress: string,
): Promise<Authentication> {
  const [, scheme = '', given = ''] = /^(\w+) +(\S+) *$/.exec(header.slice(0, headerCharactersMax)) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return await authenticateToken(core, { token: given, clientAddress }, throttle);
    case 'basic': {
      const text = Buffer.from(given, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      if (colon < 0) return { kind: 'refused' };
      const login = { login: text.slice(0, colon), password: text.slice(colon + 1), scope: null, clientAddress };
      return await authenticate(core, login, throttle);
    }
    default:
      return { kind: 'refused' };
  }
}
