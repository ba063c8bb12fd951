/**
 * Reading the queues of all domains, or of one: page by page, so that a million entries need no more memory than a page.
 *
 * Promises: pages go on where the one before ended, also when the queue changes meanwhile: what was there all the time is
 * shown once.
 */
import { z } from 'zod';
import type { AdminContext } from '../../runtime/cli/admin-row.ts';
import { deliveryDomains, type ItemId, type QueueItem } from '../delivery-domain/protocol.ts';
import { parseDomain } from '../mail/address.ts';
import { mapBounded } from './bounded.ts';
import { query } from './directory.ts';
import type { InspectedEvent } from './trace.ts';

/** Most that one page looks at, so that it is there soon also when little of it is wanted. */
const rowsPerPage = 500;
const domainsPerPage = 100;
export const domainsAtOnceMax = 64;

/** Where a page ended: behind `row` of `domain`; null: behind the domain. */
export const queueCursor = z.strictObject({ domain: z.string(), row: z.string().nullable() });
export type QueueCursor = z.output<typeof queueCursor>;

export interface QueuePage<Row> {
  readonly rows: readonly ({ readonly domain: string } & Row)[];
  /** Null: this was the last page. */
  readonly next: QueueCursor | null;
}

/** What a domain answers to one question. */
export interface DomainPage<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** The key of a delivery domain. @throws {OperationError} what `parseDomain` refuses */
export function queueOf(text: string): string {
  // An address literal is a domain of its own: mail for ann@[192.0.2.1].
  return /^\[[^\]]+\]$/.test(text) ? text.toLowerCase() : parseDomain(text);
}

/** Domains that have, or had lately, something to do with outbound mail, in order; behind `after`. */
export async function queueDomains(
  context: AdminContext,
  after: string | null,
  limit: number,
): Promise<readonly string[]> {
  const { kind } = deliveryDomains;
  return (await context.core.inspect('actors', { kind, after, limit })) as readonly string[];
}

/** A page of what `read` finds in the domain, or in all domains one after another. */
export async function readPage<Row>(
  context: AdminContext,
  domain: string | null,
  after: QueueCursor | null,
  read: (domain: string, after: string | null, limit: number) => Promise<DomainPage<Row>>,
): Promise<QueuePage<Row>> {
  const rows: ({ readonly domain: string } & Row)[] = [];
  let looked = 0;
  const domains = await domainsFrom(context, domain, after);
  for (const [index, one] of domains.names.entries()) {
    const from = index === 0 && one === after?.domain ? after.row : null;
    const page = await read(one, from, rowsPerPage - looked);
    looked += page.rows.length;
    for (const row of page.rows) rows.push({ domain: one, ...row });
    if (page.next !== null) return { rows, next: { domain: one, row: page.next } };
    if (looked >= rowsPerPage && index < domains.names.length - 1) return { rows, next: { domain: one, row: null } };
  }
  const last = domains.names.at(-1);
  return { rows, next: domains.isLast || last === undefined ? null : { domain: last, row: null } };
}

async function domainsFrom(context: AdminContext, domain: string | null, after: QueueCursor | null) {
  if (domain !== null) return { names: [queueOf(domain)], isLast: true };
  const isWithin = after !== null && after.row !== null;
  const behind = await queueDomains(context, after?.domain ?? null, domainsPerPage);
  return { names: isWithin ? [after.domain, ...behind] : behind, isLast: behind.length < domainsPerPage };
}

/** A place in a queue. */
export interface Located {
  readonly domain: string;
  readonly itemId: ItemId;
}

/** The entries that an id stands for: those of a mail, by what their domains recorded, or the one of that name. */
export async function locate(context: AdminContext, id: string): Promise<readonly Located[]> {
  const events = (await context.core.inspect('events', { subject: id })) as readonly InspectedEvent[];
  const found = new Map<string, Located>();
  for (const { actor, key, detail } of events) {
    const itemId = actor === deliveryDomains.kind ? detail.item : null;
    if (typeof itemId === 'string') found.set(`${key} ${itemId}`, { domain: key, itemId });
  }
  if (found.size > 0) return [...found.values()];
  let after: string | null = null;
  do {
    const domains: readonly string[] = await queueDomains(context, after, domainsPerPage);
    const items = await mapBounded(domains, domainsAtOnceMax, (domain) => itemOf(context, { domain, itemId: id }));
    const at = items.findIndex((item) => item !== null);
    if (at >= 0) return [{ domain: domains[at] as string, itemId: id }];
    after = domains.length < domainsPerPage ? null : (domains.at(-1) as string);
  } while (after !== null);
  return [];
}

export function itemOf(context: AdminContext, { domain, itemId }: Located): Promise<QueueItem | null> {
  return query(context, deliveryDomains.ref(domain), { kind: 'item', itemId });
}

/** Which entries are meant: all that match every field given. */
export const queueSelection = {
  domain: z.string().nullable(),
  /** A mail, or one entry. */
  id: z.string().min(1).max(320).nullable(),
  /** As in MAIL FROM; '' is the null path. */
  sender: z.string().nullable(),
  olderThanMs: z.int().min(0).nullable(),
  state: z.enum(['queued', 'attempting', 'inDoubt', 'held']).nullable(),
};
export type QueueSelection = z.output<z.ZodObject<typeof queueSelection>>;

export function isSelected(item: QueueItem, selection: QueueSelection, nowMs: number): boolean {
  const { sender, olderThanMs, state } = selection;
  if (sender !== null && item.sender !== sender) return false;
  if (state !== null && item.state !== state) return false;
  return olderThanMs === null || nowMs - item.enqueuedAtMs >= olderThanMs;
}
