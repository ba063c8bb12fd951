/**
 * A mail that one of us writes, whoever that is: a client at the submission port or the HTTP API, a DSN. Resolved,
 * signed, and taken in one commit.
 *
 * Promises: all recipients or none; a mail that is sent again (same sender, Message-ID and bytes) is taken once.
 * Leaves to others: who may send as whom, a whole header (`mail/complete-header.ts`), bounds of their own protocol.
 */
import { hash } from 'node:crypto';
import type { AskOptions, Principal } from '../../runtime/actor/actor.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError, refused, tryLater } from '../../runtime/base/errors.ts';
import { timeOrderedId } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { signatureLines } from '../dkim/sign.ts';
import { parseSender } from '../mail/address.ts';
import { type Authors, authorsOf } from '../mail/authors.ts';
import { headerFacts } from '../mail/header-facts.ts';
import type { HeaderFacts, IncomingMessage } from '../mail/message.ts';
import type { DsnRequest, NotifyOn } from '../mail/dsn-wishes.ts';
import type { RemoteShare } from '../spool/protocol.ts';
import { type CopiedMail, headerLines, localCopies, remoteShares, type RoutedRecipient, sentCopyOf } from './copies.ts';
import { dispatch, type Taken } from './dispatch.ts';
import { remoteAddress, routeLimits, Router, type RouteRefusal } from './router.ts';

export interface SubmitContext {
  readonly core: CoreApi;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of this node. */
  readonly hostname: string;
  /** Other than `signatureLines` in tests. */
  readonly sign?: typeof signatureLines;
}

/**
 * A Received line with its CRLF. As a function it can name the mail's id, and the recipient of a copy; null there where
 * naming one would tell others of it.
 */
export type ReceivedLine = string | ((mailId: string, recipient: string | null) => string);

export interface Submission {
  /** '' for DSNs. */
  readonly reversePath: string;
  /** Account id; null for what the server itself writes. */
  readonly submitter: string | null;
  readonly recipients: readonly {
    readonly address: string;
    readonly notify: readonly NotifyOn[] | null;
    readonly orcpt: string | null;
  }[];
  /** The whole mail with CRLF line ends. Handed over: it may be gone from this thread afterwards. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly dsn: DsnRequest;
  /** Needs SMTPUTF8 at the next server. */
  readonly smtpUtf8: boolean;
  readonly received: ReceivedLine | null;
  readonly sentCopy: { readonly mailboxId: string; readonly folder: string } | null;
  /** DKIM-signs what leaves. */
  readonly signs: boolean;
  /** Digest of the bytes as the client sent them, by which a resend is known; default: that of `bytes`. */
  readonly contentHash?: string;
  /** Traffic class and labels of the sender's own, kept with the mail; none when left out. */
  readonly stream?: string | null;
  readonly tags?: readonly string[];
  readonly principal: Principal;
}

/** What an edge has found out already. */
export interface Resolved {
  readonly routed: readonly RoutedRecipient[];
  /** SHA-256 of `bytes` in base64url, where it is known. */
  readonly bodyHash?: string;
  /** Of `bytes`, where they are known. */
  readonly header?: HeaderFacts;
  readonly authors?: Authors;
  readonly commitMsMax?: number;
}

const resolveMsMax = 20_000;

/**
 * One commit for all recipients or none. Local ones, aliases, forwards and remote ones are resolved here.
 * @throws {OperationError} `unknownRecipient`, `recipientOverQuota` (transient), `aliasLoops`, `aliasTooWide`,
 * `badAddress`, `addressTooLong`, `addressLiteral`, each naming the recipient; and what refuses the commit
 */
export async function submit(context: SubmitContext, submission: Submission): Promise<Taken> {
  const options: AskOptions = { principal: submission.principal, timeoutMs: resolveMsMax };
  const router = new Router(context.core, routeLimits, options, null);
  const routed = await Promise.all(submission.recipients.map((each) => resolve(router, each)));
  return submitResolved(context, submission, { routed });
}

/** As `submit`, for recipients that were resolved one by one (`resolved.routed`, not `submission.recipients`). */
export async function submitResolved(
  { core, clock, random, sign = signatureLines }: SubmitContext,
  submission: Submission,
  { routed, bodyHash, header, authors, commitMsMax }: Resolved,
): Promise<Taken> {
  if (routed.length === 0) throw refused('noRecipients', 'a mail has at least one recipient; name one');
  const { bytes, reversePath, submitter, dsn, smtpUtf8, sentCopy, stream = null, tags = [] } = submission;
  const nowMs = clock.nowMs();
  const bodyKey = bodyHash ?? hash('sha256', bytes, 'base64url');
  const message: IncomingMessage = {
    mailId: timeOrderedId(nowMs, random),
    body: { hash: bodyKey, sizeBytes: bytes.length },
    header: header ?? headerFacts(bytes).facts,
    envelope: { reversePath, submitter, tenant: null, stream, tags },
    receivedAtMs: nowMs,
  };
  const mail: CopiedMail = { message, contentHash: submission.contentHash ?? bodyKey, dsn };
  const received = (recipient: string | null): string => receivedOf(submission.received, message.mailId, recipient);
  const local = localCopies(mail, routed, received, 'INBOX');
  const remote = remoteShares(mail, routed);
  if (sentCopy !== null) local.push(sentCopyOf(mail, sentCopy));
  const isSigned = submission.signs && remote.length > 0;
  const signature = isSigned ? await sign(core, signingDomain(authors ?? authorsOf(bytes)), bytes, nowMs) : '';
  const prefix = headerLines(signature + received(onlyRecipient(routed, remote)));
  const outgoing = remote.length === 0 ? null : { prefix, dsn, smtpUtf8 };
  return dispatch(
    core,
    { ...mail, local, remote, outgoing },
    {
      principal: submission.principal,
      trace: message.mailId,
      bodies: [{ hash: bodyKey, bytes }],
      ...(commitMsMax === undefined ? {} : { timeoutMs: commitMsMax }),
    },
  );
}

async function resolve(router: Router, recipient: Submission['recipients'][number]): Promise<RoutedRecipient> {
  const { address: given, notify, orcpt } = recipient;
  const address = parseRecipient(given);
  const route = await router.route(address);
  if (route.kind === 'refused') throw refusalOf(given, route.why);
  const destinations = route.kind === 'taken' ? route : { mailboxIds: [], remote: [remoteAddress(given, address)] };
  const { mailboxIds, remote } = destinations;
  return { given, normalised: address.normalised, notify, orcpt, mailboxIds, remote };
}

/** With % and !: it is the other server's affair what they mean, and whoever submits is known here. */
function parseRecipient(given: string): ReturnType<typeof parseSender> {
  try {
    return parseSender(given);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw refused(error.code, `recipient ${printable(given)}: ${error.message}`);
  }
}

function refusalOf(given: string, why: RouteRefusal): OperationError {
  const address = printable(given);
  switch (why) {
    case 'unknownUser':
      return refused('unknownRecipient', `${address} is unknown here; check its spelling, or leave it out`);
    case 'full':
      return tryLater('recipientOverQuota', `the mailbox of ${address} is over quota; try later, or leave it out`);
    case 'aliasLoops':
      return refused('aliasLoops', `${address} leads through too many other addresses; an operator can shorten that`);
    case 'aliasTooWide':
      return refused('aliasTooWide', `${address} leads to too many mailboxes; an operator can split it`);
  }
}

function receivedOf(line: ReceivedLine | null, mailId: string, recipient: string | null): string {
  return typeof line === 'function' ? line(mailId, recipient) : (line ?? '');
}

/** RFC 5321 §7.6: what goes to several tells none of them of another. */
function onlyRecipient(routed: readonly RoutedRecipient[], remote: readonly RemoteShare[]): string | null {
  const [first] = routed;
  return routed.length === 1 && first !== undefined && remote.length > 0 ? first.given : null;
}

/** RFC 7489 §3.1: the domain that the reader of a mail sees as its author's. '' when there is none. */
function signingDomain({ from }: Authors): string {
  const author = from?.[0] ?? '';
  return author.slice(author.lastIndexOf('@') + 1);
}

const printable = (text: string): string => text.replace(/\p{Cc}+/gu, '_').slice(0, 320);
