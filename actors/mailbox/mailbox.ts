/**
 * The mailbox actor: all mail of one user or shared place.
 *
 * Promises: what `protocol.ts` says, in turns of bounded size; no operation looks through all messages.
 * Leaves to others: where an address leads (`address/`), IMAP's session view of it (`edge/imap/`), the bytes of bodies.
 */
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { requireIds } from './asked-ids.ts';
import { append, deliver, receiveNotice } from './deliver.ts';
import { expunge } from './expunge.ts';
import { changes, forgetTombstones, tombstoneTimer } from './feed.ts';
import { fingerprintTimer, forgetFingerprints } from './fingerprints.ts';
import { setFlags } from './flags.ts';
import { createFolder, deleteFolder, renameFolder, sweep, sweepTimer } from './folders.ts';
import type { MailboxAnswers, MailboxCommand, MailboxProtocol, MailboxQuery } from './protocol.ts';
import { addAddress, create, purge, purgeOn, purgeTimer, removeAddress, setQuota } from './provision.ts';
import { folders, message, messages, recentMail, summary } from './queries.ts';
import { transfer } from './transfer.ts';

const commands: CommandTable<Turn, MailboxCommand, MailboxAnswers> = {
  create,
  deliver,
  append,
  setFlags,
  copy: transfer,
  move: transfer,
  expunge,
  createFolder,
  renameFolder,
  deleteFolder,
  setQuota,
  addAddress,
  removeAddress,
  purge,
};

const queries: CommandTable<View, MailboxQuery, MailboxAnswers> = {
  summary,
  folders,
  messages,
  message,
  changes,
  recentMail,
};

const timers: ReadonlyMap<string, (turn: Turn) => void> = new Map([
  [fingerprintTimer, forgetFingerprints],
  [tombstoneTimer, forgetTombstones],
  [sweepTimer, sweep],
  [purgeTimer, purgeOn],
]);

export const mailbox: ActorKind<MailboxProtocol> = {
  kind: 'mailbox',
  rowVersion: 1,
  command(turn, command) {
    requireIds(command);
    return runCommand(commands, turn, command);
  },
  query(view, query) {
    requireIds(query);
    return runCommand(queries, view, query);
  },
  notice: receiveNotice,
  timer: (turn, name) => timers.get(name)?.(turn),
};
