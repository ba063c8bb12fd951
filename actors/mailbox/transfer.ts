/**
 * COPY (RFC 9051 §6.4.7) and MOVE (RFC 6851): from one folder to another of this mailbox.
 *
 * A move that is broken off by a takeover goes on where it was when it is repeated, since what has moved is not in the
 * source any more.
 */
import { Continue, type Turn } from '../../runtime/actor/actor.ts';
import { distinct, rowBytes, runBulk } from './bulk.ts';
import { addMessage, removeMessage } from './messages.ts';
import { openMailbox } from './open-mailbox.ts';
import type { MailboxCommand, Uid, Uids } from './protocol.ts';
import { checkRoom } from './quota.ts';
import { type MessageRow, messageKey, sizeOf } from './rows.ts';

/** UIDs that are not there are passed over (RFC 9051 §6.4.9). */
export function transfer(
  turn: Turn,
  command: MailboxCommand & { readonly kind: 'copy' | 'move' },
): Uids | Continue<MailboxCommand> {
  const box = openMailbox(turn);
  const from = box.folder(command.folderId);
  const to = box.folder(command.toFolderId);
  const progress = command.progress ?? { at: 0, pairs: [] };
  const uids = command.progress === undefined ? distinct(command.uids) : command.uids;
  const at = runBulk(turn, progress.at, uids.length, (item) => {
    const uid = uids[item] as Uid;
    const message = turn.get<MessageRow>(messageKey(from.id, uid));
    if (message === undefined) return 0;
    if (command.kind === 'copy') checkRoom(box.head, sizeOf(message));
    else removeMessage(box, from, uid, message);
    progress.pairs.push([uid, addMessage(box, to, message)]);
    return rowBytes(message);
  });
  box.save();
  if (at < uids.length) return new Continue<MailboxCommand>({ ...command, uids, progress: { ...progress, at } });
  return { pairs: progress.pairs, uidValidity: to.row.uidValidity };
}
