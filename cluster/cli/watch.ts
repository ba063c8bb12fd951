/**
 * A screen that is drawn anew each second.
 *
 * Promises: a node that is away meanwhile is said, and asked again; what else it refuses ends the command.
 */
import { OperationError } from '../../runtime/base/errors.ts';
import type { Cli } from '../../runtime/cli/cli-row.ts';
import type { ClusterReport } from '../report.ts';
import { statusJson, statusScreen } from './screens.ts';

const everyMs = 1_000;
/** Home, and clear from there: the screen does not scroll away. */
const redraw = '\x1b[H\x1b[2J';
/** It stops, starts, or was killed: what one wants to watch. */
const awayCodes: ReadonlySet<string> = new Set(['notRunning', 'nodeWentAway']);

export async function watch(cli: Cli, read: () => Promise<ClusterReport>, times: number): Promise<void> {
  for (let time = 1; time <= times; time++) {
    await cli.io.out(await frame(cli, read));
    if (time < times) await new Promise<void>((resolve) => void cli.clock.after(everyMs, resolve));
  }
}

async function frame(cli: Cli, read: () => Promise<ClusterReport>): Promise<string> {
  const before = cli.io.isErrTerminal && !cli.isJson ? redraw : '';
  try {
    const report = await read();
    return cli.isJson ? `${JSON.stringify(statusJson(report))}\n` : `${before}${statusScreen(report)}\n`;
  } catch (error) {
    // The next second it may be there again.
    if (!(error instanceof OperationError) || !awayCodes.has(error.code)) throw error;
    return cli.isJson ? `${JSON.stringify({ error: error.data })}\n` : `${before}! ${error.message}\n`;
  }
}
