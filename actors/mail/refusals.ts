/** Every refusal of an address, by code. The texts are ASCII and fit behind an SMTP reply code as they are. */
import { type OperationError, refused } from '../../runtime/base/errors.ts';

/** RFC 3463 X.1.3, SMTP 501 or 553: what was given is no address. */
export const badAddress = (what: string): OperationError => refused('badAddress', `bad address: ${what}`);

/** RFC 5321 §4.5.3.1: SMTP 553. */
export const addressTooLong = (): OperationError =>
  refused('addressTooLong', 'address too long: at most 64 bytes before the @ and 255 behind it');

/** RFC 5321 §4.1.3: SMTP 553. We are reached by name only. */
export const addressLiteral = (): OperationError =>
  refused('addressLiteral', 'address literals are not accepted; use a domain name');

/** `x%y@local`, `y!x@local` and `@a,@b:x@c` ask for relaying (RFC 5321 §3.6.1): SMTP 553, RFC 3463 X.1.3. */
export const addressRoute = (): OperationError =>
  refused('addressRoute', 'routes in addresses (% and ! and @host:) are not accepted');
