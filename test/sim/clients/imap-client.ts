/**
 * The one client of a mailbox: reads it, and flags, moves, expunges, makes and deletes folders, one command after another, so
 * that it is known what each may have changed.
 */
import { hash } from 'node:crypto';
import { type Folder, mailboxes, type MailboxCommand, type Message } from '../../../actors/mailbox/protocol.ts';
import type { AskOptions } from '../../../runtime/actor/actor.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { type Copy, flagText, type FlagChange, type MailboxLedger } from '../oracle/mailbox-ledger.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import type { Edge } from './edge.ts';
import { Unsure } from './sim-core.ts';

const options: AskOptions = { principal: { kind: 'account', id: 'sim' }, timeoutMs: 6_000 };
const someFlags = ['\\Seen', '\\Flagged', 'later'];
const pageMax = 1_000;

export interface Reading {
  readonly folders: readonly Folder[];
  readonly messages: readonly Message[];
}

/** All of a mailbox, by several queries. @throws {OperationError} */
export async function readMailbox(edge: Edge, mailboxId: string): Promise<Reading> {
  const box = mailboxes.ref(mailboxId);
  const folders = await edge.core.query(box, { kind: 'folders' }, options);
  const messages: Message[] = [];
  for (const { folderId } of folders) {
    const page = { kind: 'messages', folderId, afterUid: 0, limit: pageMax } as const;
    messages.push(...(await edge.core.query(box, page, options)));
  }
  return { folders, messages };
}

export class ImapClient {
  readonly #world: SimWorld;
  readonly #edge: Edge;
  readonly #ledger: MailboxLedger;
  readonly #dice: Dice;
  #count = 0;

  constructor(world: SimWorld, edge: Edge, mailboxId: string) {
    this.#world = world;
    this.#edge = edge;
    this.#ledger = world.oracle.box(mailboxId);
    this.#dice = world.dice.split(`imap ${mailboxId}`);
  }

  async run(isOver: () => boolean): Promise<void> {
    const { timeline, plan } = this.#world;
    while (!isOver()) {
      await timeline.sleep(this.#dice.spread(plan.mix.pauseMs / 2, plan.mix.pauseMs * 4));
      try {
        if (this.#dice.chance(0.4)) await this.#read();
        await this.#act();
      } catch (error) {
        if (!(error instanceof OperationError)) throw error;
        this.#world.note(`imap ${this.#ledger.mailboxId} ${error.code}`);
      }
    }
  }

  async #read(): Promise<void> {
    const { timeline } = this.#world;
    const beganMs = timeline.nowMs;
    const { folders, messages } = await readMailbox(this.#edge, this.#ledger.mailboxId);
    this.#ledger.read(folders, messages, beganMs, timeline.nowMs);
  }

  async #act(): Promise<void> {
    const kind = this.#dice.fraction();
    if (kind < 0.35) await this.#flag();
    else if (kind < 0.55) await this.#move();
    else if (kind < 0.7) await this.#expunge();
    else if (kind < 0.78) await this.#makeFolder();
    else if (kind < 0.82) await this.#renameFolder();
    else if (kind < 0.85) await this.#deleteFolder();
    else if (kind < 0.93) await this.#append();
  }

  /** Some copies in one folder of which it is known where they are. */
  #copies(): Copy[] {
    const known = [...this.#ledger.copies.values()].filter(
      ({ at, state, shownSinceMs }) => at !== null && state === 'there' && shownSinceMs !== null,
    );
    if (known.length === 0) return [];
    const { folderId } = this.#dice.pick(known).at!;
    const there = known.filter(({ at }) => at!.folderId === folderId);
    return this.#dice.some(there, this.#dice.whole(1, 3));
  }

  async #flag(): Promise<void> {
    const copies = this.#copies();
    if (copies.length === 0) return;
    const mode = this.#dice.pick(['add', 'remove', 'replace'] as const);
    const flags = this.#dice.some(someFlags, this.#dice.whole(1, 2));
    const change = flagChange(mode, flags);
    const uids = copies.map(({ at }) => at!.uid);
    const { folderId } = copies[0]!.at!;
    await this.#ask({ kind: 'setFlags', folderId, uids, mode, flags, unchangedSince: null }, (isUnsure) => {
      for (const copy of copies) this.#ledger.flagged(copy, change, isUnsure);
    });
  }

  async #move(): Promise<void> {
    const copies = this.#copies();
    const toFolderId = this.#someFolder();
    if (copies.length === 0 || toFolderId === null) return;
    const { folderId } = copies[0]!.at!;
    if (folderId === toFolderId) return;
    const uids = copies.map(({ at }) => at!.uid);
    await this.#ask({ kind: 'move', folderId, uids, toFolderId }, (isUnsure, answer) => {
      if (isUnsure) {
        for (const copy of copies) {
          copy.state = 'moving';
          copy.movingTo = toFolderId;
        }
        return;
      }
      const to = new Map((answer as { readonly pairs: readonly (readonly [number, number])[] }).pairs);
      for (const copy of copies) {
        const uid = to.get(copy.at!.uid);
        if (uid === undefined) this.#world.oracle.fail(`mail ${copy.mail.number} was there and was not moved`);
        else this.#ledger.moved(copy, { folderId: toFolderId, uid });
      }
    });
  }

  async #expunge(): Promise<void> {
    const copies = this.#copies();
    if (copies.length === 0) return;
    const uids = copies.map(({ at }) => at!.uid);
    const { folderId } = copies[0]!.at!;
    await this.#ask({ kind: 'expunge', folderId, uids }, (isUnsure, answer) => {
      if (isUnsure) return copies.forEach((copy) => (copy.state = 'going'));
      const removed = new Set((answer as { readonly removed: readonly number[] }).removed);
      for (const copy of copies) {
        if (!removed.has(copy.at!.uid))
          this.#world.oracle.fail(`mail ${copy.mail.number} was there and was not expunged`);
        this.#ledger.expunged(copy);
      }
    });
  }

  async #makeFolder(): Promise<void> {
    const name = `folder${++this.#count}`;
    await this.#ask({ kind: 'createFolder', name, specialUse: null }, (isUnsure, answer) => {
      if (!isUnsure) this.#ledger.folderMade((answer as { readonly folderId: number }).folderId, name);
    });
  }

  async #renameFolder(): Promise<void> {
    const folderId = this.#someFolder();
    if (folderId === null || folderId === inboxId) return;
    const name = `renamed${++this.#count}`;
    const folder = this.#ledger.folders.get(folderId)!;
    await this.#ask({ kind: 'renameFolder', folderId, name }, (isUnsure) => {
      // A name that an earlier command without an answer wanted may still come.
      folder.names = isUnsure || folder.names.size > 1 ? new Set([...folder.names, name]) : new Set([name]);
      this.#ledger.folders.set(folderId, { ...this.#ledger.folders.get(folderId)!, names: folder.names });
    });
  }

  async #deleteFolder(): Promise<void> {
    const folderId = this.#someFolder();
    if (folderId === null || folderId === inboxId) return;
    await this.#ask({ kind: 'deleteFolder', folderId }, (isUnsure) => {
      const state = isUnsure ? 'going' : 'gone';
      this.#ledger.folders.set(folderId, { ...this.#ledger.folders.get(folderId)!, state });
      for (const copy of this.#ledger.copies.values()) {
        const mayBeIn = copy.at?.folderId === folderId || copy.movingTo === folderId;
        if (mayBeIn && (copy.state === 'moving' || copy.state === 'there')) copy.state = 'going';
      }
    });
  }

  /** An import: with a fingerprint of its own, so that it may be repeated. */
  async #append(): Promise<void> {
    const { oracle, timeline } = this.#world;
    const id = `${this.#ledger.mailboxId}.${++this.#count}`;
    const bytes = new Uint8Array(
      Buffer.from(`Subject: append ${id}\r\n\r\n${'x'.repeat(this.#dice.whole(10, 400))}\r\n`),
    );
    const body = { hash: hash('sha256', bytes, 'base64url'), sizeBytes: bytes.length };
    const flags = this.#dice.chance(0.5) ? ['\\Seen'] : [];
    const mail = oracle.mails.enter({
      ...{ body, hasMessageId: true, flags, report: null, sender: '', remote: [] },
      mailboxIds: [this.#ledger.mailboxId],
    });
    const message = {
      ...{ mailId: `append-${id}`, body, header: { subject: `append ${id}`, from: '', messageId: null } },
      envelope: { reversePath: '', submitter: null, tenant: null, stream: null, tags: [] },
      receivedAtMs: this.#edge.clock.nowMs(),
    };
    const command: MailboxCommand = {
      kind: 'append',
      ...{ folder: 'INBOX', message, flags, internalDateMs: message.receivedAtMs },
      ...{ fingerprint: `import-${id}`, createFolder: false },
    };
    oracle.mails.opened(mail);
    for (let attempt = 1; attempt <= 3 && mail.outcome === 'open'; attempt++) {
      await this.#ask(
        command,
        (isUnsure) => {
          if (isUnsure) mail.isUnsure = true;
          else {
            oracle.mails.acceptedNow(mail, timeline.nowMs);
            this.#ledger.accepted(mail, timeline.nowMs);
          }
        },
        [{ hash: body.hash, bytes }],
      ).catch((error: unknown) => {
        if (!(error instanceof OperationError)) throw error;
      });
    }
    oracle.mails.closed(mail);
  }

  #someFolder(): number | null {
    const there = [...this.#ledger.folders].filter(([, { state }]) => state === 'there').map(([folderId]) => folderId);
    return there.length === 0 ? null : this.#dice.pick(there);
  }

  /** @param done with what is known now. Not called when nothing happened for sure. */
  async #ask(
    command: MailboxCommand,
    done: (isUnsure: boolean, answer: unknown) => void,
    bodies: NonNullable<AskOptions['bodies']> = [],
  ): Promise<void> {
    const { mailboxId } = this.#ledger;
    try {
      const answer: unknown = await this.#edge.core.ask(mailboxes.ref(mailboxId), command, { ...options, bodies });
      this.#world.note(`${mailboxId} ${command.kind} done`);
      done(false, answer);
    } catch (error) {
      if (!(error instanceof Unsure)) throw error;
      this.#world.note(`${mailboxId} ${command.kind} unsure`);
      done(true, null);
    }
  }
}

const inboxId = 1;

function flagChange(mode: 'add' | 'remove' | 'replace', flags: readonly string[]): FlagChange {
  return (text) => {
    const had = text === '' ? [] : text.split(' ');
    if (mode === 'replace') return flagText(flags);
    if (mode === 'add') return flagText([...new Set([...had, ...flags])]);
    return flagText(had.filter((flag) => !flags.includes(flag)));
  };
}
