/** All is healed and at rest: what is there, held against what must be. */
import { hash } from 'node:crypto';
import {
  type DeliveryDomainAnswers,
  deliveryDomains,
  type InDoubtEntry,
  type QueueItem,
} from '../../actors/delivery-domain/protocol.ts';
import { mailboxes, type Message } from '../../actors/mailbox/protocol.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { Edge } from './clients/edge.ts';
import { readMailbox } from './clients/imap-client.ts';
import { probes } from './clients/probe-actor.ts';
import { asOperator, mailboxIdOf, remoteDomains } from './clients/setup.ts';
import { checkReplicas, whatIsUnsettled } from './oracle/replica-check.ts';
import type { SentMail } from './oracle/mail-ledger.ts';
import { shareName } from './oracle/outbound-ledger.ts';
import type { SimWorld } from './world/sim-world.ts';

const settleMs = 50;

/** Items of a queue that still wait for something to happen. */
export async function outboundIsAtRest(edge: Edge): Promise<boolean> {
  for (const domain of remoteDomains) {
    const { byState, reports } = await edge.core.query(
      deliveryDomains.ref(domain),
      { kind: 'summary' } as const,
      asOperator,
    );
    if (byState.queued + byState.attempting + byState.inDoubt + reports > 0) return false;
  }
  return true;
}

export async function checkAtTheEnd(world: SimWorld, edge: Edge): Promise<void> {
  const { oracle, plan } = world;
  const inMailbox = new Map<string, readonly Message[]>();
  for (let i = 0; i < plan.mix.mailboxes; i++) {
    const mailboxId = mailboxIdOf(i);
    const { folders, messages } = await readMailbox(edge, mailboxId);
    inMailbox.set(mailboxId, messages);
    oracle.box(mailboxId).readAtTheEnd(folders, messages, world.nowMs);
    await checkBodies(world, edge, messages);
  }
  checkWhole(world, inMailbox);
  // Couriers have ended, so nothing is under way for long.
  while (whatIsUnsettled(world) !== null) await world.timeline.sleep(settleMs);
  checkReplicas(world);
  await checkLists(world);
  if (plan.machines.length > 1 && oracle.raft.acks === 0)
    oracle.fail('the oracle does not understand the frames of Raft');
  await checkOutbound(world, edge);
  for (const probe of oracle.probes.probes()) {
    const tokens = await edge.core.query(probes.ref(probe), { kind: 'tokens' } as const, asOperator);
    oracle.probes.atTheEnd(probe, tokens);
  }
}

/** Each node tells who there is in the whole cluster. */
async function checkLists({ machines, plan, oracle }: SimWorld): Promise<void> {
  const there = Array.from({ length: plan.mix.mailboxes }, (_, i) => mailboxIdOf(i)).join(' ');
  for (const { id, node } of machines) {
    const told = await node?.inspect('actors', { kind: mailboxes.kind, after: null, limit: 100 });
    if (node !== null && (told as string[]).join(' ') !== there)
      oracle.fail(`${id} lists the mailboxes ${(told as string[]).join(' ')}, and there are ${there}`);
  }
}

async function checkBodies(world: SimWorld, edge: Edge, messages: readonly Message[]): Promise<void> {
  for (const { body, mailId } of messages) {
    try {
      const bytes = await edge.core.readBody(body.hash);
      if (hash('sha256', bytes, 'base64url') !== body.hash)
        world.oracle.fail(`the body of ${mailId} is not what was sent`);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      world.oracle.fail(`the body of a message is missing: ${error.message}`);
    }
  }
}

/** All recipients or none. */
function checkWhole(world: SimWorld, inMailbox: ReadonlyMap<string, readonly Message[]>): void {
  const { oracle } = world;
  for (const mail of oracle.mails.all) {
    if (mail.outcome !== 'unknown' || mail.mailboxIds.length < 2) continue;
    // What was expunged since was there.
    const there = mail.mailboxIds.filter((id) => isOrWasThere(world, mail, id, inMailbox.get(id)!));
    if (there.length > 0 && there.length < mail.mailboxIds.length) {
      oracle.fail(`mail ${mail.number} is in ${there.join(', ')} and not in all of ${mail.mailboxIds.join(', ')}`);
    }
  }
}

function isOrWasThere(world: SimWorld, mail: SentMail, mailboxId: string, messages: readonly Message[]): boolean {
  const box = world.oracle.box(mailboxId);
  return box.has(mail, messages) || box.copyOf(mail).shownSinceMs !== null;
}

async function checkOutbound(world: SimWorld, edge: Edge): Promise<void> {
  const { oracle } = world;
  const inDoubt: InDoubtEntry[] = [];
  const waiting: QueueItem[] = [];
  for (const domain of remoteDomains) {
    const ref = deliveryDomains.ref(domain);
    for (let after: string | null = null; ; ) {
      const page: DeliveryDomainAnswers['inDoubt'] = await edge.core.query(
        ref,
        { kind: 'inDoubt', after, limit: 100 } as const,
        asOperator,
      );
      inDoubt.push(...page.entries);
      if (page.next === null) break;
      after = page.next;
    }
    for (let after: string | null = null; ; ) {
      const page: DeliveryDomainAnswers['items'] = await edge.core.query(
        ref,
        { kind: 'items', after, limit: 100 } as const,
        asOperator,
      );
      waiting.push(...page.items);
      if (page.next === null) break;
      after = page.next;
    }
  }
  const byMailId = new Map<string, SentMail>();
  const reported = new Set<string>();
  for (const mail of oracle.mails.all) {
    for (const mailId of mail.mailIds) byMailId.set(mailId, mail);
    if (mail.report !== null && mail.outcome === 'accepted') for (const share of mail.report.of) reported.add(share);
  }
  const queued = new Set(
    waiting.flatMap(({ mailId, recipients }) => {
      const mail = byMailId.get(mailId);
      return mail === undefined ? [] : recipients.map((address) => shareName(mail, address));
    }),
  );
  oracle.outbound.atTheEnd(inDoubt, queued, reported);
}
