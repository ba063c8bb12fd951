/** `ringpost set|get|settings`: what holds for the whole cluster and changes how mail is handled. */
import { z } from 'zod';
import { adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { formatTime } from '../../runtime/cli/units.ts';
import { refused } from '../../runtime/base/errors.ts';
import { nearest } from '../../runtime/base/suggest.ts';
import { clusterSettings } from '../settings/protocol.ts';
import { ask, query } from './directory.ts';

const historyLinesMax = 100;

const settingsSet = adminRow({
  name: 'settings-set',
  permission: 'settings.write',
  summary: 'Change a setting of the cluster',
  args: z.strictObject({ key: z.string(), value: z.string().nullable() }),
  async run(context, { key, value }) {
    const change = await ask(context, clusterSettings, { kind: 'set', key, value });
    return { key, ...change };
  },
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

const settingsHistory = adminRow({
  name: 'settings-history',
  permission: 'settings.read',
  summary: 'Show who changed which setting when',
  args: z.strictObject({}),
  run: (context) => query(context, clusterSettings, { kind: 'history', limit: historyLinesMax }),
});

export const settingsAdmin = [settingsSet, settingsAll, settingsHistory];

const unknownSetting = (key: string, known: readonly string[]) => {
  const near = nearest(key, known);
  const hint = near === null ? 'ringpost settings lists them' : `did you mean ${near}?`;
  return refused('unknownSetting', `there is no setting "${key}". Cure: ${hint}`);
};

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
    options: [{ flags: '--default', summary: 'back to the default' }],
    examples: ['ringpost set mailbox.quotaBytes 2147483648', 'ringpost set mailbox.quotaBytes --default'],
    needs: 'node',
    async run(cli, input) {
      const key = input.argument('key');
      const value = input.argumentOr('value', null);
      if ((value === null) !== input.flag('default')) throw wrongUsage(`give ${key} a value, or --default`);
      await cli.print(await cli.node.call(settingsSet, { key, value }), (change) =>
        change.before === change.after
          ? `${key} was ${change.after ?? 'the default'} already.`
          : `${key} = ${change.after ?? 'the default'} (before: ${change.before ?? 'the default'})`,
      );
    },
  },
  {
    name: 'get',
    permission: settingsAll.permission,
    summary: 'Print the value of one setting',
    args: [{ name: '<key>', summary: 'name of the setting' }],
    examples: ['ringpost get mailbox.quotaBytes'],
    needs: 'node',
    async run(cli, input) {
      const key = input.argument('key');
      const all = await cli.node.call(settingsAll, {});
      const row = all.find((one) => one.key === key);
      if (row === undefined)
        throw unknownSetting(
          key,
          all.map((one) => one.key),
        );
      await cli.print(row, ({ value }) => value);
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
    },
  },
];
