/**
 * What the edge says, in one table: code, enhanced code (RFC 3463, registry of RFC 5248), text.
 *
 * Leaves to others: when it is said.
 */
import type { Copies } from '../../../runtime/actor/request.ts';
import { errorData } from '../../../runtime/base/errors.ts';

export interface Reply {
  readonly code: number;
  /** Empty where RFC 2034 §4 wants none: the greeting, EHLO and 3xx. */
  readonly enhanced: string;
  /** More than one line only for EHLO and HELP. */
  readonly lines: readonly string[];
}

const reply = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, lines: [text] });

export const replies = {
  ok: reply(250, '2.0.0', 'Ok'),
  loggedIn: reply(235, '2.7.0', 'Authentication successful'),
  senderOk: reply(250, '2.1.0', 'Ok'),
  recipientOk: reply(250, '2.1.5', 'Ok'),
  bye: reply(221, '2.0.0', 'Bye'),
  startTls: reply(220, '2.0.0', 'Ready to start TLS'),
  cannotVerify: reply(252, '2.5.2', 'Cannot VRFY user, but will take mail for it and try'),
  sendData: reply(354, '', 'End data with <CR><LF>.<CR><LF>'),

  shuttingDown: reply(421, '4.3.2', 'Shutting down, try again'),
  tooSlow: reply(421, '4.4.2', 'Timeout, closing the connection'),
  tooManyConnections: reply(421, '4.7.0', 'Too many connections, try again later'),
  tooManyFromClient: reply(421, '4.7.0', 'Too many connections from your address'),
  tooManyLogins: reply(421, '4.7.0', 'Too many failed log-ins, try again later'),
  tooManyRefusals: reply(421, '4.7.0', 'Too many errors, closing the connection'),
  talksTooSoon: reply(421, '4.7.0', 'You talk before the greeting'),
  httpRequest: reply(421, '4.7.0', 'This is not a web server'),
  endlessCommand: reply(421, '4.7.0', 'The command line has no end'),
  internal: reply(451, '4.3.0', 'Internal error, try again later'),
  aliasTooWide: reply(451, '4.3.5', 'This alias leads to too many mailboxes'),
  storageFull: reply(452, '4.3.1', 'Not enough storage, try again later'),
  memoryFull: reply(452, '4.3.1', 'Too much mail on its way in, try again later'),
  overQuota: reply(452, '4.2.2', 'Mailbox is over quota'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients, send the rest in another transaction'),
  tlsNotAvailable: reply(454, '4.7.0', 'TLS is not available'),
  cannotLogIn: reply(454, '4.7.0', 'Passwords cannot be checked just now, try again later'),

  unknownCommand: reply(500, '5.5.2', 'Command not recognised'),
  commandTooLong: reply(500, '5.5.2', 'Command line is too long'),
  authLineTooLong: reply(500, '5.5.6', 'Authentication exchange line is too long'),
  controlCharacters: reply(500, '5.5.2', 'Command holds characters that no command may hold'),
  notUtf8: reply(500, '5.5.2', 'Command is neither ASCII nor UTF-8'),
  noArguments: reply(501, '5.5.4', 'This command takes no argument'),
  heloArgument: reply(501, '5.5.4', 'Say who you are: EHLO host.name'),
  badParameter: reply(501, '5.5.4', 'Bad or repeated parameter'),
  mailSyntax: reply(501, '5.5.4', 'Syntax: MAIL FROM:<address>'),
  rcptSyntax: reply(501, '5.5.4', 'Syntax: RCPT TO:<address>'),
  vrfySyntax: reply(501, '5.5.4', 'Syntax: VRFY address'),
  authSyntax: reply(501, '5.5.4', 'Syntax: AUTH mechanism [initial-response]'),
  notBase64: reply(501, '5.5.2', 'The response is no base64'),
  authCancelled: reply(501, '5.7.0', 'Authentication cancelled'),
  badSender: reply(501, '5.1.7', 'Bad sender address'),
  badRecipient: reply(501, '5.1.3', 'Bad recipient address'),
  notImplemented: reply(502, '5.5.1', 'Command not implemented'),
  noAuthHere: reply(502, '5.5.1', 'No authentication on this port'),
  loggedInAlready: reply(503, '5.5.1', 'You are authenticated already'),
  unknownMechanism: reply(504, '5.5.4', 'Authentication mechanism not supported: use PLAIN or LOGIN'),
  authRequired: reply(530, '5.7.0', 'Authentication required: send AUTH first'),
  tlsRequired: reply(530, '5.7.0', 'Encryption required: send STARTTLS, then AUTH'),
  badCredentials: reply(535, '5.7.8', 'Authentication credentials invalid'),
  authNeedsTls: reply(538, '5.7.11', 'Encryption required for authentication: send STARTTLS first'),
  accountGone: reply(550, '5.7.1', 'This account may no longer send; log in again'),
  malformedAuthors: reply(
    550,
    '5.7.1',
    'The mail needs one well-formed From field, one address at most in Sender, and no groups there (RFC 5322 3.6.2)',
  ),
  greetFirst: reply(503, '5.5.1', 'Send EHLO first'),
  nestedMail: reply(503, '5.5.1', 'One transaction is open, send RSET to drop it'),
  needMail: reply(503, '5.5.1', 'Send MAIL first'),
  needRcpt: reply(503, '5.5.1', 'Send RCPT first'),
  tlsActive: reply(503, '5.5.1', 'TLS is active already'),
  noValidRecipients: reply(554, '5.5.1', 'No valid recipients'),
  unknownUser: reply(550, '5.1.1', 'User unknown'),
  relayingDenied: reply(550, '5.7.1', 'Relaying denied: not a domain of this server'),
  noLiterals: reply(550, '5.1.2', 'Addresses with an IP address are not sent to: use a domain name'),
  sourceRoute: reply(550, '5.7.1', 'Routed addresses (% and !) are not accepted'),
  aliasLoops: reply(550, '5.4.6', 'This alias leads through too many others'),
  mailboxFull: reply(552, '5.2.2', 'Mailbox is over quota'),
  tooBig: reply(552, '5.3.4', 'Message is larger than this server takes'),
  headerTooLarge: reply(552, '5.3.4', 'Header is larger than this server takes: at most 256 KiB and 2000 fields'),
  needsSmtpUtf8: reply(553, '5.6.7', 'A non-ASCII address needs the SMTPUTF8 parameter'),
  bareLineEnds: reply(554, '5.6.0', 'Message holds a CR or LF of its own; lines must end with CRLF (RFC 5321 2.3.8)'),
  lineTooLong: reply(554, '5.6.0', 'Message holds a line without end'),
  tooManyHops: reply(554, '5.4.6', 'Too many hops, this mail is going round in circles'),
  unknownParameter: reply(555, '5.5.4', 'Parameter not recognised'),
} as const satisfies Record<string, Reply>;

/**
 * The answer to the final dot (plan, P1). `copies` is the log's word on how many disks hold the mail; on one node it is
 * always 1/1.
 */
export function acceptedReply(mailId: string, [have, of]: Copies): Reply {
  return reply(250, '2.0.0', `Ok id=${mailId} copies=${have}/${of}`);
}

/** Error codes of actors and of the core that have a better reply than the general one. */
const repliesByErrorCode: ReadonlyMap<string, Reply> = new Map<string, Reply>([
  ['storageFull', replies.storageFull],
  ['overQuota', replies.overQuota],
  ['noSuchMailbox', replies.unknownUser],
  // The client may split the mail, or try later with fewer; it must not give up on it.
  ['turnTooLarge', replies.tooManyRecipients],
  ['headerTooLarge', replies.headerTooLarge],
  ['tooManyRecipients', replies.tooManyRecipients],
]);

/** What the client is told when asking the core failed. Anything unknown is transient: the client keeps the mail. */
export function errorReply(error: unknown): Reply {
  const { code, transient, text } = errorData(error);
  const special = repliesByErrorCode.get(code);
  if (special !== undefined) return special;
  if (transient) return reply(451, '4.3.0', text);
  return reply(554, code === 'notAField' ? '5.6.0' : '5.3.0', text);
}

export function refusalReply(code: 451 | 550, enhanced: string, text: string): Reply {
  return reply(code, enhanced, text);
}

/** RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets, CRLF included. */
const lineTextMax = 480;
// A reply may carry text of an error: what could split the reply or fool a terminal becomes a blank.
const unsafe = /[^\x20-\x7e]/g;

function formatReply({ code, enhanced, lines }: Reply): string {
  const status = enhanced === '' ? '' : `${enhanced} `;
  let text = '';
  for (let i = 0; i < lines.length; i++) {
    const mark = i === lines.length - 1 ? ' ' : '-';
    text += `${code}${mark}${status}${(lines[i] ?? '').slice(0, lineTextMax).replace(unsafe, ' ')}\r\n`;
  }
  return text;
}

const formatted = new Map<Reply, string>(Object.values(replies).map((each) => [each, formatReply(each)]));

/** The bytes of a reply; those of the table are made once. */
export function replyText(one: Reply): string {
  return formatted.get(one) ?? formatReply(one);
}
