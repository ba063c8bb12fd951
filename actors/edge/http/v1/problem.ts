/**
 * An error as RFC 9457 says it: `application/problem+json` with the operation's own code and text.
 *
 * Promises: what is transient is 503 with Retry-After, whatever its code; what is refused is 4xx; a bug tells nothing of
 * itself.
 */
import { STATUS_CODES } from 'node:http';
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type ErrorData, errorData } from '../../../../runtime/base/errors.ts';
import type { ApiEnv } from './api-context.ts';

/** Where clients may try again at once, they all would. */
const retryAfterS = 5;
/** A refusal that is not in the table: the request was understood and cannot be done. */
const otherwise = 422;

const statuses: ReadonlyMap<string, ContentfulStatusCode> = new Map<string, ContentfulStatusCode>([
  ['badRequest', 400],
  ['notAMail', 400],
  ['badAddress', 400],
  ['addressTooLong', 400],
  ['addressLiteral', 400],
  ['addressRoute', 400],
  ['notAuthenticated', 401],
  ['missingScope', 403],
  ['tlsRequired', 403],
  ['notYourAddress', 403],
  ['noSuchRoute', 404],
  ['noSuchMessage', 404],
  ['noSuchFolder', 404],
  ['tooSlow', 408],
  ['connectionLost', 400],
  ['requestTooLarge', 413],
  ['messageTooLarge', 413],
  ['tooIntricate', 413],
  ['unsupportedMediaType', 415],
  ['tooManyFailures', 429],
  ['tooManyRequestKeys', 429],
  ['bodyDamaged', 500],
]);

/** As OpenAPI describes it. */
export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().openapi({ description: 'The status in words', example: 'Unprocessable Entity' }),
    status: z.int().openapi({ example: 422 }),
    detail: z.string().openapi({ description: 'What is wrong, and what cures it' }),
    code: z.string().openapi({ description: 'Stable: scripts match on it', example: 'requestKeyReused' }),
  })
  .openapi('Problem');

/** Rows for the responses of a route. */
export function problems(...codes: readonly (400 | 401 | 403 | 404 | 408 | 413 | 415 | 422 | 429 | 503)[]) {
  const content = { 'application/problem+json': { schema: problemSchema } };
  return Object.fromEntries(codes.map((status) => [status, { description: STATUS_CODES[status] as string, content }]));
}

export function statusOf({ code, transient }: ErrorData): ContentfulStatusCode {
  return transient ? 503 : (statuses.get(code) ?? otherwise);
}

/** @param headers beside those that the status asks for */
export function problemResponse(
  c: Context<ApiEnv>,
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const data = errorData(error);
  const status = statusOf(data);
  const body = { type: 'about:blank', title: STATUS_CODES[status], status, detail: data.text, code: data.code };
  return c.body(JSON.stringify(body), status, {
    'content-type': 'application/problem+json',
    ...(status === 503 ? { 'retry-after': String(retryAfterS) } : {}),
    // What is left of the request is not read, so nothing can follow it on this connection.
    ...(c.env.incoming.complete ? {} : { connection: 'close' }),
    ...headers,
  });
}
