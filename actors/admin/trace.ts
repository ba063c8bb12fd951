/** `ringpost trace`: the story of a mail, from what its actors recorded in the same write that did it. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { formatTime, safeText } from '../../runtime/cli/units.ts';
import { mailboxBehind } from '../address/protocol.ts';
import { deliveryDomains } from '../delivery-domain/protocol.ts';
import { type Address, parseAddress } from '../mail/address.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import { mapBounded } from './bounded.ts';
import { noTrace } from './codes.ts';
import { query, targetOf } from './directory.ts';

/** An element of what `core.inspect('events', { subject })` answers, oldest first. */
export interface InspectedEvent {
  readonly subject: string;
  readonly kind: string;
  readonly atMs: number;
  readonly shard: number;
  /** Kind and key of who recorded it. */
  readonly actor: string;
  readonly key: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export interface MailStory {
  readonly mailId: string;
  readonly events: readonly (Omit<InspectedEvent, 'atMs' | 'subject'> & { readonly at: string })[];
}

/** What an event of outbound mail says, in words; what it carries beside that follows. `domain` is in the words. */
const outboundWords: Readonly<Record<string, (domain: string) => string>> = {
  queued: (domain) => `waits for ${domain}`,
  attempted: (domain) => `an attempt at ${domain} began`,
  deferred: (domain) => `not taken by ${domain} now, is tried again`,
  delivered: (domain) => `taken by ${domain}`,
  failed: (domain) => `refused by ${domain} for good`,
  expired: (domain) => `given up for ${domain}: it waited too long`,
  inDoubt: (domain) => `nobody knows whether ${domain} has it`,
  dropped: (domain) => `taken out of the queue for ${domain} unsent`,
  undropped: (domain) => `brought back into the queue for ${domain}`,
  held: (domain) => `kept back from ${domain}`,
  released: (domain) => `no longer kept back from ${domain}`,
  retried: (domain) => `to be tried at ${domain} at once`,
  rerouted: (domain) => `to go to ${domain} another way`,
};

const storiesAtOnceMax = 8;
/** Mails that a Message-ID may name: a resend after a day, a mail to several spools. */
const foundMax = 20;

const trace = adminRow({
  name: 'trace',
  permission: 'trace.read',
  summary: "Tell a mail's story, or that of the latest mails of an address",
  args: z.strictObject({ subject: z.string().min(1).max(1_000), limit: z.int().min(1).max(100) }),
  async run(context, { subject, limit }): Promise<readonly MailStory[]> {
    const mailIds = await mailIdsOf(context, subject, limit);
    const stories = await mapBounded(mailIds, storiesAtOnceMax, (mailId) => storyOf(context, mailId));
    const known = stories.filter((story) => story.events.length > 0);
    if (known.length === 0) throw noTrace(subject);
    return known;
  },
});

export const traceAdmin = [trace];

async function mailIdsOf(context: AdminContext, subject: string, limit: number): Promise<readonly string[]> {
  const isBracketed = /^<.*>$/.test(subject);
  if (!isBracketed && !subject.includes('@')) return [subject];
  const recent = isBracketed ? null : await recentMail(context, subject, limit);
  if (recent !== null) return recent;
  // `core.inspect('findEvents', …)` answers the subjects of the events whose detail names that Message-ID.
  const messageId = subject.replace(/^<|>$/g, '');
  return (await context.core.inspect('findEvents', { messageId, limit: foundMax })) as readonly string[];
}

/**
 * Null when it is no address here: then it may be a Message-ID without its brackets.
 * @param seen aliases that led here: two of them may name each other
 */
async function recentMail(
  context: AdminContext,
  text: string,
  limit: number,
  seen: ReadonlySet<string> = new Set(),
): Promise<readonly string[] | null> {
  const address = addressOrNull(text);
  if (address === null || seen.has(address.normalised)) return null;
  const target = await targetOf(context, address);
  if (target === null) return null;
  const mailboxId = mailboxBehind(target);
  const mails = mailboxId === null ? [] : await query(context, mailboxes.ref(mailboxId), { kind: 'recentMail', limit });
  const ids = mails.map(({ mailId }) => mailId);
  if (target.type === 'mailbox') return [...new Set(ids)];
  const through = new Set([...seen, address.normalised]);
  const each = await Promise.all(target.targets.map((one) => recentMail(context, one, limit, through)));
  return [...new Set([...ids, ...each.flatMap((some) => some ?? [])])].sort().reverse().slice(0, limit);
}

function addressOrNull(text: string): Address | null {
  try {
    return parseAddress(text);
  } catch {
    // Message-IDs have forms that no address has.
    return null;
  }
}

async function storyOf(context: AdminContext, mailId: string): Promise<MailStory> {
  const events = (await context.core.inspect('events', { subject: mailId })) as readonly InspectedEvent[];
  const inOrder = [...events].sort((a, b) => a.atMs - b.atMs);
  return {
    mailId,
    events: inOrder.map(({ kind, atMs, shard, actor, key, detail }) => {
      return { kind, at: formatTime(atMs), shard, actor, key, detail };
    }),
  };
}

function formatStory({ mailId, events }: MailStory): string {
  const width = Math.max(...events.map(({ kind }) => kind.length));
  const lines = events.map(({ at, kind, actor, key, detail }) => {
    const words = actor === deliveryDomains.kind ? outboundWords[kind]?.(key) : undefined;
    const facts = Object.entries(detail).filter(([name, value]) => {
      return value !== null && value !== '' && !(words !== undefined && name === 'domain');
    });
    const named = facts.map(([name, value]) => `${name} ${safeText(String(value))}`);
    const text = [...(words === undefined ? [] : [safeText(words)]), ...named].join(' · ');
    return `  ${at}  ${kind.padEnd(width)}  ${text}`.trimEnd();
  });
  return [mailId, ...lines].join('\n');
}

export const traceCli: readonly CliRow[] = [
  {
    name: 'trace',
    permission: trace.permission,
    summary: trace.summary,
    details:
      'A mail is named by the id in the reply to its sender ("250 … id=…"), or by its Message-ID in angle brackets.',
    args: [{ name: '<id-or-address>', summary: 'id of a mail, "<Message-ID>", or an address of this server' }],
    options: [{ flags: '--last <count>', summary: 'of an address: so many of its latest mails (10)' }],
    examples: [
      'ringpost trace 01k9zq2v7h3m5n8p4r6s1t0w2x',
      "ringpost trace '<a1b2@example.net>'",
      'ringpost trace ann@example.org --last 3',
    ],
    needs: 'node',
    async run(cli, input) {
      const limit = Math.min(100, input.wholeNumber('last', 1) ?? 10);
      const stories = await cli.node.call(trace, { subject: input.argument('id-or-address'), limit });
      await cli.print(stories, (all) => all.map(formatStory).join('\n\n'));
    },
  },
];
