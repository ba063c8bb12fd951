/**
 * `ringpost queue retry|hold|release|drop|undrop|reroute`: first what it would change, then, when that is confirmed, it.
 */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { isConfirmed } from '../../runtime/cli/io.ts';
import { formatPlural } from '../../runtime/cli/units.ts';
import { deliveryDomains, type ItemFilter } from '../delivery-domain/protocol.ts';
import { formatHostPort, parseHostPort } from '../mail/host-port.ts';
import { noSuchQueued } from './codes.ts';
import { locate, queueDomains, queueOf, type QueueSelection, queueSelection } from './queue-reading.ts';
import { selectionOf, selectionOptions } from './queue-selection.ts';

const actions = ['retry', 'hold', 'release', 'drop', 'undrop', 'reroute'] as const;
export type QueueAction = (typeof actions)[number];

/** Domains that one call goes through. */
const domainsPerCall = 20;
/** A long queue is gone through in many turns; the admin socket's own limit is above it. */
const controlMsMax = 240_000;

const queueControl = adminRow({
  name: 'queue-control',
  permission: 'queue.write',
  summary: 'Change what waits for other servers, or count what would change',
  args: z.strictObject({
    ...queueSelection,
    action: z.enum(actions),
    /** For `reroute`: host:port, or null for the usual way. */
    route: z.string().nullable(),
    preview: z.boolean(),
    /** The last domain of the call before. */
    after: z.string().nullable(),
  }),
  async run(context, { action, route, preview, after, ...selection }) {
    const targets = await targetsOf(context, selection, after);
    const domains: { readonly domain: string; readonly count: number }[] = [];
    for (const { domain, itemIds } of targets.domains) {
      const filter = filterOf(selection, itemIds);
      const command = { kind: 'control', action, filter, preview, route } as const;
      const options = { principal: context.principal, timeoutMs: controlMsMax };
      const { count } = await context.core.ask(deliveryDomains.ref(domain), command, options);
      if (count > 0) domains.push({ domain, count });
    }
    return { domains, next: targets.next };
  },
});

export const queueControlAdmin = [queueControl];

interface Targets {
  readonly domains: readonly { readonly domain: string; readonly itemIds?: readonly string[] }[];
  readonly next: string | null;
}

async function targetsOf(
  context: AdminContext,
  { domain, id }: QueueSelection,
  after: string | null,
): Promise<Targets> {
  if (id !== null) {
    const places = await locate(context, id);
    if (places.length === 0) throw noSuchQueued(id);
    const byDomain = Map.groupBy(places, (place) => place.domain);
    const wanted = [...byDomain].filter(([name]) => domain === null || name === queueOf(domain));
    return {
      domains: wanted.map(([name, there]) => ({ domain: name, itemIds: there.map(({ itemId }) => itemId) })),
      next: null,
    };
  }
  if (domain !== null) return { domains: [{ domain: queueOf(domain) }], next: null };
  const names = await queueDomains(context, after, domainsPerCall);
  const next = names.length < domainsPerCall ? null : (names.at(-1) ?? null);
  return { domains: names.map((name) => ({ domain: name })), next };
}

function filterOf({ sender, olderThanMs, state }: QueueSelection, itemIds: readonly string[] | undefined): ItemFilter {
  return {
    ...(itemIds === undefined ? {} : { itemIds }),
    ...(sender === null ? {} : { sender }),
    ...(olderThanMs === null ? {} : { olderThanMs }),
    ...(state === null ? {} : { state }),
  };
}

interface Outcome {
  readonly action: QueueAction;
  /** False: this is what would happen. */
  readonly done: boolean;
  readonly count: number;
  readonly domains: readonly { readonly domain: string; readonly count: number }[];
}

interface Wording {
  readonly summary: string;
  readonly details: string;
  /** `3 entries would be …`, `3 entries are …` */
  readonly result: string;
  readonly example: string;
}

const undoHint =
  'For a while it can be brought back: ringpost queue undrop; ringpost queue list --dropped shows until when.';

const wordings: Readonly<Record<QueueAction, Wording>> = {
  retry: {
    summary: 'Try mail again now, whatever its schedule says',
    details: 'Also mail in doubt, which may then arrive twice.',
    result: 'tried now',
    example: '--domain example.com',
  },
  hold: {
    summary: 'Keep mail back until it is released',
    details: 'It does not expire meanwhile. What is being sent at this moment is left alone.',
    result: 'held',
    example: '--sender ann@example.org',
  },
  release: { summary: 'Let held mail go', details: 'It is tried at once.', result: 'released', example: '--all' },
  drop: {
    summary: 'Take mail out of the queue without sending it, nor telling its sender',
    details: undoHint,
    result: 'dropped',
    example: '--older 2d --domain example.com',
  },
  undrop: {
    summary: 'Bring dropped mail back',
    details: 'It is tried at once.',
    result: 'brought back',
    example: '--domain example.com',
  },
  reroute: {
    summary: 'Send mail by another server than its domain says',
    details: 'Only what waits now; for all mail of a domain: ringpost set routes.DOMAIN HOST:PORT',
    result: 'rerouted',
    example: '--domain example.com --to mx2.example.com:25',
  },
};

const confirmHelp =
  'It first says how many entries that would be. It goes on with --yes, or on a terminal when you say so.';

const routeOption = { flags: '--to <host:port>', summary: 'the server, or none for the usual way' };

const controlCli = (action: QueueAction): CliRow => {
  const { summary, details, example } = wordings[action];
  return {
    name: `queue ${action}`,
    permission: queueControl.permission,
    summary,
    details: `${details} ${confirmHelp}`,
    options: [
      ...(action === 'reroute' ? [routeOption] : []),
      ...selectionOptions,
      { flags: '--all', summary: 'all mail of all domains' },
      { flags: '--yes', summary: 'do not ask' },
    ],
    examples: [`ringpost queue ${action} --id 01k9zq2v7h3m5n8p4r6s1t0w2x`, `ringpost queue ${action} ${example} --yes`],
    needs: 'node',
    run: (cli, input) => runControl(cli, input, action),
  };
};

async function runControl(cli: Cli, input: Input, action: QueueAction): Promise<void> {
  const selection = selectionOf(input);
  if (Object.values(selection).every((given) => given === null) && !input.flag('all')) {
    throw wrongUsage('say which mail: --domain, --id, --sender, --older or --state, or --all');
  }
  const route = routeOf(input, action);
  const control = (preview: boolean): Promise<Outcome> => controlAll(cli, { ...selection, action, route, preview });
  const planned = await control(true);
  const isMeant = planned.count > 0 && (input.flag('yes') || (await isAgreed(cli, planned)));
  const outcome = isMeant ? await control(false) : planned;
  await cli.print(outcome, formatOutcome);
}

async function isAgreed(cli: Cli, planned: Outcome): Promise<boolean> {
  // Nobody is asked in a script: it gets the count, and how to go on.
  if (!cli.io.isInTerminal || cli.isJson) return false;
  return await isConfirmed(cli.io, `${countLine(planned)}. To go on, type yes:`, 'yes');
}

type ControlArgs = QueueSelection & {
  readonly action: QueueAction;
  readonly route: string | null;
  readonly preview: boolean;
};

async function controlAll(cli: Cli, args: ControlArgs): Promise<Outcome> {
  const domains: { readonly domain: string; readonly count: number }[] = [];
  let after: string | null = null;
  do {
    const call: ControlArgs & { readonly after: string | null } = { ...args, after };
    const page = await cli.node.call(queueControl, call);
    domains.push(...page.domains);
    after = page.next;
  } while (after !== null);
  const count = domains.reduce((sum, each) => sum + each.count, 0);
  return { action: args.action, done: !args.preview, count, domains };
}

function routeOf(input: Input, action: QueueAction): string | null {
  if (action !== 'reroute') return null;
  const text = input.option('to');
  if (text === null) throw wrongUsage('name the server with --to HOST:PORT, or --to none for the usual way');
  if (text === 'none') return null;
  const route = parseHostPort(text);
  if (route === null) throw wrongUsage(`"${text}" is no host with its port, such as mx2.example.com:25`);
  return formatHostPort(route);
}

const domainsNamed = 3;

function countLine({ action, done, count, domains }: Outcome): string {
  const named = domains.slice(0, domainsNamed).map(({ domain, count: ofDomain }) => `${domain} ${ofDomain}`);
  const more = domains.length > domainsNamed ? ` and ${domains.length - domainsNamed} more domains` : '';
  const verb = done ? (count === 1 ? 'is' : 'are') : 'would be';
  return `${formatPlural(count, 'entry', 'entries')} ${verb} ${wordings[action].result} (${named.join(', ')}${more})`;
}

function formatOutcome(outcome: Outcome): string {
  const { action, done, count } = outcome;
  if (count === 0) return `Nothing that waits is meant by that; nothing is ${wordings[action].result}.`;
  if (!done) return `${countLine(outcome)}. Nothing was changed. To do it: the same with --yes`;
  return `${countLine(outcome)}.${action === 'drop' ? `\n${undoHint}` : ''}`;
}

export const queueControlCli: readonly CliRow[] = actions.map(controlCli);
