/**
 * One run of the `ringpost` command: words in, exit status out.
 *
 * Promises: 0 done, 1 refused, 2 wrong usage; a refusal is one line on standard error that names its cure (with
 * `--json` the same as JSON). Nothing else is written to standard output than the result.
 * Leaves to others: what the subcommands do (their rows), ending the process (`main.ts`).
 */
import type { Clock } from '../base/clock.ts';
import { loadConfig } from '../config/load.ts';
import { errorData, OperationError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { nearest } from '../base/suggest.ts';
import { AdminClient } from './admin-client.ts';
import type { Cli, CliRow, PrintedList } from './cli-row.ts';
import { exitStatus, exitStatusOf } from './codes.ts';
import type { Input } from './input.ts';
import type { CliIo } from './io.ts';
import { buildProgram, CommandLineError } from './program.ts';
import { tableLines } from './table.ts';

export interface CliSpec {
  readonly rows: readonly CliRow[];
  readonly nouns: ReadonlyMap<string, string>;
  readonly version: string;
  readonly io: CliIo;
  readonly clock: Clock;
  readonly random: Random;
}

/** `words` without the program's own name. Never throws an `OperationError`; a bug it does throw. */
export async function runCli(words: readonly string[], spec: CliSpec): Promise<number> {
  const opened: AdminClient[] = [];
  const program = buildProgram({ ...spec, run: (row, input) => row.run(cliOf(spec, input, opened), input) });
  try {
    await program.parse(words);
    return exitStatus.done;
  } catch (error) {
    if (error instanceof CommandLineError) return endOfParse(error, words, spec);
    if (!(error instanceof OperationError)) throw error;
    const data = errorData(error);
    spec.io.err(
      words.includes('--json') ? `${JSON.stringify({ error: data })}\n` : `ringpost: ${data.text} [${data.code}]\n`,
    );
    return exitStatusOf(data);
  } finally {
    for (const client of opened) client.close();
  }
}

function endOfParse(error: CommandLineError, words: readonly string[], spec: CliSpec): number {
  if (!error.isWrongUsage) return exitStatus.done;
  const hint = error.isUnknownWord && !error.message.includes('Did you mean') ? suggestion(words, spec.rows) : null;
  if (hint !== null) spec.io.err(`(Did you mean ringpost ${hint}?)\n`);
  return exitStatus.wrongUsage;
}

/** For what the parser does not see: `add account`, `accountadd`, `account create`. */
function suggestion(words: readonly string[], rows: readonly CliRow[]): string | null {
  const [first = '', second = ''] = words.filter((word) => !word.startsWith('-'));
  const names = rows.map((row) => row.name);
  const swapped = nearest(`${second} ${first}`, names);
  return swapped ?? nearest(`${first} ${second}`, names) ?? nearest(first, names);
}

/** `--data`, else what the file of `--config` says, else RINGPOST_DATA, else the default. */
function dataDirectoryOf(input: Input, environment: CliIo['environment']): string {
  const data = input.option('data');
  if (data !== null) return data;
  const file = input.option('config');
  // Without a file the rest of the environment is not looked at: a slip in it is the node's business, not ours.
  if (file === null) return environment.RINGPOST_DATA || defaultDataDirectory;
  return loadConfig({ file, env: environment }).config.data;
}

const defaultDataDirectory = './data';

function cliOf(spec: CliSpec, input: Input, opened: AdminClient[]): Cli {
  const { io, clock, random } = spec;
  const isJson = input.flag('json');
  const dataDirectory = (): string => dataDirectoryOf(input, io.environment);
  return {
    io,
    clock,
    random,
    isJson,
    get dataDirectory() {
      return dataDirectory();
    },
    get node() {
      const [known] = opened;
      if (known !== undefined) return known;
      const client = new AdminClient(dataDirectory());
      opened.push(client);
      return client;
    },
    async print(value, human) {
      await io.out(`${isJson ? JSON.stringify(value, null, 2) : human(value)}\n`);
    },
    printList: (list) => (isJson ? printArray(io, list) : printTable(io, list)),
    note: (text) => io.err(`${text}\n`),
  };
}

/** An array that is written element by element, so that a list of a million rows is never in memory. */
async function printArray<Row>(io: CliIo, list: PrintedList<Row>): Promise<void> {
  let before = '[\n';
  for await (const row of list.rows) {
    await io.out(`${before}${JSON.stringify(list.json === undefined ? row : list.json(row))}`);
    before = ',\n';
  }
  await io.out(before === '[\n' ? '[]\n' : '\n]\n');
}

async function printTable<Row>(io: CliIo, list: PrintedList<Row>): Promise<void> {
  let isEmpty = true;
  for await (const line of tableLines(list.columns, list.rows)) {
    isEmpty = false;
    await io.out(`${line}\n`);
  }
  if (isEmpty) await io.out(`${list.empty}\n`);
}
