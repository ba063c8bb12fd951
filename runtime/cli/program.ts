/**
 * From rows to a command-line parser: commander in one place.
 *
 * Promises: `--help` of everything comes from the rows alone; a wrong word is a `CommandLineError`, which says
 * whether help was asked for.
 */
import { Argument, Command, CommanderError, Option } from 'commander';
import type { ArgumentSpec, CliRow, OptionSpec } from './cli-row.ts';
import { Input } from './input.ts';
import type { CliIo } from './io.ts';

/** A parse that ended the command: help or version were shown, or a word was wrong (then the reason was shown). */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError';
  readonly isWrongUsage: boolean;
  readonly isUnknownWord: boolean;

  constructor(cause: CommanderError) {
    super(cause.message, { cause });
    // commander ends `ringpost account` (no verb) with its help, on standard error, and exit code 1.
    this.isWrongUsage = cause.exitCode !== 0;
    this.isUnknownWord = cause.code === 'commander.unknownCommand';
  }
}

export interface ProgramSpec {
  readonly rows: readonly CliRow[];
  /** Noun -> what it is, for the words that have verbs under them. */
  readonly nouns: ReadonlyMap<string, string>;
  readonly version: string;
  readonly io: CliIo;
  run(row: CliRow, input: Input): Promise<void>;
}

export interface Program {
  /** @throws {CommandLineError} and whatever the row's `run` throws */
  parse(words: readonly string[]): Promise<void>;
}

/** Options of every row that asks a node. */
const nodeOptions: readonly OptionSpec[] = [
  { flags: '--data <dir>', summary: 'data directory of the node (RINGPOST_DATA)' },
  { flags: '--config <file>', summary: "the node's configuration file, which names its data directory" },
  { flags: '--json', summary: 'print JSON for scripts' },
];

const helpHint = '(--help after any command explains it)';

export function buildProgram(spec: ProgramSpec): Program {
  const root = new Command('ringpost');
  root
    .description('A self-hosted e-mail server that never loses or doubles a mail that it accepted.')
    .version(spec.version, '--version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError(helpHint)
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ writeErr: (text) => spec.io.err(text), writeOut: (text) => void spec.io.out(text) })
    .addHelpText('after', '\nFirst steps:\n  $ ringpost quickstart you@example.org\n  $ ringpost status\n');

  const nouns = new Map<string, Command>();
  for (const row of spec.rows) {
    const [first = '', second] = row.name.split(' ');
    if (second === undefined) {
      addRow(root, first, row, spec);
      continue;
    }
    let noun = nouns.get(first);
    if (noun === undefined) {
      noun = root.command(first).description(spec.nouns.get(first) ?? first);
      nouns.set(first, noun);
    }
    addRow(noun, second, row, spec);
  }
  return {
    async parse(words) {
      try {
        await root.parseAsync(words, { from: 'user' });
      } catch (error) {
        throw error instanceof CommanderError ? new CommandLineError(error) : error;
      }
    },
  };
}

function addRow(parent: Command, word: string, row: CliRow, spec: ProgramSpec): void {
  const command = parent.command(word).summary(row.summary).description(describe(row));
  for (const argument of row.args ?? []) command.addArgument(new Argument(argument.name, argument.summary));
  const options = row.needs === 'node' ? [...(row.options ?? []), ...nodeOptions] : (row.options ?? []);
  for (const option of options) command.addOption(optionOf(option));
  const examples = row.examples.map((example) => `  $ ${example}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${examples}`);
  command.action(async (...given: unknown[]) => {
    const args = new Map((row.args ?? []).map((argument, i) => [argumentName(argument), given[i] as string]));
    await spec.run(row, new Input(args, command.opts()));
  });
}

const describe = (row: CliRow): string => `${row.summary}.${row.details === undefined ? '' : `\n\n${row.details}`}`;

const argumentName = (argument: ArgumentSpec): string => argument.name.replace(/[<>[\].]/g, '');

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.summary);
  if (spec.isRepeatable === true) {
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  }
  return option;
}
