/** A mailbox on a bench, with the words that stories about mailboxes need. */
import { mailbox } from '../../actors/mailbox/mailbox.ts';
import type { Folder, FolderId, MailboxProtocol, Message, Uid } from '../../actors/mailbox/protocol.ts';
import type { FeedRow, MessageRow } from '../../actors/mailbox/rows.ts';
import { ActorBench, type BenchOptions } from './actor-bench.ts';
import { sampleMail, sampleRecipient } from './mail-samples.ts';

export const inbox: FolderId = 1;

export class MailboxBench extends ActorBench<MailboxProtocol> {
  constructor(options: BenchOptions & { readonly quotaBytes?: number } = {}) {
    super(mailbox, { key: 'box', ...options });
    this.ask({ kind: 'create', accountId: 'acc', quotaBytes: options.quotaBytes ?? 0 });
  }

  /** Answers the UID. */
  deliver(facts: { sizeBytes?: number; folder?: string; fingerprint?: string } = {}): Uid {
    const { sizeBytes = 1000, folder = 'INBOX', fingerprint = null } = facts;
    const recipient = sampleRecipient({ folder, fingerprint, prefix: new Uint8Array(0) });
    return this.ask({ kind: 'deliver', message: sampleMail({ sizeBytes }), recipient }).uid;
  }

  deliverMany(count: number): Uid[] {
    return Array.from({ length: count }, () => this.deliver());
  }

  setFlags(uids: readonly Uid[], mode: 'add' | 'remove' | 'replace', flags: readonly string[], folderId = inbox) {
    return this.ask({ kind: 'setFlags', folderId, uids, mode, flags, unchangedSince: null });
  }

  folder(name: string): Folder {
    const found = this.folders().find((folder) => folder.name === name);
    if (found === undefined) throw new Error(`there is no folder ${name}`);
    return found;
  }

  folders(): readonly Folder[] {
    return this.query({ kind: 'folders' });
  }

  messages(folderId = inbox): readonly Message[] {
    const all: Message[] = [];
    for (;;) {
      const page = this.query({ kind: 'messages', folderId, afterUid: all.at(-1)?.uid ?? 0, limit: 1000 });
      all.push(...page);
      if (page.length < 1000) return all;
    }
  }

  uids(folderId = inbox): Uid[] {
    return this.messages(folderId).map((message) => message.uid);
  }

  /** What is wrong between messages, counters, feed, \Deleted index and holds; empty when they agree. */
  disagreements(): string[] {
    const wrong: string[] = [];
    const same = (what: string, is: unknown, should: unknown): void => {
      if (JSON.stringify(is) !== JSON.stringify(should))
        wrong.push(`${what}: ${JSON.stringify(is)} for ${JSON.stringify(should)}`);
    };
    const rows = this.rows<MessageRow>('m').map(({ key, value }) => ({
      folderId: Number(key[1]),
      uid: Number(key[2]),
      value,
    }));
    const size = (row: MessageRow): number => row.prefix.byteLength + row.body.sizeBytes;
    const total = (list: typeof rows): number => list.reduce((sum, { value }) => sum + size(value), 0);
    const summary = this.query({ kind: 'summary' });
    same('messages', summary.messages, rows.length);
    same('used bytes', summary.usedBytes, total(rows));
    for (const folder of this.folders()) {
      const own = rows.filter(({ folderId }) => folderId === folder.folderId);
      same(`messages of ${folder.name}`, folder.messages, own.length);
      same(`bytes of ${folder.name}`, folder.sizeBytes, total(own));
      same(
        `unseen of ${folder.name}`,
        folder.unseen,
        own.filter(({ value }) => !value.flags.includes('\\Seen')).length,
      );
      same(
        `uids of ${folder.name} below uidNext`,
        own.every(({ uid }) => uid < folder.uidNext),
        true,
      );
    }
    const feed = this.rows<FeedRow>('c').map(({ key, value }) => [key[1], value[0], value[1]]);
    const bySeq = rows.map(({ folderId, uid, value }) => [value.modSeq, folderId, uid]);
    same(
      'feed',
      feed,
      bySeq.sort((a, b) => Number(a[0]) - Number(b[0])),
    );
    const deleted = rows.filter(({ value }) => value.flags.includes('\\Deleted'));
    same(
      'deleted',
      this.rows('d').map(({ key }) => key.slice(1)),
      deleted.map(({ folderId, uid }) => [folderId, uid]),
    );
    const holds = rows.map(({ folderId, uid, value }) => [`${folderId}:${uid}`, value.body.hash]);
    const byTag = (a: readonly string[], b: readonly string[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
    same('holds', [...this.holds].sort(byTag), holds.sort(byTag));
    return wrong;
  }
}
