/** What the admin API tells of the queues, and pausing them. Changing entries is `queue-control.ts`. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import { deliveryDomains, type InDoubtEntry, type QueueItem, type QueueSummary } from '../delivery-domain/protocol.ts';
import { mapBounded } from './bounded.ts';
import { noSuchQueued } from './codes.ts';
import { ask, query } from './directory.ts';
import {
  domainsAtOnceMax,
  isSelected,
  itemOf,
  locate,
  type QueueCursor,
  queueCursor,
  queueDomains,
  queueOf,
  type QueuePage,
  queueSelection,
  readPage,
} from './queue-reading.ts';

export type ListedItem = { readonly domain: string } & QueueItem;

export const queueList = adminRow({
  name: 'queue-list',
  permission: 'queue.read',
  summary: 'List mail that waits for other servers',
  args: z.strictObject({
    ...queueSelection,
    /** Those that were dropped and can still be brought back, in place of the others. */
    dropped: z.boolean(),
    after: queueCursor.nullable(),
  }),
  async run(context, args): Promise<QueuePage<QueueItem>> {
    const nowMs = context.clock.nowMs();
    const isWanted = (item: QueueItem): boolean =>
      args.dropped === (item.droppedUntilMs !== null) && isSelected(item, args, nowMs);
    // An id that nobody knows (yet: a mail may be on its way into its queue) is no error, but an empty list.
    const page = args.id === null ? await pageOf(context, args) : await pageById(context, args.id, args.domain);
    return { rows: page.rows.filter(isWanted), next: page.next };
  },
});

interface Place {
  readonly domain: string | null;
  readonly after: QueueCursor | null;
}

function pageOf(context: AdminContext, args: Place): Promise<QueuePage<QueueItem>> {
  return readPage<QueueItem>(context, args.domain, args.after, async (domain, after, limit) => {
    const { items, next } = await query(context, deliveryDomains.ref(domain), { kind: 'items', after, limit });
    return { rows: items, next };
  });
}

async function pageById(context: AdminContext, id: string, domain: string | null): Promise<QueuePage<QueueItem>> {
  const places = (await locate(context, id)).filter((place) => domain === null || place.domain === queueOf(domain));
  const items = await mapBounded(places, domainsAtOnceMax, async (place) => {
    const item = await itemOf(context, place);
    return item === null ? [] : [{ domain: place.domain, ...item }];
  });
  return { rows: items.flat(), next: null };
}

export const queueShow = adminRow({
  name: 'queue-show',
  permission: 'queue.read',
  summary: 'Show all about a mail that waits',
  args: z.strictObject({ id: z.string().min(1).max(320) }),
  async run(context, { id }): Promise<readonly ListedItem[]> {
    const { rows } = await pageById(context, id, null);
    if (rows.length === 0) throw noSuchQueued(id);
    return rows;
  },
});

const pausing = (kind: 'pause' | 'resume', summary: string) =>
  adminRow({
    name: `queue-${kind}`,
    permission: 'queue.write',
    summary,
    args: z.strictObject({ domain: z.string() }),
    async run(context, args) {
      const domain = queueOf(args.domain);
      const { changed } = await ask(context, deliveryDomains.ref(domain), { kind });
      const { items } = await query(context, deliveryDomains.ref(domain), { kind: 'summary' });
      return { domain, changed, items };
    },
  });

export const queuePause = pausing('pause', 'Stop sending to a domain; its mail waits');
export const queueResume = pausing('resume', 'Send to a paused domain again');

export const queueInDoubt = adminRow({
  name: 'queue-in-doubt',
  permission: 'queue.read',
  summary: 'List deliveries of which nobody knows whether they arrived',
  args: z.strictObject({ domain: z.string().nullable(), after: queueCursor.nullable() }),
  run: (context, args): Promise<QueuePage<InDoubtEntry>> =>
    readPage<InDoubtEntry>(context, args.domain, args.after, async (domain, after, limit) => {
      const page = await query(context, deliveryDomains.ref(domain), { kind: 'inDoubt', after, limit });
      return { rows: page.entries, next: page.next };
    }),
});

const summariesPerPage = 200;

export type DomainSummary = { readonly domain: string } & QueueSummary;

export const queueSummaries = adminRow({
  name: 'queue-domains',
  permission: 'queue.read',
  summary: 'Sum up the queue of each domain',
  args: z.strictObject({ after: z.string().nullable() }),
  run: (context, { after }) => summaries(context, after, summariesPerPage),
});

export interface SummaryPage {
  readonly domains: readonly DomainSummary[];
  /** Null: this was the last page. */
  readonly next: string | null;
}

/** Of domains that have something to show. */
export async function summaries(context: AdminContext, after: string | null, limit: number): Promise<SummaryPage> {
  const names = await queueDomains(context, after, limit);
  const all = await mapBounded(names, domainsAtOnceMax, async (domain): Promise<DomainSummary> => {
    return { domain, ...(await query(context, deliveryDomains.ref(domain), { kind: 'summary' })) };
  });
  // What only remembers resends and doubts of the last days has no queue.
  const domains = all.filter(({ items, dropped, reports, isPaused }) => items + dropped + reports > 0 || isPaused);
  return { domains, next: names.length < limit ? null : (names.at(-1) ?? null) };
}

export const queueAdmin = [queueList, queueShow, queuePause, queueResume, queueInDoubt, queueSummaries];
