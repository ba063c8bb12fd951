/**
 * POST /v1/messages: a mail as JSON or as it is, taken in one commit for all recipients.
 *
 * Promises: 202 only when the mail is committed; the sender owns each address that the mail says it is from; an answer
 * within `answerMsMax`.
 * Leaves to others: what was posted (`draft.ts`), repetitions (`idempotency.ts`), the commit (`routing/submit.ts`).
 */
import type { Context } from 'hono';
import { errorData } from '../../../../runtime/base/errors.ts';
import { formatDate } from '../../../mail/received.ts';
import { foreignAddress } from '../../../routing/own-address.ts';
import { routeLimits, Router } from '../../../routing/router.ts';
import { type ReceivedLine, type Submission, submit } from '../../../routing/submit.ts';
import { inTime } from '../in-time.ts';
import type { ApiContext, ApiEnv, Caller } from './api-context.ts';
import { answerUnknown, messageTooLarge, notYourAddress, unsupportedMediaType } from './codes.ts';
import type { MailSeed } from '../../../mail/compose.ts';
import { type Draft, draftOfJson, draftOfRaw } from './draft.ts';
import { idempotencyKeyOf, once } from './idempotency.ts';
import { statusOf } from './problem.ts';
import { received } from './receive.ts';

type MediaType = 'application/json' | 'message/rfc822';

/** JSON: its bytes, its text, the decoded attachments and the mail made of them. */
const memoryFactors: Readonly<Record<MediaType, number>> = { 'application/json': 4, 'message/rfc822': 2 };
/** Beyond the mail: names of fields, quotes and escapes. */
const jsonBytesMore = 1024 * 1024;
/** Clients and proxies give up after a minute. */
const answerMsMax = 45_000;
const lookUpMsMax = 10_000;

export async function send(context: ApiContext, c: Context<ApiEnv>) {
  const { core } = context;
  try {
    const { mailId, messageId, isReplay } = await sent(context, c);
    if (isReplay) c.header('idempotency-replayed', 'true');
    else core.count('ringpost_mails_accepted_total', { edge: 'http' }, 1);
    c.header('location', `/v1/messages/${mailId}`);
    return c.json({ id: mailId, messageId }, 202);
  } catch (error) {
    core.count('ringpost_mails_refused_total', { reason: `http ${statusOf(errorData(error))}` }, 1);
    throw error;
  }
}

async function sent(context: ApiContext, c: Context<ApiEnv>) {
  const mediaType = mediaTypeOf(c.req.header('content-type'));
  const key = idempotencyKeyOf(c.req.header('idempotency-key'));
  const caller = c.get('caller');
  const bytesMax = context.messageBytesMax + (mediaType === 'application/json' ? jsonBytesMore : 0);
  const limits = { bytesMax, memoryFactor: memoryFactors[mediaType] };
  return received(context, { request: c.req.raw, incoming: c.env.incoming, ...limits }, async (bytes) => {
    const url = new URL(c.req.url);
    const payload = { contentType: mediaType, query: url.search, bytes };
    const draft = mediaType === 'application/json' ? draftOfJson(bytes) : draftOfRaw(bytes, url.searchParams);
    const work = (seed: MailSeed): Promise<string> => submitDraft(context, caller, draft, seed, isSecure(c));
    const done = once(context, caller.principal, key, payload, work);
    const { mailId, seed, isReplay } = await inTime(context.clock, answerMsMax, done, answerUnknown);
    return { mailId, messageId: draft.messageId(seed), isReplay };
  });
}

async function submitDraft(
  context: ApiContext,
  caller: Caller,
  draft: Draft,
  seed: MailSeed,
  isSecured: boolean,
): Promise<string> {
  const { principal, facts } = caller;
  const router = new Router(context.core, routeLimits, { principal, timeoutMs: lookUpMsMax }, null);
  const foreign = await foreignAddress(router, facts.mailboxId, draft.authors);
  if (foreign !== null) throw notYourAddress(foreign, facts.address);
  const bytes = await draft.bytes(seed);
  if (bytes.length > context.messageBytesMax) throw messageTooLarge(context.messageBytesMax);
  const { reversePath, smtpUtf8, stream, tags, contentHash } = draft;
  const submission: Submission = {
    reversePath,
    submitter: facts.accountId,
    recipients: draft.recipients.map((address) => ({ address, notify: null, orcpt: null })),
    bytes,
    dsn: { ret: null, envelopeId: null },
    smtpUtf8,
    received: receivedBy(context, isSecured),
    sentCopy: (draft.savesSent ?? facts.savesSent) ? { mailboxId: facts.mailboxId, folder: 'Sent' } : null,
    signs: true,
    stream,
    tags,
    ...(contentHash === null ? {} : { contentHash }),
    principal,
  };
  const { mailId } = await submit(context, submission);
  return mailId;
}

/** RFC 5321 §4.4, without `from`: what stands behind the client is a person, whose address is nobody's business. */
function receivedBy({ hostname, clock }: ApiContext, isSecured: boolean): ReceivedLine {
  const date = formatDate(clock.nowMs());
  return (mailId) => `Received: by ${hostname} with HTTP${isSecured ? 'S' : ''} id ${mailId};\r\n\t${date}\r\n`;
}

const isSecure = (c: Context<ApiEnv>): boolean => 'encrypted' in c.env.incoming.socket;

/** RFC 9110 §8.3.1: parameters do not change what it is. @throws {OperationError} `unsupportedMediaType` */
function mediaTypeOf(header: string | undefined): MediaType {
  const type = header?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json' && type !== 'message/rfc822') throw unsupportedMediaType();
  return type;
}
