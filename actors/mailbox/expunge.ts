/** Removing messages for good: EXPUNGE, UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9) and the destroy of other protocols. */
import { Continue, type Turn } from '../../runtime/actor/actor.ts';
import { distinct, messagesPerTurnMax, rowBytes, runBulk } from './bulk.ts';
import { removeMessage } from './messages.ts';
import { openMailbox } from './open-mailbox.ts';
import type { FolderId, MailboxAnswers, MailboxCommand, Uid } from './protocol.ts';
import { deletedKey, isDeleted, type MessageRow, messageKey } from './rows.ts';

export function expunge(
  turn: Turn,
  command: MailboxCommand & { readonly kind: 'expunge' },
): MailboxAnswers['expunge'] | Continue<MailboxCommand> {
  const { folderId } = command;
  const box = openMailbox(turn);
  const folder = box.folder(folderId);
  const progress = command.progress ?? { at: 0, removed: [] };
  const flagged = command.uids === null ? flaggedUids(turn, folderId, progress.at) : null;
  const uids = flagged ?? (command.progress === undefined ? distinct(command.uids ?? []) : (command.uids ?? []));
  const at = runBulk(turn, flagged === null ? progress.at : 0, uids.length, (item) => {
    const uid = uids[item] as Uid;
    const message = turn.get<MessageRow>(messageKey(folderId, uid));
    if (message === undefined || (command.onlyDeleted && !isDeleted(message))) return 0;
    removeMessage(box, folder, uid, message);
    progress.removed.push(uid);
    return rowBytes(message);
  });
  box.save();
  if (at === uids.length && (flagged === null || flagged.length < messagesPerTurnMax)) {
    return { removed: progress.removed };
  }
  const next = flagged === null ? { uids, at } : { uids: null, at: flagged[at - 1] as Uid };
  return new Continue<MailboxCommand>({ ...command, uids: next.uids, progress: { ...progress, at: next.at } });
}

/** Behind a UID, so that what an earlier turn removed, and has not committed yet, is not read again. */
function flaggedUids(turn: Turn, folderId: FolderId, afterUid: Uid): readonly Uid[] {
  const from = deletedKey(folderId, afterUid);
  return turn.range({ prefix: ['d', folderId], from, limit: messagesPerTurnMax }).map(({ key }) => Number(key[2]));
}
