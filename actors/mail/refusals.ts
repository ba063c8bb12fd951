/** Every refusal of an address or a mail, by code. The texts are ASCII and fit behind an SMTP reply code as they are. */
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

/** SMTP 552, RFC 3463 X.3.4. */
export const headerTooLarge = (bytesMax: number, fieldsMax: number): OperationError =>
  refused(
    'headerTooLarge',
    `the header is larger than ${bytesMax / 1024} KiB or has more than ${fieldsMax} fields. Cure: say less in it`,
  );

/** RFC 5322 §2.2: SMTP 554, RFC 3463 X.6.0. */
export const notAField = (line: number): OperationError =>
  refused(
    'notAField',
    `line ${line} of the header is no field. Cure: begin each with a name and a colon, and end the header with an empty line`,
  );

/** RFC 5322 §2.1: what ends the header is missing. */
export const notAMail = (): OperationError =>
  refused(
    'notAMail',
    'this is no mail: the empty line that ends a header is missing. Cure: send a message of RFC 5322',
  );
