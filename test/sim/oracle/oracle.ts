/**
 * Who knows what must be: the ledgers of all families, and what the world says of nodes. The first thing that is not as it
 * must be ends the run.
 */
import type { ActorRef } from '../../../runtime/actor/actor.ts';
import { deliveryDomains } from '../../../actors/delivery-domain/protocol.ts';
import { mailboxes, type MailboxCommand } from '../../../actors/mailbox/protocol.ts';
import { MailLedger } from './mail-ledger.ts';
import { MailboxLedger } from './mailbox-ledger.ts';
import { MapLedger } from './map-ledger.ts';
import { OutboundLedger } from './outbound-ledger.ts';
import { ProbeLedger } from './probe-ledger.ts';
import { RaftLedger } from './raft-ledger.ts';
import { ShardLedger } from './shard-ledger.ts';

export class Oracle {
  readonly mails = new MailLedger();
  readonly boxes = new Map<string, MailboxLedger>();
  readonly probes: ProbeLedger;
  readonly shards: ShardLedger;
  readonly raft: RaftLedger;
  readonly outbound: OutboundLedger;
  readonly maps: MapLedger;
  /** What was found first. */
  broken: string | null = null;

  constructor(noticed: (text: string) => void) {
    const fail = (text: string): void => {
      if (this.broken !== null) return;
      this.broken = text;
      noticed(text);
    };
    this.fail = fail;
    this.probes = new ProbeLedger(fail);
    this.raft = new RaftLedger(fail);
    this.maps = new MapLedger(fail);
    this.shards = new ShardLedger(fail);
    this.outbound = new OutboundLedger(this.mails, fail);
  }

  readonly fail: (text: string) => void;

  box(mailboxId: string): MailboxLedger {
    let box = this.boxes.get(mailboxId);
    if (box === undefined) this.boxes.set(mailboxId, (box = new MailboxLedger(mailboxId, this.mails, this.fail)));
    return box;
  }

  /** A command was answered: what the answer promises, whoever asked. */
  answered(ref: ActorRef, command: { readonly kind: string }, answer: unknown): void {
    if (ref.kind === deliveryDomains.kind || ref.kind !== mailboxes.kind) return;
    const asked = command as MailboxCommand;
    if (asked.kind !== 'deliver' && asked.kind !== 'append') return;
    const mail = this.mails.of(asked.message.body.hash);
    const { folderId, uid } = answer as { readonly folderId: number; readonly uid: number };
    if (mail === undefined) return this.fail(`an answer about a mail that nobody sent, at ${ref.key}`);
    this.box(ref.key).placed(mail, { folderId, uid });
  }
}
