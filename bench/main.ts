/**
 * `npm run bench -- <scenario>`: loads servers and says what it measured, on what, with which settings.
 *
 * Exit codes: 0 measured (verdicts are told, not enforced), 1 a server or the load failed, 2 wrong flags.
 */
import { describeMachine } from './measure/machine.ts';
import { formatReport, reportJson } from './report.ts';
import { scenarios } from './scenarios/scenarios.ts';
import { parseSettings, UsageError, usage } from './settings.ts';

async function main(args: readonly string[]): Promise<number> {
  try {
    const settings = parseSettings(args, (name) => scenarios.get(name)?.defaults);
    const machine = describeMachine(settings.root);
    const scenario = scenarios.get(settings.scenario);
    if (scenario === undefined) return 2;
    const report = await scenario.run(settings, (text) => process.stderr.write(`bench: ${text}\n`));
    process.stdout.write((settings.json ? reportJson : formatReport)(machine, settings, report));
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${usage}\nscenarios:\n${listScenarios()}`);
      return 2;
    }
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function listScenarios(): string {
  return [...scenarios].map(([name, { what }]) => `  ${name.padEnd(18)} ${what}\n`).join('');
}

// An interrupt must run the `exit` handlers, which end the servers.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.exitCode = await main(process.argv.slice(2));
