/**
 * GET /v1/messages/{id}: what happened to a mail, from its history, as `ringpost trace` tells it.
 *
 * Promises: whoever sent it sees all that became of it, but not where in others' mailboxes it lies, nor to whom elsewhere
 * an address here sends it on; whoever got it sees his own copy only, so a Bcc stays one; for everybody else it is not
 * there.
 */
import { z } from '@hono/zod-openapi';
import { formatTime } from '../../../../runtime/cli/units.ts';
import type { InspectedEvent } from '../../../admin/trace.ts';
import { deliveryDomains } from '../../../delivery-domain/protocol.ts';
import type { ApiContext, Caller } from './api-context.ts';
import { noSuchMessage } from './codes.ts';
import { hasScope } from './guard.ts';

export const messageStory = z
  .object({
    id: z.string(),
    role: z.enum(['sender', 'recipient']).openapi({ description: 'Whose view this is' }),
    events: z.array(
      z.object({
        at: z.iso.datetime(),
        kind: z.string().openapi({ example: 'delivered' }),
        detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
      }),
    ),
  })
  .openapi('MessageStory');

type Story = z.output<typeof messageStory>;
type Detail = InspectedEvent['detail'];

/** As `timeOrderedId` makes them. */
const idForm = /^[0-9a-z]{26}$/;
/** Where in a mailbox a mail lies: its owner's business. */
const ofMailbox: readonly string[] = ['mailboxId', 'folder', 'uid'];
/** What tells one recipient of others, or of the sender's account. */
const ofSender: readonly string[] = ['recipients', 'submitter'];
/**
 * What a queue for another server says to the sender. Its recipient, the servers it talks to and their words (which name
 * him often) would tell where an alias or a forward leads, and no event says whether the sender gave that address.
 */
const ofQueue: ReadonlySet<string> = new Set([
  ...['from', 'sizeBytes', 'recipients', 'submitter', 'messageId'],
  ...['attempt', 'attempts', 'code', 'enhanced', 'tls', 'tookMs', 'cause', 'decided'],
]);

/** @throws {OperationError} `noSuchMessage` */
export async function storyFor({ core }: ApiContext, caller: Caller, id: string): Promise<Story> {
  if (!idForm.test(id)) throw noSuchMessage();
  const found = (await core.inspect('events', { subject: id })) as readonly InspectedEvent[];
  const events = [...found].sort((a, b) => a.atMs - b.atMs);
  const { facts, scopes } = caller;
  const isOwn = ({ detail }: InspectedEvent): boolean => detail['mailboxId'] === facts.mailboxId;
  if (hasScope(scopes, ['submit']) && events.some(({ detail }) => detail['submitter'] === facts.accountId)) {
    const hidden = (event: InspectedEvent): readonly string[] => {
      if (event.actor === deliveryDomains.kind) return Object.keys(event.detail).filter((name) => !ofQueue.has(name));
      return isOwn(event) ? [] : ofMailbox;
    };
    return { id, role: 'sender', events: events.map((event) => lineOf(event, hidden(event))) };
  }
  if (!hasScope(scopes, ['mail']) || !events.some(isOwn)) throw noSuchMessage();
  const seen = events.filter((event) => event.kind === 'accepted' || isOwn(event));
  return { id, role: 'recipient', events: seen.map((event) => lineOf(event, [...ofSender, 'mailboxId'])) };
}

function lineOf({ atMs, kind, detail }: InspectedEvent, hidden: readonly string[]): Story['events'][number] {
  return { at: formatTime(atMs), kind, detail: without(detail, hidden) };
}

const without = (detail: Detail, hidden: readonly string[]): Detail =>
  Object.fromEntries(Object.entries(detail).filter(([name]) => !hidden.includes(name)));
