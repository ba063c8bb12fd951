/**
 * What must be in one mailbox, after what its one client did and was answered. Where an answer is missing, every state that it
 * may have led to is allowed, also later: a command may wait in a node that is paused.
 *
 * Checked: one copy of each mail, none of a refused one; UIDs are given once and grow, UIDVALIDITY stays; what is expunged never
 * comes back; flags are those of the answered commands; what a read showed, later reads show too.
 */
import type { Folder, Message } from '../../../actors/mailbox/protocol.ts';
import { isTakenAtOnce, type MailLedger, type SentMail } from './mail-ledger.ts';

export interface Place {
  readonly folderId: number;
  readonly uid: number;
}

/** A change of flags, as text -> text of a sorted list. */
export type FlagChange = (flags: string) => string;

export interface Copy {
  readonly mail: SentMail;
  at: Place | null;
  /** Reads that begin later must show it. */
  shownSinceMs: number | null;
  /** `moving` and `going`: a command without an answer; nobody touches it any more. */
  state: 'there' | 'moving' | 'going' | 'gone';
  /** Of `moving`: where to. */
  movingTo: number | null;
  /** Those it may have. */
  flags: Set<string>;
  /** Without an answer: each may have its effect at any time. */
  unsure: FlagChange[];
}

interface FolderState {
  readonly uidValidity: number;
  uidNext: number;
  names: Set<string>;
  state: 'there' | 'going' | 'gone';
}

export const flagText = (flags: readonly string[]): string => [...flags].sort().join(' ');
const placeName = ({ folderId, uid }: Place): string => `${folderId}:${uid}`;

export class MailboxLedger {
  readonly mailboxId: string;
  readonly copies = new Map<string, Copy>();
  readonly folders = new Map<number, FolderState>();
  readonly #mails: MailLedger;
  readonly #fail: (text: string) => void;
  /** Place -> hash of the mail, for ever. */
  readonly #given = new Map<string, string>();
  readonly #gone = new Set<string>();

  constructor(mailboxId: string, mails: MailLedger, fail: (text: string) => void) {
    this.mailboxId = mailboxId;
    this.#mails = mails;
    this.#fail = (text) => fail(`mailbox ${mailboxId}: ${text}`);
  }

  copyOf(mail: SentMail): Copy {
    let copy = this.copies.get(mail.body.hash);
    if (copy === undefined) {
      copy = {
        ...{ mail, at: null, shownSinceMs: null, state: 'there', movingTo: null },
        ...{ flags: new Set([flagText(mail.flags)]), unsure: [] },
      };
      this.copies.set(mail.body.hash, copy);
    }
    return copy;
  }

  /** An answer said where it is. */
  placed(mail: SentMail, at: Place): void {
    this.#identify(at, mail);
    const copy = this.copyOf(mail);
    copy.at ??= at;
  }

  accepted(mail: SentMail, nowMs: number): void {
    const copy = this.copyOf(mail);
    if (isTakenAtOnce(mail)) copy.shownSinceMs ??= nowMs;
  }

  flagged(copy: Copy, change: FlagChange, isUnsure: boolean): void {
    if (isUnsure) copy.unsure.push(change);
    else copy.flags = new Set([...copy.flags].map(change));
    for (let size = -1; size !== copy.flags.size; ) {
      size = copy.flags.size;
      for (const flags of [...copy.flags]) for (const each of copy.unsure) copy.flags.add(each(flags));
    }
  }

  moved(copy: Copy, to: Place): void {
    this.#gone.add(placeName(copy.at!));
    this.#identify(to, copy.mail);
    copy.at = to;
  }

  expunged(copy: Copy): void {
    this.#gone.add(placeName(copy.at!));
    copy.state = 'gone';
  }

  folderMade(folderId: number, name: string): void {
    if (this.folders.has(folderId)) this.#fail(`folder id ${folderId} was given twice`);
    this.folders.set(folderId, { uidValidity: -1, uidNext: 1, names: new Set([name]), state: 'there' });
  }

  /** What a read showed that began and ended at these times. The mailbox's client did nothing else meanwhile. */
  read(folders: readonly Folder[], messages: readonly Message[], beganMs: number, endedMs: number): void {
    this.#readFolders(folders);
    const seen = new Map<string, Message>();
    for (const message of messages) this.#readMessage(message, seen, beganMs, endedMs);
    for (const copy of this.copies.values()) {
      if (copy.state !== 'there' || copy.shownSinceMs === null || copy.shownSinceMs >= beganMs) continue;
      if (!seen.has(copy.mail.body.hash)) this.#fail(`mail ${copy.mail.number} was there and is not any more`);
    }
  }

  /** All is healed and at rest. */
  readAtTheEnd(folders: readonly Folder[], messages: readonly Message[], nowMs: number): void {
    this.read(folders, messages, nowMs, nowMs);
    const seen = new Set(messages.map(({ body }) => body.hash));
    for (const mail of this.#mails.all) {
      if (!mail.mailboxIds.includes(this.mailboxId)) continue;
      const { state } = this.copyOf(mail);
      const isThere = seen.has(mail.body.hash);
      if (mail.outcome === 'accepted' && !isThere && (state === 'there' || state === 'moving')) {
        this.#fail(`mail ${mail.number} was accepted and is not there`);
      }
    }
  }

  has(mail: SentMail, messages: readonly Message[]): boolean {
    return messages.some(({ body }) => body.hash === mail.body.hash);
  }

  #readFolders(folders: readonly Folder[]): void {
    for (const { folderId, name, uidValidity, uidNext } of folders) {
      const known = this.folders.get(folderId);
      if (known === undefined) {
        // INBOX, or made by a command without an answer.
        this.folders.set(folderId, { uidValidity, uidNext, names: new Set([name]), state: 'there' });
        continue;
      }
      if (known.state === 'gone') this.#fail(`folder ${folderId} was deleted and is back`);
      if (known.uidValidity !== -1 && known.uidValidity !== uidValidity) this.#fail(`UIDVALIDITY of ${name} changed`);
      if (uidNext < known.uidNext) this.#fail(`UIDNEXT of ${name} went back from ${known.uidNext} to ${uidNext}`);
      if (!known.names.has(name))
        this.#fail(`folder ${folderId} is called ${name}, not ${[...known.names].join(' or ')}`);
      this.folders.set(folderId, { ...known, uidValidity, uidNext });
    }
    const listed = new Set(folders.map(({ folderId }) => folderId));
    for (const [folderId, { state }] of this.folders) {
      if (state === 'there' && !listed.has(folderId)) this.#fail(`folder ${folderId} was there and is not any more`);
    }
  }

  #readMessage(message: Message, seen: Map<string, Message>, beganMs: number, endedMs: number): void {
    const { body, folderId, uid } = message;
    const mail = this.#mails.of(body.hash);
    if (mail === undefined) return this.#fail(`a message that nobody sent, ${placeName(message)}`);
    if (!mail.mailboxIds.includes(this.mailboxId)) return this.#fail(`mail ${mail.number} was not for it`);
    if (mail.outcome === 'refused') return this.#fail(`mail ${mail.number} was refused and is there`);
    this.#identify(message, mail);
    if (this.#gone.has(placeName(message))) this.#fail(`${placeName(message)} was moved or expunged and is back`);
    const copy = this.copyOf(mail);
    const twin = seen.get(body.hash);
    if (twin !== undefined && copy.state !== 'moving') {
      this.#fail(`mail ${mail.number} is there twice, as ${placeName(twin)} and ${placeName(message)}`);
    }
    seen.set(body.hash, message);
    const flags = flagText(message.flags);
    if (!copy.flags.has(flags)) {
      const allowed = [...copy.flags].map((each) => `(${each})`).join(' or ');
      this.#fail(`mail ${mail.number} has the flags (${flags}), not ${allowed}`);
    }
    if (copy.state === 'there') {
      copy.at ??= { folderId, uid };
      if (copy.at.folderId !== folderId || copy.at.uid !== uid) {
        this.#fail(`mail ${mail.number} is at ${placeName(message)}, not at ${placeName(copy.at)}`);
      }
      copy.shownSinceMs ??= endedMs;
      const folder = this.folders.get(folderId);
      if (folder !== undefined && uid >= folder.uidNext && beganMs === endedMs)
        this.#fail(`UID ${uid} is not below UIDNEXT`);
    }
  }

  #identify(at: Place, mail: SentMail): void {
    const name = placeName(at);
    const known = this.#given.get(name);
    if (known === undefined) this.#given.set(name, mail.body.hash);
    else if (known !== mail.body.hash) this.#fail(`UID ${name} was given twice`);
  }
}
