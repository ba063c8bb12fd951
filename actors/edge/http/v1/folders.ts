/**
 * The caller's own mailbox: its folders, the mails of one, and a mail as it lies there.
 *
 * Promises: a page costs what it shows; a cursor stays right while mails come and go (UIDs only grow); a mail is read
 * from the store as fast as the client takes it.
 */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { formatTime } from '../../../../runtime/cli/units.ts';
import { messageBytes } from '../../../admin/mailbox-admin.ts';
import { type Folder, mailboxes, type Message } from '../../../mailbox/protocol.ts';
import type { ApiContext, ApiEnv, Caller } from './api-context.ts';
import { noSuchFolder, noSuchMessage } from './codes.ts';

const askMsMax = 10_000;

export const folderSchema = z
  .object({
    id: z.int().openapi({ description: 'Stays the same when the folder is renamed' }),
    name: z.string().openapi({ example: 'INBOX' }),
    specialUse: z.string().nullable().openapi({ description: 'RFC 6154', example: '\\Sent' }),
    messages: z.int(),
    unseen: z.int(),
    sizeBytes: z.int(),
    uidValidity: z.int(),
    uidNext: z.int(),
    highestModSeq: z.int(),
  })
  .openapi('Folder');

export const messageSchema = z
  .object({
    uid: z.int(),
    id: z.string().openapi({ description: 'Of the mail, for GET /v1/messages/{id}' }),
    emailId: z.string(),
    threadId: z.string(),
    subject: z.string(),
    from: z.string(),
    messageId: z.string().nullable(),
    flags: z.array(z.string()),
    receivedAt: z.iso.datetime(),
    sizeBytes: z.int(),
    modSeq: z.int(),
  })
  .openapi('Message');

export const pageSchema = z
  .object({
    messages: z.array(messageSchema),
    next: z.string().nullable().openapi({ description: '`cursor` of the following page; null on the last one' }),
  })
  .openapi('MessagePage');

const wholeNumber = z.coerce.number().int().min(1).max(4_294_967_295);

export const folderPath = z.object({ folderId: wholeNumber.openapi({ param: { name: 'folderId', in: 'path' } }) });
export const messagePath = folderPath.extend({ uid: wholeNumber.openapi({ param: { name: 'uid', in: 'path' } }) });
export const pageQuery = z.object({
  cursor: z
    .string()
    .regex(/^\d{1,10}$/, 'it is no cursor of a page before')
    .optional()
    .openapi({ description: '`next` of the page before; left out: from the oldest mail on' }),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

export async function foldersFor(context: ApiContext, caller: Caller): Promise<z.output<typeof folderSchema>[]> {
  const folders = await foldersOf(context, caller);
  return folders.map(({ folderId: id, name, specialUse, messages, unseen, sizeBytes, ...rest }) => {
    const { uidValidity, uidNext, highestModSeq } = rest;
    return { id, name, specialUse, messages, unseen, sizeBytes, uidValidity, uidNext, highestModSeq };
  });
}

/** @throws {OperationError} `noSuchFolder` */
export async function messagesFor(
  context: ApiContext,
  caller: Caller,
  folderId: number,
  { cursor, limit }: z.output<typeof pageQuery>,
): Promise<z.output<typeof pageSchema>> {
  const query = { kind: 'messages', folderId, afterUid: Number(cursor ?? 0), limit } as const;
  const [folders, messages] = await Promise.all([
    foldersOf(context, caller),
    context.core.query(mailboxes.ref(caller.facts.mailboxId), query, optionsOf(caller)),
  ]);
  if (!folders.some((folder) => folder.folderId === folderId)) throw noSuchFolder();
  const last = messages.at(-1);
  return {
    messages: messages.map(shown),
    next: last === undefined || messages.length < limit ? null : String(last.uid),
  };
}

/** @throws {OperationError} `noSuchMessage` */
export async function messageFor(
  { core }: ApiContext,
  caller: Caller,
  { folderId, uid }: z.output<typeof messagePath>,
): Promise<Message> {
  const query = { kind: 'message', folderId, uid } as const;
  const message = await core.query(mailboxes.ref(caller.facts.mailboxId), query, optionsOf(caller));
  if (message === null) throw noSuchMessage();
  return message;
}

export const shown = (message: Message): z.output<typeof messageSchema> => ({
  uid: message.uid,
  id: message.mailId,
  emailId: message.emailId,
  threadId: message.threadId,
  subject: message.header.subject,
  from: message.header.from,
  messageId: message.header.messageId,
  flags: [...message.flags],
  receivedAt: formatTime(message.internalDateMs),
  sizeBytes: message.sizeBytes,
  modSeq: message.modSeq,
});

/** @throws {OperationError} `noSuchMessage`, `bodyDamaged` before the answer begins */
export async function rawResponse(
  context: ApiContext,
  c: Context<ApiEnv>,
  path: z.output<typeof messagePath>,
): Promise<Response> {
  const message = await messageFor(context, c.get('caller'), path);
  const pieces = messageBytes(context, message, false);
  const first = await pieces.next();
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    if (first.done) return;
    yield first.value;
    yield* pieces;
  };
  return c.body(ReadableStream.from(all()), 200, {
    'content-type': 'message/rfc822',
    'content-length': String(message.sizeBytes),
    // Of a stranger's making: nothing of it runs in a browser that is shown it.
    'content-disposition': `attachment; filename="${message.mailId}.eml"`,
    'content-security-policy': "default-src 'none'; sandbox",
  });
}

function foldersOf({ core }: ApiContext, caller: Caller): Promise<readonly Folder[]> {
  return core.query(mailboxes.ref(caller.facts.mailboxId), { kind: 'folders' } as const, optionsOf(caller));
}

const optionsOf = ({ principal }: Caller) => ({ principal, timeoutMs: askMsMax });
