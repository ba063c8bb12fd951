/** `ringpost dns`: what to put into the DNS for a domain, and whether it is there. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { safeText } from '../../runtime/cli/units.ts';
import { localDomains } from '../local-domain/protocol.ts';
import { parseDomain } from '../mail/address.ts';
import { clusterSettings } from '../settings/protocol.ts';
import { dnsIncomplete } from './codes.ts';
import { query, requireDomain } from './directory.ts';
import { type CheckedRecord, checkRecords, isComplete } from './dns-check.ts';
import { dnsLookup } from './dns-lookup.ts';
import { type DnsRecord, type DomainFacts, recordsToPublish, zoneLine } from './dns-records.ts';

const shownMax = 60;

const domainArgs = z.strictObject({ domain: z.string() });

const dnsRecords = adminRow({
  name: 'dns-records',
  permission: 'dns.read',
  summary: 'Show what to put into the DNS for a domain',
  args: domainArgs,
  async run(context, args) {
    const facts = await factsOf(context, args.domain);
    return { ...summaryOf(facts), records: recordsToPublish(facts) };
  },
});

const dnsCheck = adminRow({
  name: 'dns-check',
  permission: 'dns.read',
  summary: 'Look up whether the DNS has what a domain needs',
  args: domainArgs,
  async run(context, args) {
    const facts = await factsOf(context, args.domain);
    const records = await checkRecords(recordsToPublish(facts), dnsLookup(context.dnsServers));
    return { ...summaryOf(facts), isComplete: isComplete(records), records };
  },
});

export const dnsAdmin = [dnsRecords, dnsCheck];

async function factsOf(context: AdminContext, text: string): Promise<DomainFacts> {
  const domain = parseDomain(text);
  await requireDomain(context, domain);
  const { keys } = await query(context, localDomains.ref(domain), { kind: 'keys' });
  const settings = await query(context, clusterSettings, { kind: 'all' });
  return { domain, hostname: context.hostname.toLowerCase(), relay: settings['relay']?.value ?? '', keys };
}

function summaryOf({ domain, hostname, keys }: DomainFacts) {
  const notes: string[] = [];
  if (!/^[^.]+\..*[a-z]/.test(hostname) || /(?:^|\.)(?:localhost|localdomain|local|internal)$/.test(hostname)) {
    notes.push(
      `the name of this machine, ${hostname}, is none that others can look up: set hostname in the node's --config`,
    );
  }
  if (!keys.some(({ state }) => state === 'active')) {
    notes.push(`mail of ${domain} is not signed: ringpost dkim rotate ${domain}, then ringpost dkim activate`);
  }
  notes.push(
    `the reverse name (PTR) of this machine's address ought to be ${hostname}; whoever gave the address sets it`,
    `for mail programs that read no SRV records: server ${hostname}, the whole address as user name`,
  );
  return { domain, hostname, notes };
}

type Listed<Row extends DnsRecord> = ReturnType<typeof summaryOf> & { readonly records: readonly Row[] };

function formatZone({ domain, records, notes }: Listed<DnsRecord>): string {
  return [
    `; For ${domain}, as lines of a zone file. Forms on the web take a text without quotes and in one piece.`,
    ...records.map(zoneLines),
    '',
    ...notes.map((note) => `; note: ${note}`),
  ].join('\n');
}

/** What is not known stays a comment, so that the whole is a zone file that can be loaded. */
function zoneLines(record: DnsRecord): string {
  const { isNeeded, why, value } = record;
  return `\n; ${isNeeded ? '' : 'optional: '}${why}\n${value === null ? '; ' : ''}${zoneLine(record)}`;
}

function formatCheck({ records, notes }: Listed<CheckedRecord>): string {
  const width = Math.max(...records.map(({ name }) => name.length));
  const lines = records.flatMap(({ state, type, name, found, cure, isNeeded }) => {
    const all = safeText(found.join(' | '));
    // A key that is right need not fill the screen.
    const shown = state === 'published' && all.length > shownMax ? `${all.slice(0, shownMax)}…` : all;
    const rest = isNeeded ? shown : `${shown} (optional)`.trimStart();
    const line = `${state.padEnd(9)}  ${type.padEnd(4)}  ${name.padEnd(width)}  ${rest}`.trimEnd();
    return cure === null ? [line] : [line, `${' '.repeat(11)}cure: ${safeText(cure)}`];
  });
  return [...lines, '', ...notes.map((note) => `note: ${note}`)].join('\n');
}

export const dnsCli: readonly CliRow[] = [
  {
    name: 'dns',
    permission: dnsRecords.permission,
    summary: 'Show what to put into the DNS for a domain, or check that it is there',
    details:
      'DMARC begins with p=none: nothing is refused for it, and postmaster gets reports of who sends in the name of the ' +
      'domain. Raise it to quarantine, then reject, when they show that all of your own mail passes.\n\n' +
      'With --check each record is looked up by the node that is asked. It ends with status 1 when a record that is ' +
      'needed is missing, differs or could not be looked up; optional ones only show. Another policy of DMARC, further ' +
      'MX hosts, and an SPF that names this server in another way are fine.',
    args: [{ name: '<domain>', summary: 'a domain of this server' }],
    options: [{ flags: '--check', summary: 'look up what is there, and say what is missing' }],
    examples: [
      'ringpost dns example.org',
      'ringpost dns example.org --check',
      'ringpost dns example.org --check --json',
    ],
    needs: 'node',
    async run(cli, input) {
      const domain = input.argument('domain');
      if (!input.flag('check')) return cli.print(await cli.node.call(dnsRecords, { domain }), formatZone);
      const checked = await cli.node.call(dnsCheck, { domain });
      await cli.print(checked, formatCheck);
      if (!checked.isComplete) throw dnsIncomplete(checked.domain);
    },
  },
];
