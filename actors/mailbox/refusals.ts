/** Every refusal of a mailbox, by code. */
import { type OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

export const noSuchMailbox = (): OperationError => refused('noSuchMailbox', 'there is no such mailbox');

export const mailboxExists = (): OperationError =>
  refused('mailboxExists', 'a mailbox of this id exists and belongs to another account');

export const mailboxPurging = (): OperationError =>
  tryLater('mailboxPurging', 'the mailbox of this id is being removed; try again when that is done');

export const noSuchFolder = (): OperationError => refused('noSuchFolder', 'there is no such folder; create it first');

export const folderExists = (): OperationError => refused('folderExists', 'a folder of this name exists');

/** RFC 9051 §7.1 HASCHILDREN */
export const folderHasChildren = (): OperationError =>
  refused('folderHasChildren', 'the folder has folders below it; delete those first');

export const badFolderName = (what: string): OperationError => refused('badFolderName', `bad folder name: ${what}`);

/** RFC 9051 §6.3.5: an error; RFC 9051 §6.3.6 would empty INBOX into the new name, which is never what was meant. */
export const inboxStays = (): OperationError =>
  refused('inboxStays', 'INBOX can be neither deleted nor renamed; move its messages instead');

export const tooManyFolders = (): OperationError =>
  refused('tooManyFolders', 'the mailbox has too many folders; delete some first');

/** A folder has given out all UIDs that 32 bits have (RFC 9051 §2.3.1.1). */
export const folderSpent = (): OperationError =>
  refused('folderSpent', 'the folder has no UID left; move its messages to a new folder');

export const badFlag = (flag: string): OperationError =>
  refused('badFlag', `"${flag}" is no flag: a keyword is 1 to 100 printable ASCII characters without ( ) { % * " \\ ]`);

export const tooManyFlags = (): OperationError => refused('tooManyFlags', 'a message has at most 100 flags');

export const badSpecialUse = (): OperationError =>
  refused(
    'badSpecialUse',
    'a special use is one of \\All \\Archive \\Drafts \\Flagged \\Important \\Junk \\Sent \\Trash',
  );

export const overQuota = (): OperationError =>
  refused('overQuota', 'the mailbox is full; delete messages or raise its quota');

export const badQuota = (): OperationError => refused('badQuota', 'a quota is a whole number of bytes, 0 for no limit');

export const badFingerprint = (): OperationError =>
  refused('badFingerprint', 'a fingerprint is 1 to 128 characters of well-formed text without U+0000 to U+0004');

export const badId = (): OperationError =>
  refused('badId', 'folders, messages and changes are named by whole numbers from 0 up');

export const tooManyAddresses = (): OperationError =>
  refused('tooManyAddresses', 'too many addresses lead to this mailbox; use an alias that leads to another address');
