/** `ringpost set|get|settings`: what holds for the whole cluster and changes how mail is handled. */
import { z } from 'zod';
import { adminRow } from '../../runtime/cli/admin-row.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { readSecret } from '../../runtime/cli/io.ts';
import { formatTime } from '../../runtime/cli/units.ts';
import { clusterSettings } from '../settings/protocol.ts';
import { ask, query } from './directory.ts';

const historyLinesMax = 100;

const settingsSet = adminRow({
  name: 'settings-set',
  permission: 'settings.write',
  summary: 'Change a setting of the cluster',
  args: z.strictObject({ key: z.string(), value: z.string().nullable() }),
  run: (context, { key, value }) => ask(context, clusterSettings, { kind: 'set', key, value }),
});

const settingsGet = adminRow({
  name: 'settings-get',
  permission: 'settings.read',
  summary: 'Print the value of one setting',
  args: z.strictObject({ key: z.string() }),
  run: (context, { key }) => query(context, clusterSettings, { kind: 'one', key }),
});

const settingsAll = adminRow({
  name: 'settings-all',
  permission: 'settings.read',
  summary: 'Show the settings of the cluster',
  args: z.strictObject({}),
  async run(context) {
    const all = await query(context, clusterSettings, { kind: 'all' });
    const rows = Object.entries(all).map(([key, { value, isDefault }]) => ({ key, value, isDefault }));
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  },
});

const settingsPatterns = adminRow({
  name: 'settings-patterns',
  permission: 'settings.read',
  summary: 'Show the settings that each domain may have one of',
  args: z.strictObject({}),
  run: (context) => query(context, clusterSettings, { kind: 'patterns' }),
});

const settingsHistory = adminRow({
  name: 'settings-history',
  permission: 'settings.read',
  summary: 'Show who changed which setting when',
  args: z.strictObject({}),
  run: (context) => query(context, clusterSettings, { kind: 'history', limit: historyLinesMax }),
});

export const settingsAdmin = [settingsSet, settingsGet, settingsAll, settingsPatterns, settingsHistory];

export const settingsCli: readonly CliRow[] = [
  {
    name: 'set',
    permission: settingsSet.permission,
    summary: settingsSet.summary,
    details:
      'It holds at once, on every node, and survives restarts. What belongs to one node is in its --config file.',
    args: [
      { name: '<key>', summary: 'name of the setting; ringpost settings lists them' },
      { name: '[value]', summary: 'its new value' },
    ],
    options: [
      { flags: '--default', summary: 'back to the default' },
      {
        flags: '--stdin',
        summary: 'read the value from standard input: a password does not belong into a command line',
      },
    ],
    examples: [
      'ringpost set mailbox.quotaBytes 2147483648',
      'ringpost set mailbox.quotaBytes --default',
      'ringpost set relay smtp.example.net:587',
      'ringpost set relay.password --stdin < password.txt',
      'ringpost set routes.example.com 192.0.2.7:25',
    ],
    needs: 'node',
    async run(cli, input) {
      const given = input.argument('key');
      const value = await valueOf(cli, input, given);
      await cli.print(await cli.node.call(settingsSet, { key: given, value }), ({ key, before, after, changed }) =>
        changed ? `${key} = ${said(after)} (before: ${said(before)})` : `${key} was ${said(after)} already.`,
      );
    },
  },
  {
    name: 'get',
    permission: settingsGet.permission,
    summary: settingsGet.summary,
    details: 'Of a domain that has no value of its own it prints what holds for it. A secret is never printed.',
    args: [{ name: '<key>', summary: 'name of the setting' }],
    examples: ['ringpost get mailbox.quotaBytes', 'ringpost get domains.example.com.concurrency'],
    needs: 'node',
    async run(cli, input) {
      await cli.print(await cli.node.call(settingsGet, { key: input.argument('key') }), ({ value }) => value);
    },
  },
  {
    name: 'settings',
    permission: settingsAll.permission,
    summary: settingsAll.summary,
    options: [{ flags: '--history', summary: 'who changed what, newest first' }],
    examples: ['ringpost settings', 'ringpost settings --history'],
    needs: 'node',
    async run(cli, input) {
      if (input.flag('history')) {
        await cli.printList({
          rows: await cli.node.call(settingsHistory, {}),
          columns: [
            { title: 'TIME', cell: (row) => formatTime(row.atMs) },
            { title: 'BY', cell: (row) => row.by },
            { title: 'KEY', cell: (row) => row.key },
            { title: 'BEFORE', cell: (row) => row.before ?? '(default)' },
            { title: 'AFTER', cell: (row) => row.after ?? '(default)' },
          ],
          empty: 'No setting was ever changed.',
        });
        return;
      }
      await cli.printList({
        rows: await cli.node.call(settingsAll, {}),
        columns: [
          { title: 'KEY', cell: (row) => row.key },
          { title: 'VALUE', cell: (row) => row.value },
          { title: '', cell: (row) => (row.isDefault ? '(default)' : '') },
        ],
        empty: 'There are no settings.',
      });
      if (cli.isJson) return;
      const patterns = await cli.node.call(settingsPatterns, {});
      const width = Math.max(...patterns.map(({ name }) => name.length));
      const lines = patterns.map(({ name, does }) => `  ${name.padEnd(width)}  ${does}`);
      await cli.io.out(`\nFor single domains, shown above where set:\n${lines.join('\n')}\n`);
    },
  },
];

const said = (value: string | null): string => (value === null ? 'the default' : value === '' ? 'none' : value);

/** Null: back to the default. */
async function valueOf(cli: Cli, input: Input, key: string): Promise<string | null> {
  const value = input.argumentOr('value', null);
  const ways = [value !== null, input.flag('default'), input.flag('stdin')];
  if (ways.filter((way) => way).length !== 1) throw wrongUsage(`give ${key} a value, or --default, or --stdin`);
  return input.flag('stdin') ? await readSecret(cli.io) : value;
}
