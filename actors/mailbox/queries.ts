/** What a mailbox shows. Nothing here looks at more rows than it answers. */
import type { View } from '../../runtime/actor/actor.ts';
import { rowsAsked } from './bulk.ts';
import { wholeNames } from './folder-names.ts';
import type { Folder, FolderId, MailboxAnswers, MailboxQuery, Message } from './protocol.ts';
import {
  type FeedRow,
  type FolderRow,
  type HeadRow,
  headKey,
  inboxId,
  type MessageRow,
  messageKey,
  messageOf,
} from './rows.ts';

type Query<Kind> = MailboxQuery & { readonly kind: Kind };

const foldersMax = 10_000;

export function summary(view: View): MailboxAnswers['summary'] {
  const head = view.get<HeadRow>(headKey);
  if (head === undefined || head.isPurging) {
    return { exists: false, accountId: null, messages: 0, usedBytes: 0, quotaBytes: 0, highestModSeq: 0 };
  }
  const { accountId, messages, usedBytes, quotaBytes, modSeq } = head;
  return { exists: true, accountId, messages, usedBytes, quotaBytes, highestModSeq: modSeq };
}

/** INBOX first, the others by name. */
export function folders(view: View): readonly Folder[] {
  const rows = new Map<FolderId, FolderRow>();
  for (const { key, value } of view.range<FolderRow>({ prefix: ['f'], limit: foldersMax })) {
    if (!value.isGone) rows.set(Number(key[1]), value);
  }
  const names = wholeNames(rows);
  const list: Folder[] = [...rows].map(([folderId, { parentId: _above, isGone: _gone, ...row }]) => {
    return { ...row, folderId, name: names.get(folderId) as string };
  });
  const order = (folder: Folder): string => (folder.folderId === inboxId ? '' : folder.name);
  return list.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

export function messages(view: View, { folderId, afterUid, limit }: Query<'messages'>): readonly Message[] {
  const range = { prefix: ['m', folderId], from: messageKey(folderId, afterUid), limit: rowsAsked(limit) };
  return view.range<MessageRow>(range).map(({ key, value }) => messageOf(folderId, Number(key[2]), value));
}

export function message(view: View, { folderId, uid }: Query<'message'>): Message | null {
  const row = view.get<MessageRow>(messageKey(folderId, uid));
  return row === undefined ? null : messageOf(folderId, uid, row);
}

/** Of the messages that changed last, which new ones are; in the order of their mail ids, which is that of time. */
export function recentMail(view: View, { limit }: Query<'recentMail'>): MailboxAnswers['recentMail'] {
  const feed = view.range<FeedRow>({ prefix: ['c'], limit: rowsAsked(limit), reverse: true });
  const mail = feed.flatMap(({ value: [folderId, uid] }) => {
    const row = view.get<MessageRow>(messageKey(folderId, uid));
    return row === undefined ? [] : [{ mailId: row.mailId, uid, folderId }];
  });
  return mail.sort((a, b) => (a.mailId < b.mailId ? 1 : -1));
}
