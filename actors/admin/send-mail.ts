/** What the node does for `ringpost send`: makes a whole mail of what was given, and submits it. */
import { timeOrderedId } from '../../runtime/base/ids.ts';
import type { AdminContext } from '../../runtime/cli/admin-row.ts';
import { parseSender } from '../mail/address.ts';
import { authorsOf } from '../mail/authors.ts';
import { completeHeader } from '../mail/complete-header.ts';
import { compose } from '../mail/compose.ts';
import { readRawMessage } from '../mail/raw-message.ts';
import { submit } from '../routing/submit.ts';
import { noAuthor } from './codes.ts';

export interface MailToSend {
  readonly from: string;
  readonly to: readonly string[];
  /** Null: `content` is a whole mail. */
  readonly subject: string | null;
}

interface WholeMail {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isInternational: boolean;
}

/** @throws {OperationError} `badAddress`, `noAuthor`, and what `readRawMessage` and `submit` refuse */
export async function sendMail(
  context: AdminContext,
  { from, to, subject }: MailToSend,
  content: Uint8Array,
): Promise<{ readonly mailId: string; readonly resend: boolean }> {
  const sender = parseSender(from).normalised;
  const { bytes, isInternational } = await wholeMail(context, { from, to, subject }, content);
  const locals = [sender, ...to].map((address) => address.slice(0, address.lastIndexOf('@')));
  return await submit(context, {
    reversePath: sender,
    submitter: null,
    recipients: to.map((address) => ({ address, notify: null, orcpt: null })),
    bytes,
    dsn: { ret: null, envelopeId: null },
    smtpUtf8: isInternational || locals.some((local) => /[^\0-\x7f]/.test(local)),
    received: null,
    sentCopy: null,
    signs: true,
    principal: context.principal,
  });
}

async function wholeMail(context: AdminContext, mail: MailToSend, content: Uint8Array): Promise<WholeMail> {
  const { clock, random, hostname } = context;
  const [nowMs, id] = [clock.nowMs(), timeOrderedId(clock.nowMs(), random)];
  const messageId = `${id}@${hostname}`;
  if (mail.subject === null) {
    const { bytes, isInternational } = readRawMessage(new Uint8Array(content));
    if (authorsOf(bytes).from === null) throw noAuthor();
    return { bytes: completeHeader(bytes, { nowMs, messageId }), isInternational };
  }
  const asMailbox = (address: string) => ({ name: '', address });
  const parts = {
    from: asMailbox(mail.from),
    to: mail.to.map(asMailbox),
    subject: mail.subject,
    text: Buffer.from(content).toString('utf8'),
    ...{ cc: [], replyTo: [], attachments: [], headers: {} },
  };
  return { bytes: await compose(parts, messageId, { id, atMs: nowMs }), isInternational: false };
}
