/** `ringpost account import`: many accounts from a file with one JSON object a line. */
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { refused } from '../../runtime/base/errors.ts';
import { readLines } from '../../runtime/cli/lines.ts';
import { startProgress } from '../../runtime/cli/progress.ts';
import { formatCount } from '../../runtime/cli/units.ts';
import { accountImport, type ImportOutcome } from './account-admin.ts';
import { badAccounts } from './codes.ts';

const batchAccounts = 500;
/** Failures that are printed one by one; the rest is counted. */
const failuresShown = 20;

interface Line {
  readonly address: string;
  readonly passwordHash: string | null;
}

export const accountImportCli: readonly CliRow[] = [
  {
    name: 'account import',
    permission: accountImport.permission,
    summary: accountImport.summary,
    details:
      'One JSON object a line: {"address": "ann@example.org", "passwordHash": "$argon2id$…"}. Without a hash nobody\n' +
      'can log in until ringpost account passwd. What exists already is left alone, so it can be repeated.',
    args: [{ name: '<file>', summary: 'file of JSON lines; - for standard input' }],
    options: [{ flags: '--progress', summary: 'say how far it is, also when standard error is no terminal' }],
    examples: ['ringpost account import accounts.jsonl', 'ringpost account import - < accounts.jsonl'],
    needs: 'node',
    async run(cli, input) {
      const progress = startProgress(cli.io, cli.clock, 'accounts', input.flag('progress'));
      const total = { created: 0, existed: 0, failed: [] as ImportOutcome['failed'][number][] };
      let batch: Line[] = [];
      let number = 0;
      const send = async (): Promise<void> => {
        if (batch.length === 0) return;
        const { created, existed, failed } = await cli.node.call(accountImport, { accounts: batch });
        batch = [];
        total.created += created;
        total.existed += existed;
        total.failed.push(...failed);
        progress.report(total.created + total.existed + total.failed.length, null);
      };
      for await (const line of readLines(input.argument('file'), cli.io)) {
        number++;
        if (line.trim() === '') continue;
        batch.push(parseLine(line, number));
        if (batch.length >= batchAccounts) await send();
      }
      await send();
      progress.end();
      for (const { address, error } of total.failed.slice(0, failuresShown)) cli.note(`${address}: ${error.text}`);
      await cli.print(
        { ...total, failed: total.failed.length },
        ({ created, existed, failed }) =>
          `${formatCount(created)} made, ${formatCount(existed)} existed, ${formatCount(failed)} refused.`,
      );
      if (total.failed.length > 0) {
        throw refused('partlyImported', 'some accounts were refused. Cure: mend their lines and repeat the command');
      }
    },
  },
];

function parseLine(line: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw badAccounts(`line ${number} is no JSON`);
  }
  const { address, passwordHash = null } = (value ?? {}) as {
    readonly address?: unknown;
    readonly passwordHash?: unknown;
  };
  if (typeof address !== 'string') throw badAccounts(`line ${number} has no "address"`);
  if (passwordHash !== null && typeof passwordHash !== 'string')
    throw badAccounts(`line ${number}: "passwordHash" is no text`);
  return { address, passwordHash };
}
