/**
 * `ringpost token create` without an address: a token by which a new node joins.
 *
 * With an address it is what it was before: a token by which a program logs in to an account. That row is the mail's, and is
 * handed in; this one stands in front of it.
 */
import { parseDuration } from '../../runtime/base/durations.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { joinTokenCreate } from '../../runtime/cli/core-rows.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { formatDuration, formatTime } from '../../runtime/cli/units.ts';
import { loadConfig } from '../../runtime/config/load.ts';
import { meshAddress } from '../../runtime/config/mesh-address.ts';
import type { MadeToken } from '../report.ts';

const rowName = 'token create';
const expiresMsDefault = 3_600_000;
const expiresMsMax = 30 * 24 * 3_600_000;

/** The same rows, but for the one that also makes tokens for nodes. */
export function withJoinTokens(rows: readonly CliRow[]): readonly CliRow[] {
  return rows.map((row) => (row.name === rowName ? withJoinToken(row) : row));
}

function withJoinToken(row: CliRow): CliRow {
  const [address] = row.args ?? [];
  return {
    ...row,
    summary: 'Make a token for a program, or, without an address, for a new node',
    details:
      `${row.details ?? ''} Without an address: a token for ringpost join, printed alone; it is good for one node and, unless ` +
      '--expires says otherwise, for an hour.',
    args: [{ name: '[address]', summary: `${address?.summary ?? 'of the account'}; left out: for a node that joins` }],
    examples: [...row.examples, 'ringpost token create --expires 1h'],
    run: (cli, input) => (input.argumentOr('address', null) === null ? create(cli, input) : row.run(cli, input)),
  };
}

async function create(cli: Cli, input: Input): Promise<void> {
  for (const name of ['scope', 'label']) {
    if (input.option(name) !== null) throw wrongUsage(`--${name} is for tokens of accounts: give an address with it`);
  }
  const made = await tokenOf(cli, expiryOf(input));
  if (cli.isJson)
    return cli.print({ token: made.token, expiresAt: formatTime(made.expiresMs), address: made.address }, () => '');
  await cli.io.out(`${made.token}\n`);
  cli.note(
    `Good for one node, for ${formatDuration(made.expiresMs - cli.clock.nowMs() + 999)}. There:\n` +
      `  ringpost join ${made.address ?? 'HOST:PORT'} --token TOKEN --data DIR --node NAME --set mesh.listen=ADDRESS:PORT`,
  );
}

/** From the node that runs; where none does, in its directory, and the node takes it over when it starts. */
async function tokenOf(cli: Cli, expiresInMs: number): Promise<MadeToken> {
  try {
    return (await cli.node.call(joinTokenCreate, { expiresInMs })) as MadeToken;
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'notRunning') throw error;
    const { makePendingToken } = await import('./pending-tokens.ts');
    const { dataDirectory: directory, clock, random } = cli;
    const { config } = loadConfig({ sets: [`data=${directory}`], withNodeFile: true });
    const made = await makePendingToken({ directory, expiresInMs, clock, random });
    cli.note('No node runs here: the token is good from the next start of this node on.');
    return { ...made, address: meshAddress(config) };
  }
}

function expiryOf(input: Input): number {
  const text = input.option('expires');
  if (text === null) return expiresMsDefault;
  const ms = parseDuration(text);
  if (ms !== null && ms > 0 && ms <= expiresMsMax) return ms;
  throw wrongUsage(`--expires is a duration of up to 30 days, such as 1h or 2d, not "${text}"`);
}
