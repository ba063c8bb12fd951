/**
 * Mail in bulk, through the admin API: a batch into a mailbox (`mailbox-import`), a page out of it (`mailbox-export`).
 *
 * Promises: a repeated import doubles nothing for a day, the mailbox's memory of fingerprints; a batch keeps its order.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { type ErrorData, errorData } from '../../runtime/base/errors.ts';
import { timeOrderedId } from '../../runtime/base/ids.ts';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import { headerFacts } from '../mail/header-facts.ts';
import { mailboxes, type Message } from '../mailbox/protocol.ts';
import { mailboxOf, query } from './directory.ts';
import { decodeFrames, encodeFrameHead, type Frame } from './frames.ts';
import { messageBytes, requireFolder } from './mailbox-admin.ts';

/** Appends of one batch that wait for their commit together: they share it. */
const appendsAtOnceMax = 64;
const pageMessagesMax = 1_000;

/** What an imported mail says beside its bytes. */
export interface ImportHead {
  readonly folder: string;
  readonly flags: readonly string[];
  /** Null: now. */
  readonly dateMs: number | null;
  /** The n-th mail of exactly these bytes in that folder, from 0: equal ones are kept, repeated ones are not doubled. */
  readonly occurrence: number;
}

const importHead = z.strictObject({
  folder: z.string().min(1).max(4_096),
  flags: z.array(z.string()).max(100),
  dateMs: z.int().min(0).nullable(),
  occurrence: z.int().min(0),
});

export type ImportOutcome = 'imported' | 'repeated' | ErrorData;

export const mailboxImport = adminRow({
  name: 'mailbox-import',
  permission: 'mail.write',
  summary: 'Put mails into a mailbox',
  transfer: 'upload',
  args: z.strictObject({ address: z.string() }),
  async run(context, args, upload): Promise<{ readonly outcomes: readonly ImportOutcome[] }> {
    const { mailboxId } = await mailboxOf(context, args.address);
    const waiting = new Set<Promise<void>>();
    const outcomes: ImportOutcome[] = [];
    let index = 0;
    for await (const frame of decodeFrames<ImportHead>([upload])) {
      const at = index++;
      // Asks leave in the order of the batch, and the mailbox takes them so: the order of UIDs is that of the file.
      const one = importOne(context, mailboxId, frame).then((outcome) => {
        outcomes[at] = outcome;
        waiting.delete(one);
      });
      waiting.add(one);
      if (waiting.size >= appendsAtOnceMax) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    return { outcomes };
  },
});

async function importOne(
  context: AdminContext,
  mailboxId: string,
  { head, bytes }: Frame<ImportHead>,
): Promise<ImportOutcome> {
  try {
    const { folder, flags, dateMs, occurrence } = importHead.parse(head);
    const nowMs = context.clock.nowMs();
    const body = { hash: hash('sha256', bytes, 'base64url'), sizeBytes: bytes.byteLength };
    const message = {
      mailId: timeOrderedId(nowMs, context.random),
      body,
      header: headerFacts(bytes).facts,
      envelope: { reversePath: '', submitter: null, tenant: null, stream: null, tags: [] },
      receivedAtMs: nowMs,
    };
    const fingerprint = hash('sha256', `import ${body.hash} ${occurrence} ${folder}`, 'base64url');
    const { resend } = await context.core.ask(
      mailboxes.ref(mailboxId),
      {
        kind: 'append',
        folder,
        message,
        flags,
        internalDateMs: dateMs ?? nowMs,
        fingerprint,
        createFolder: true,
      } as const,
      { principal: context.principal, bodies: [{ hash: body.hash, bytes }] },
    );
    return resend ? 'repeated' : 'imported';
  } catch (error) {
    return errorData(error);
  }
}

/** What an exported mail says beside its bytes; `error` instead of bytes when they cannot be read. */
export interface ExportHead {
  readonly uid: number;
  readonly uidValidity: number;
  readonly flags: readonly string[];
  readonly dateMs: number;
  readonly reversePath: string;
  readonly error: ErrorData | null;
}

export const mailboxExport = adminRow({
  name: 'mailbox-export',
  permission: 'mail.read',
  summary: 'Take the mails of a folder, page by page',
  transfer: 'download',
  args: z.strictObject({
    address: z.string(),
    folder: z.string(),
    afterUid: z.int().min(0),
    limit: z.int().min(1).max(pageMessagesMax),
    asReceived: z.boolean(),
  }),
  async run(context, { address, folder: name, afterUid, limit, asReceived }): Promise<AsyncIterable<Uint8Array>> {
    const { mailboxId } = await mailboxOf(context, address);
    const { folderId, uidValidity } = await requireFolder(context, mailboxId, name);
    const page = await query(context, mailboxes.ref(mailboxId), { kind: 'messages', folderId, afterUid, limit });
    return exportPage(context, page, uidValidity, asReceived);
  },
});

async function* exportPage(
  context: AdminContext,
  page: readonly Message[],
  uidValidity: number,
  asReceived: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const message of page) {
    const { uid, flags, internalDateMs: dateMs, reversePath, prefix, body } = message;
    const facts = { uid, uidValidity, flags, dateMs, reversePath };
    const slices = messageBytes(context, message, asReceived);
    let first: IteratorResult<Uint8Array, void>;
    try {
      // The prefix alone proves nothing: look at the body before a size is promised.
      if (body.sizeBytes > 0) await context.core.readBody(body.hash, { offset: 0, length: 1 });
      first = await slices.next();
    } catch (error) {
      yield encodeFrameHead({ ...facts, error: errorData(error) }, 0);
      continue;
    }
    yield encodeFrameHead({ ...facts, error: null }, body.sizeBytes + (asReceived ? 0 : prefix.length));
    if (first.done !== true) yield first.value;
    yield* slices;
  }
}
