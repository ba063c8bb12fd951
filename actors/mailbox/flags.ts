/** Changing flags: IMAP STORE with UNCHANGEDSINCE (RFC 9051 §6.4.6, RFC 7162 §3.1.3). */
import { Continue, type Turn } from '../../runtime/actor/actor.ts';
import { distinct, rowBytes, runBulk } from './bulk.ts';
import { combineFlags, normaliseFlags } from './flag-names.ts';
import { changeFlags } from './messages.ts';
import { openMailbox } from './open-mailbox.ts';
import type { MailboxAnswers, MailboxCommand, Uid } from './protocol.ts';
import { type MessageRow, messageKey } from './rows.ts';

/** UIDs that are not there are passed over (RFC 9051 §6.4.9), and a message that has the flags already is not changed. */
export function setFlags(
  turn: Turn,
  command: MailboxCommand & { readonly kind: 'setFlags' },
): MailboxAnswers['setFlags'] | Continue<MailboxCommand> {
  const { folderId, mode, unchangedSince } = command;
  const box = openMailbox(turn);
  const folder = box.folder(folderId);
  const given = normaliseFlags(command.flags);
  const progress = command.progress ?? { at: 0, changed: [], modified: [] };
  const uids = command.progress === undefined ? distinct(command.uids) : command.uids;
  const at = runBulk(turn, progress.at, uids.length, (item) => {
    const uid = uids[item] as Uid;
    const message = turn.get<MessageRow>(messageKey(folderId, uid));
    if (message === undefined) return 0;
    if (unchangedSince !== null && message.modSeq > unchangedSince) {
      progress.modified.push(uid);
      return 0;
    }
    const flags = combineFlags(message.flags, mode, given);
    if (flags === null) return 0;
    changeFlags(box, folder, uid, message, flags);
    progress.changed.push(uid);
    return rowBytes(message);
  });
  box.save();
  if (at < uids.length) return new Continue<MailboxCommand>({ ...command, uids, progress: { ...progress, at } });
  return { changed: progress.changed, modified: progress.modified, modSeq: box.head.modSeq };
}
