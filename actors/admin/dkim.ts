/** `ringpost dkim …`: the keys that mail of a domain is signed with, and how they are changed. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { formatTime } from '../../runtime/cli/units.ts';
import { makeDkimKeys } from '../dkim/key-pair.ts';
import { dkimRecordName } from '../dkim/record.ts';
import { type DkimKeyFacts, type DkimKeyState, localDomains } from '../local-domain/protocol.ts';
import { parseDomain } from '../mail/address.ts';
import { ask, query, requireDomain } from './directory.ts';
import { dkimRecord, zoneLine } from './dns-records.ts';

const domainArgs = z.strictObject({ domain: z.string() });
const keyArgs = z.strictObject({ domain: z.string(), selector: z.string() });

const dkimList = adminRow({
  name: 'dkim-list',
  permission: 'dkim.read',
  summary: 'List the DKIM keys of a domain',
  args: domainArgs,
  async run(context, args) {
    const domain = await knownDomain(context, args.domain);
    const keys = await keysOf(context, domain);
    return keys.map(({ createdMs, sinceMs, ...key }) => ({
      ...key,
      created: formatTime(createdMs),
      since: formatTime(sinceMs),
      name: dkimRecordName(domain, key.selector),
    }));
  },
});

const dkimRotate = adminRow({
  name: 'dkim-rotate',
  permission: 'dkim.write',
  summary: 'Make new DKIM keys for a domain, to be published before they sign',
  args: domainArgs,
  async run(context, args) {
    const domain = await knownDomain(context, args.domain);
    const waiting = await waitingKeys(context, domain);
    if (waiting.length === 0) {
      const keys = await makeDkimKeys(context.makeKeyPair, context.random, context.clock.nowMs());
      await ask(context, localDomains.ref(domain), { kind: 'addKeys', keys, state: 'published' });
    }
    // Asked again: what is there, is what counts.
    const keys = waiting.length > 0 ? waiting : await waitingKeys(context, domain);
    return {
      domain,
      isNew: waiting.length === 0,
      records: keys.map((key) => dkimRecord(domain, key)),
      selectors: keys.map(({ selector }) => selector),
    };
  },
});

const stateRow = (name: 'dkim-activate' | 'dkim-retire', state: DkimKeyState, summary: string) =>
  adminRow({
    name,
    permission: 'dkim.write',
    summary,
    args: keyArgs,
    async run(context, args) {
      const domain = await knownDomain(context, args.domain);
      const changed: string[] = [];
      const retired: string[] = [];
      for (const selector of await selectorsOf(context, domain, args.selector)) {
        const answer = await ask(context, localDomains.ref(domain), { kind: 'setKeyState', selector, state });
        if (answer.changed) changed.push(selector);
        retired.push(...answer.retired);
      }
      const active = (await keysOf(context, domain)).filter((key) => key.state === 'active');
      return { domain, changed, retired, active: active.map(({ selector }) => selector) };
    },
  });

const dkimActivate = stateRow(
  'dkim-activate',
  'active',
  'Sign with a DKIM key, in place of the one that signed until now',
);
const dkimRetire = stateRow('dkim-retire', 'retired', 'Sign no more with a DKIM key');

const dkimRemove = adminRow({
  name: 'dkim-remove',
  permission: 'dkim.write',
  summary: 'Forget a DKIM key that does not sign',
  args: keyArgs,
  async run(context, args) {
    const domain = await knownDomain(context, args.domain);
    const removed: string[] = [];
    for (const selector of await selectorsOf(context, domain, args.selector)) {
      await ask(context, localDomains.ref(domain), { kind: 'removeKey', selector });
      removed.push(selector);
    }
    return { domain, removed };
  },
});

export const dkimAdmin = [dkimList, dkimRotate, dkimActivate, dkimRetire, dkimRemove];

async function knownDomain(context: AdminContext, text: string): Promise<string> {
  const domain = parseDomain(text);
  await requireDomain(context, domain);
  return domain;
}

async function keysOf(context: AdminContext, domain: string): Promise<readonly DkimKeyFacts[]> {
  return (await query(context, localDomains.ref(domain), { kind: 'keys' })).keys;
}

const waitingKeys = async (context: AdminContext, domain: string): Promise<readonly DkimKeyFacts[]> =>
  (await keysOf(context, domain)).filter(({ state }) => state === 'published');

/** A selector, or what those of a pair have in common. One that is not there is left to the actor to refuse. */
async function selectorsOf(context: AdminContext, domain: string, text: string): Promise<readonly string[]> {
  const all = (await keysOf(context, domain)).map(({ selector }) => selector);
  const meant = all.filter((selector) => selector === text || selector.startsWith(`${text}-`));
  return meant.length > 0 ? meant : [text];
}

const domainArgument = { name: '<domain>', summary: 'a domain of this server' };
const keyArguments = [
  domainArgument,
  { name: '<selector>', summary: 'of the key, or what those of a pair begin with: rp20261128abc' },
];

/** What the pair is called by: `rp20261128abc` of `rp20261128abc-rsa`. */
const pairName = (selectors: readonly string[]): string => (selectors[0] ?? '').replace(/-\w+$/, '');

const keyOf = (input: Input) => ({ domain: input.argument('domain'), selector: input.argument('selector') });

function stateCli(verb: 'activate' | 'retire', row: typeof dkimActivate, done: string, details: string): CliRow {
  return {
    name: `dkim ${verb}`,
    permission: row.permission,
    summary: row.summary,
    details,
    args: keyArguments,
    examples: [`ringpost dkim ${verb} example.org rp20261128abc`],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(row, keyOf(input));
      await cli.print(answer, ({ domain, changed, retired, active }) =>
        [
          changed.length === 0 ? 'It was so already.' : `${done} ${changed.join(', ')} within ten seconds.`,
          ...(retired.length === 0 ? [] : [`Retired: ${retired.join(', ')}. Leave their records for a week.`]),
          active.length === 0 ? `Mail of ${domain} is not signed now.` : `Signing: ${active.join(', ')}`,
        ].join('\n'),
      );
    },
  };
}

export const dkimCli: readonly CliRow[] = [
  {
    name: 'dkim list',
    permission: dkimList.permission,
    summary: dkimList.summary,
    details: 'Active keys sign. Published ones wait to be activated. Retired ones may be removed after a week.',
    args: [domainArgument],
    examples: ['ringpost dkim list example.org'],
    needs: 'node',
    async run(cli, input) {
      const domain = input.argument('domain');
      await cli.printList({
        rows: await cli.node.call(dkimList, { domain }),
        columns: [
          { title: 'SELECTOR', cell: (row) => row.selector },
          { title: 'ALGORITHM', cell: (row) => row.algorithm },
          { title: 'STATE', cell: (row) => row.state },
          { title: 'SINCE', cell: (row) => row.since },
        ],
        empty: `${domain} has no DKIM keys: its mail is not signed. Next: ringpost dkim rotate ${domain}`,
      });
    },
  },
  {
    name: 'dkim rotate',
    permission: dkimRotate.permission,
    summary: dkimRotate.summary,
    details: 'The old keys sign on until the new ones are activated. While new ones wait, no further ones are made.',
    args: [domainArgument],
    examples: ['ringpost dkim rotate example.org'],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(dkimRotate, { domain: input.argument('domain') });
      await cli.print(answer, ({ domain, isNew, records, selectors }) =>
        [
          isNew ? `New keys for ${domain}. Put these into the DNS:` : `These keys of ${domain} wait already:`,
          ...records.map((record) => `  ${zoneLine(record)}`),
          `When they are there (ringpost dns ${domain} --check): ringpost dkim activate ${domain} ${pairName(selectors)}`,
        ].join('\n'),
      );
    },
  },
  stateCli(
    'activate',
    dkimActivate,
    'Signing with',
    'Only when its record is in the DNS: ringpost dns DOMAIN --check.',
  ),
  stateCli(
    'retire',
    dkimRetire,
    'No more signing with',
    'For a key that another one replaces, activating that one is enough.',
  ),
  {
    name: 'dkim remove',
    permission: dkimRemove.permission,
    summary: dkimRemove.summary,
    details: 'A week after it was retired, when no mail that it signed is on the way; then its record can go, too.',
    args: keyArguments,
    examples: ['ringpost dkim remove example.org rp20261128abc'],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(dkimRemove, keyOf(input));
      await cli.print(answer, ({ domain, removed }) => {
        const names = removed.map((selector) => dkimRecordName(domain, selector));
        return `Removed. These records can go: ${names.join(', ')}`;
      });
    },
  },
];
