/** Every refusal of the API itself, by code. Each text ends with what cures it. What the operations refuse is theirs. */
import type { z } from '@hono/zod-openapi';
import { type OperationError, refused, tryLater } from '../../../../runtime/base/errors.ts';
import type { Scope } from '../../../account/protocol.ts';

export const notAuthenticated = (): OperationError =>
  refused(
    'notAuthenticated',
    'name and password, or the token, are missing, wrong or expired. Cure: Authorization: Basic with the address and ' +
      'a password, or Bearer with a token of `ringpost token create`',
  );

export const tooManyFailures = (): OperationError =>
  refused('tooManyFailures', 'too many failed log-ins. Cure: wait as long as Retry-After says, then mend the password');

export const missingScope = (needs: readonly Scope[]): OperationError =>
  refused('missingScope', `this needs the scope ${needs.join(' or ')}. Cure: use a token or password that has it`);

export const tlsRequired = (): OperationError =>
  refused(
    'tlsRequired',
    'passwords, tokens and mail do not travel in clear. Cure: use https, or a connection on loopback',
  );

export const noSuchRoute = (): OperationError =>
  refused('noSuchRoute', 'there is no such resource. Cure: GET /openapi.json describes all that there are');

export const badRequest = (what: string): OperationError => refused('badRequest', what);

/** Names the first thing that is wrong. */
export function malformed({ issues: [issue] }: z.core.$ZodError): OperationError {
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  const what = issue?.message ?? 'something is malformed';
  return badRequest(`${where}${what}. Cure: /openapi.json says what may stand there`);
}

export const notYourAddress = (address: string, own: string): OperationError =>
  refused(
    'notYourAddress',
    `this account may not send as ${printable(address)}. Cure: send as ${own} or another address that leads to this ` +
      'account; an operator adds one with `ringpost address add`',
  );

export const connectionLost = (): OperationError =>
  refused('connectionLost', 'the connection ended before the request did. Cure: send it again');

export const unsupportedMediaType = (): OperationError =>
  refused(
    'unsupportedMediaType',
    'a mail is posted as application/json or as message/rfc822. Cure: say which in Content-Type',
  );

export const messageTooLarge = (bytesMax: number): OperationError =>
  refused('messageTooLarge', `a mail has at most ${bytesMax} bytes here, attachments in base64. Cure: send less`);

export const tooIntricate = (marksMax: number): OperationError =>
  refused(
    'tooIntricate',
    `the JSON has more than ${marksMax} commas, colons and opening brackets outside of its strings. Cure: send the ` +
      'mail in parts, with fewer recipients, header fields or attachments each',
  );

export const tooSlow = (): OperationError =>
  refused('tooSlow', 'the request came too slowly and was given up. Cure: send it again over a better line');

export const busyWithUploads = (): OperationError =>
  tryLater('busy', 'too many large requests at a time. Cure: try again in a moment');

export const answerUnknown = (): OperationError =>
  tryLater(
    'deadlinePassed',
    'no answer came in time; the mail may have been accepted. Cure: send it again with the same Idempotency-Key, or, ' +
      'without one, look whether it arrived first',
  );

export const noSuchMessage = (): OperationError =>
  refused('noSuchMessage', 'there is no such mail, or it is not yours. Cure: use an id that this account was given');

export const noSuchFolder = (): OperationError =>
  refused('noSuchFolder', 'this mailbox has no such folder. Cure: GET /v1/folders lists those that exist');

const printable = (text: string): string => text.replace(/\p{Cc}+/gu, '_').slice(0, 320);
