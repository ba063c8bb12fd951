/** Domains that this server receives mail for. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { makeDkimKeys } from '../dkim/key-pair.ts';
import { type DomainPolicy, localDomains } from '../local-domain/protocol.ts';
import { parseAddress, parseDomain } from '../mail/address.ts';
import { clusterSettings } from '../settings/protocol.ts';
import { ask, domainPolicy, domainsOf, query, requireDomain, settingOf } from './directory.ts';

const policySchema = z.strictObject({
  catchAll: z.string().nullable().optional(),
  postmaster: z.string().nullable().optional(),
  detailSeparator: z.string().length(1).nullable().optional(),
});

const domainAdd = adminRow({
  name: 'domain-add',
  permission: 'domain.write',
  summary: 'Receive mail for a domain',
  args: z.strictObject({ domain: z.string(), policy: policySchema }),
  run: (context, { domain, policy }) => addDomain(context, domain, policy),
});

/** Also for the quick start. A domain that is there stays as it is, but gets DKIM keys if it has none. */
export async function addDomain(context: AdminContext, text: string, given: z.output<typeof policySchema>) {
  const domain = parseDomain(text);
  const separator = await settingOf(context, 'smtp.detailSeparator');
  const byDefault = { detailSeparator: separator === 'none' ? null : separator };
  const policy = { ...byDefault, ...checkedPolicy(given) };
  // The list last: what it names is whole. All repeat harmlessly when this was interrupted in between.
  const { created } = await ask(context, localDomains.ref(domain), { kind: 'create', policy });
  await addFirstKeys(context, domain);
  await ask(context, clusterSettings, { kind: 'addDomain', domain });
  return { domain, created };
}

/** They sign at once: a signature whose key is not in the DNS yet counts as none (RFC 6376 §6.1). */
async function addFirstKeys(context: AdminContext, domain: string): Promise<void> {
  const { keys: there } = await query(context, localDomains.ref(domain), { kind: 'keys' });
  if (there.length > 0) return;
  const keys = await makeDkimKeys(context.makeKeyPair, context.random, context.clock.nowMs());
  await ask(context, localDomains.ref(domain), { kind: 'addKeys', keys, state: 'active' });
}

const domainSet = adminRow({
  name: 'domain-set',
  permission: 'domain.write',
  summary: 'Change what a domain does with mail',
  args: z.strictObject({ domain: z.string(), policy: policySchema }),
  async run(context, args) {
    const domain = parseDomain(args.domain);
    await requireDomain(context, domain);
    const policy = checkedPolicy(args.policy);
    const now = await ask(context, localDomains.ref(domain), { kind: 'setPolicy', policy });
    return { domain, ...now };
  },
});

const domainList = adminRow({
  name: 'domain-list',
  permission: 'domain.read',
  summary: 'List the domains of this server',
  args: z.strictObject({}),
  async run(context) {
    const rows: ({ readonly domain: string } & DomainPolicy)[] = [];
    for (const domain of await domainsOf(context, null)) {
      const policy = await domainPolicy(context, domain);
      if (policy !== null) rows.push({ domain, ...policy });
    }
    return rows;
  },
});

const domainRemove = adminRow({
  name: 'domain-remove',
  permission: 'domain.write',
  summary: 'Stop receiving mail for a domain',
  args: z.strictObject({ domain: z.string() }),
  async run(context, args) {
    const domain = parseDomain(args.domain);
    const isListed = (await domainsOf(context, null)).includes(domain);
    if (!isListed) await requireDomain(context, domain);
    // The actor refuses while it has addresses. The list last, so that an interrupted removal can be repeated.
    await ask(context, localDomains.ref(domain), { kind: 'remove' });
    await ask(context, clusterSettings, { kind: 'removeDomain', domain });
    return { domain, removed: true };
  },
});

export const domainAdmin = [domainAdd, domainSet, domainList, domainRemove];

function checkedPolicy(policy: z.output<typeof policySchema>): Partial<DomainPolicy> {
  const checked: { -readonly [Key in keyof DomainPolicy]?: DomainPolicy[Key] } = {};
  for (const key of ['catchAll', 'postmaster'] as const) {
    const text = policy[key];
    if (text === undefined) continue;
    checked[key] = text === null ? null : parseAddress(text).normalised;
  }
  if (policy.detailSeparator !== undefined) checked.detailSeparator = policy.detailSeparator;
  return checked;
}

const policyOptions = [
  { flags: '--catch-all <address>', summary: 'gets mail for unknown addresses, here or elsewhere; "none" refuses it' },
  {
    flags: '--postmaster <address>',
    summary: 'gets mail for postmaster, here or elsewhere; otherwise the first account',
  },
  { flags: '--detail-separator <character>', summary: 'begins the detail of ann+detail@…; "none" for no details' },
];

function policyOf(input: Input) {
  const value = (name: string): string | null | undefined => {
    const text = input.option(name);
    return text === null ? undefined : text === 'none' ? null : text;
  };
  const policy = {
    catchAll: value('catch-all'),
    postmaster: value('postmaster'),
    detailSeparator: value('detail-separator'),
  };
  return Object.fromEntries(Object.entries(policy).filter(([, given]) => given !== undefined));
}

export const domainCli: readonly CliRow[] = [
  {
    name: 'domain add',
    permission: domainAdd.permission,
    summary: domainAdd.summary,
    details: 'Adding a domain again changes nothing. With the domain come DKIM keys, by which others know its mail.',
    args: [{ name: '<domain>', summary: 'e.g. example.org' }],
    options: policyOptions,
    examples: ['ringpost domain add example.org', 'ringpost domain add example.org --catch-all ann@example.org'],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(domainAdd, { domain: input.argument('domain'), policy: policyOf(input) });
      await cli.print(answer, ({ domain, created }) =>
        created
          ? `Mail for ${domain} is received from now on. Next: ringpost account add you@${domain}\n` +
            `What to put into the DNS: ringpost dns ${domain}`
          : `The domain ${domain} was there already; nothing changed. To change it: ringpost domain set ${domain}`,
      );
    },
  },
  {
    name: 'domain set',
    permission: domainSet.permission,
    summary: domainSet.summary,
    args: [{ name: '<domain>', summary: 'a domain of this server' }],
    options: policyOptions,
    examples: ['ringpost domain set example.org --catch-all none'],
    needs: 'node',
    async run(cli, input) {
      const policy = policyOf(input);
      if (Object.keys(policy).length === 0) throw wrongUsage('name what to change, e.g. --catch-all ADDRESS');
      const answer = await cli.node.call(domainSet, { domain: input.argument('domain'), policy });
      await cli.print(answer, (now) => `${now.domain}: ${describePolicy(now)}`);
    },
  },
  {
    name: 'domain list',
    permission: domainList.permission,
    summary: domainList.summary,
    examples: ['ringpost domain list', 'ringpost domain list --json'],
    needs: 'node',
    async run(cli) {
      await cli.printList({
        rows: await cli.node.call(domainList, {}),
        columns: [
          { title: 'DOMAIN', cell: (row) => row.domain },
          { title: 'POSTMASTER', cell: (row) => row.postmaster ?? '-' },
          { title: 'CATCH-ALL', cell: (row) => row.catchAll ?? '-' },
          { title: 'DETAIL', cell: (row) => row.detailSeparator ?? '-' },
        ],
        empty: 'No domains yet. Next: ringpost domain add example.org',
      });
    },
  },
  {
    name: 'domain remove',
    permission: domainRemove.permission,
    summary: domainRemove.summary,
    details: 'Refused while the domain has addresses.',
    args: [{ name: '<domain>', summary: 'a domain of this server' }],
    examples: ['ringpost domain remove example.org'],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(domainRemove, { domain: input.argument('domain') });
      await cli.print(answer, ({ domain }) => `Mail for ${domain} is refused from now on.`);
    },
  },
];

const describePolicy = (policy: DomainPolicy): string =>
  `postmaster ${policy.postmaster ?? 'none'}, catch-all ${policy.catchAll ?? 'none'}, ` +
  `detail separator ${policy.detailSeparator ?? 'none'}`;
