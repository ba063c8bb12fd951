/** `ringpost dead-letters …`: what one actor told another and that failed for good; kept until somebody decides. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { formatTime } from '../../runtime/cli/units.ts';
import type { ErrorData } from '../../runtime/base/errors.ts';

/** An element of what `core.inspect('deadLetters', { limit })` answers. */
export interface InspectedDeadLetter {
  readonly shard: number;
  readonly index: number;
  readonly atMs: number;
  readonly error: ErrorData;
  /** To whom it was, and what. */
  readonly notice: { readonly kind: string; readonly key: string; readonly notice: { readonly kind: string } };
}

export interface ListedDeadLetter {
  /** shard.index */
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly key: string;
  readonly notice: string;
  readonly error: ErrorData;
}

const listedMax = 1_000;
const idPattern = /^(\d+)\.(\d+)$/;

const letterArgs = z.strictObject({ id: z.string().regex(idPattern, 'an id is two numbers, e.g. 12.345') });

const deadLettersList = adminRow({
  name: 'dead-letters-list',
  permission: 'deadLetters.read',
  summary: 'List dead letters',
  args: z.strictObject({}),
  async run(context): Promise<readonly ListedDeadLetter[]> {
    const letters = (await context.core.inspect('deadLetters', { limit: listedMax })) as readonly InspectedDeadLetter[];
    return letters.map(({ shard, index, atMs, error, notice }) => ({
      id: `${shard}.${index}`,
      at: formatTime(atMs),
      actor: notice.kind,
      key: notice.key,
      notice: notice.notice.kind,
      error,
    }));
  },
});

const acting = (verb: 'retry' | 'drop', topic: string, summary: string) =>
  adminRow({
    name: `dead-letters-${verb}`,
    permission: 'deadLetters.write',
    summary,
    args: letterArgs,
    async run(context: AdminContext, { id }) {
      const [shard, index] = id.split('.').map(Number);
      await context.core.inspect(topic, { shard, index });
      return { id, done: true };
    },
  });

const deadLettersRetry = acting('retry', 'retryDeadLetter', 'Give a dead letter to its actor once more');
const deadLettersDrop = acting('drop', 'dropDeadLetter', 'Throw a dead letter away, for good');

export const deadLettersAdmin = [deadLettersList, deadLettersRetry, deadLettersDrop];

const actingCli = (verb: 'retry' | 'drop', row: typeof deadLettersRetry, result: string): CliRow => ({
  name: `dead-letters ${verb}`,
  permission: row.permission,
  summary: row.summary,
  details: `With --all every one that ringpost dead-letters list shows.`,
  args: [{ name: '[id]', summary: 'as listed, e.g. 12.345' }],
  options: [{ flags: '--all', summary: 'all of them' }],
  examples: [`ringpost dead-letters ${verb} 12.345`, `ringpost dead-letters ${verb} --all`],
  needs: 'node',
  async run(cli, input) {
    const id = input.argumentOr('id', null);
    if ((id === null) !== input.flag('all')) throw wrongUsage('name a dead letter by its id, or say --all');
    const ids = id === null ? (await cli.node.call(deadLettersList, {})).map((letter) => letter.id) : [id];
    for (const one of ids) await cli.node.call(row, { id: one });
    await cli.print({ ids, done: true }, () =>
      ids.length === 0 ? 'There are no dead letters.' : `${ids.join(', ')}: ${result}`,
    );
  },
});

export const deadLettersCli: readonly CliRow[] = [
  {
    name: 'dead-letters list',
    permission: deadLettersList.permission,
    summary: deadLettersList.summary,
    details: `At most ${listedMax}, oldest shard first.`,
    examples: ['ringpost dead-letters list'],
    needs: 'node',
    async run(cli) {
      await cli.printList({
        rows: await cli.node.call(deadLettersList, {}),
        columns: [
          { title: 'ID', cell: (row) => row.id },
          { title: 'TIME', cell: (row) => row.at },
          { title: 'TO', cell: (row) => `${row.actor} ${row.key}` },
          { title: 'WHAT', cell: (row) => row.notice },
          { title: 'WHY', cell: (row) => `${row.error.text} [${row.error.code}]` },
        ],
        empty: 'There are no dead letters.',
      });
    },
  },
  actingCli('retry', deadLettersRetry, 'done.'),
  actingCli('drop', deadLettersDrop, 'dropped.'),
];
