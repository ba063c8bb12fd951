/** What the admin API reads of mailboxes, and their quota. Mail goes in and out in bulk by `mailbox-transfer.ts`. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import { type Folder, mailboxes, type Message } from '../mailbox/protocol.ts';
import { noSuchFolder, noSuchMessage } from './codes.ts';
import { ask, mailboxOf, query } from './directory.ts';

/** Bytes that are read of a body, and sent, at a time. */
const sliceBytes = 1024 * 1024;
const pageMessagesMax = 1_000;

export interface ListedMessage {
  readonly uid: number;
  readonly folder: string;
  readonly size: number;
  readonly flags: readonly string[];
  readonly subject: string;
  readonly from: string;
  /** Without angle brackets; null when the mail has none. */
  readonly messageId: string | null;
  readonly receivedAtMs: number;
  /** Names the mail in replies and traces. */
  readonly mailId: string;
  readonly address: string;
  readonly reversePath: string;
}

export const listedMessage = (folder: string, message: Message): ListedMessage => ({
  uid: message.uid,
  folder,
  size: message.sizeBytes,
  flags: message.flags,
  subject: message.header.subject,
  from: message.header.from,
  messageId: message.header.messageId,
  receivedAtMs: message.internalDateMs,
  mailId: message.mailId,
  address: message.address,
  reversePath: message.reversePath,
});

export async function foldersOf(context: AdminContext, mailboxId: string): Promise<readonly Folder[]> {
  return await query(context, mailboxes.ref(mailboxId), { kind: 'folders' });
}

/** INBOX in any case (RFC 9051 §5.1), others as they are written. @throws {OperationError} `noSuchFolder` */
export async function requireFolder(context: AdminContext, mailboxId: string, name: string): Promise<Folder> {
  const folders = await foldersOf(context, mailboxId);
  const wanted = name.toUpperCase() === 'INBOX' ? 'INBOX' : name;
  const folder = folders.find((one) => one.name === wanted);
  if (folder === undefined)
    throw noSuchFolder(
      name,
      folders.map((one) => one.name),
    );
  return folder;
}

export const mailboxSummary = adminRow({
  name: 'mailbox-summary',
  permission: 'mail.read',
  summary: 'Show the folders and the size of a mailbox',
  args: z.strictObject({ address: z.string() }),
  async run(context, args) {
    const { mailboxId, address } = await mailboxOf(context, args.address);
    const { messages, usedBytes, quotaBytes } = await query(context, mailboxes.ref(mailboxId), { kind: 'summary' });
    const folders = await foldersOf(context, mailboxId);
    return { address: address.normalised, messages, usedBytes, quotaBytes, folders };
  },
});

export const mailboxList = adminRow({
  name: 'mailbox-list',
  permission: 'mail.read',
  summary: 'List the mails of a mailbox',
  args: z.strictObject({
    address: z.string(),
    /** Null: of all folders, one after another. */
    folder: z.string().nullable(),
    after: z.strictObject({ folderId: z.int(), uid: z.int() }).nullable(),
    limit: z.int().min(1).max(pageMessagesMax),
  }),
  async run(context, { address, folder: name, after, limit }) {
    const { mailboxId } = await mailboxOf(context, address);
    const folders =
      name === null ? await foldersOf(context, mailboxId) : [await requireFolder(context, mailboxId, name)];
    // Folders that are empty cost no query and no page.
    const filled = folders.filter((one) => one.messages > 0 || one.folderId === after?.folderId);
    const start = after === null ? 0 : filled.findIndex((one) => one.folderId === after.folderId);
    const folder = filled[start];
    if (folder === undefined) return { messages: [], next: null };
    const afterUid = after?.uid ?? 0;
    const page = await query(context, mailboxes.ref(mailboxId), {
      kind: 'messages',
      folderId: folder.folderId,
      afterUid,
      limit,
    });
    const last = page.at(-1);
    const following = filled[start + 1];
    const nextFolder = following === undefined ? null : { folderId: following.folderId, uid: 0 };
    return {
      messages: page.map((message) => listedMessage(folder.name, message)),
      next: last === undefined || page.length < limit ? nextFolder : { folderId: folder.folderId, uid: last.uid },
    };
  },
});

const oneMessage = z.strictObject({ address: z.string(), folder: z.string(), uid: z.int().min(1) });

async function messageOf(context: AdminContext, { address, folder: name, uid }: z.output<typeof oneMessage>) {
  const { mailboxId } = await mailboxOf(context, address);
  const folder = await requireFolder(context, mailboxId, name);
  const message = await query(context, mailboxes.ref(mailboxId), { kind: 'message', folderId: folder.folderId, uid });
  if (message === null) throw noSuchMessage(uid, folder.name);
  return { folder, message };
}

export const mailboxMessage = adminRow({
  name: 'mailbox-message',
  permission: 'mail.read',
  summary: 'Show what is known of one mail',
  args: oneMessage,
  async run(context, args) {
    const { folder, message } = await messageOf(context, args);
    return listedMessage(folder.name, message);
  },
});

export const mailboxRaw = adminRow({
  name: 'mailbox-raw',
  permission: 'mail.read',
  summary: 'Give the bytes of one mail',
  transfer: 'download',
  args: oneMessage.extend({ asReceived: z.boolean() }),
  async run(context, { asReceived, ...args }): Promise<AsyncIterable<Uint8Array>> {
    const { message } = await messageOf(context, args);
    return messageBytes(context, message, asReceived);
  },
});

/** The prefix of this recipient and then exactly what the client sent; without the prefix when `asReceived`. */
export async function* messageBytes(
  { core }: Pick<AdminContext, 'core'>,
  { prefix, body }: Message,
  asReceived: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  const slice = (offset: number): Promise<Uint8Array> =>
    core.readBody(body.hash, { offset, length: Math.min(sliceBytes, body.sizeBytes - offset) });
  // Before anything is given: a damaged body is then a clear error and not an answer that ends short.
  const first = body.sizeBytes > 0 ? await slice(0) : null;
  if (!asReceived && prefix.length > 0) yield prefix;
  if (first !== null) yield first;
  for (let offset = sliceBytes; offset < body.sizeBytes; offset += sliceBytes) yield await slice(offset);
}

export const mailboxQuota = adminRow({
  name: 'mailbox-quota',
  permission: 'account.write',
  summary: 'Change how large a mailbox may grow',
  args: z.strictObject({ address: z.string(), quotaBytes: z.int().min(0) }),
  async run(context, { address: text, quotaBytes }) {
    const { mailboxId, address } = await mailboxOf(context, text);
    await ask(context, mailboxes.ref(mailboxId), { kind: 'setQuota', quotaBytes });
    return { address: address.normalised, quotaBytes };
  },
});
