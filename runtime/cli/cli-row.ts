/**
 * A row of the command line: one subcommand, with all that its help says.
 *
 * To add a subcommand, add a row to a file of its noun and, where it asks a node, an `AdminRow` beside it. Rows say
 * what to do; parsing, help, suggestions, errors and exit status are the machinery's (`program.ts`, `run.ts`).
 */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { AdminClient } from './admin-client.ts';
import type { Permission } from './admin-row.ts';
import type { Input } from './input.ts';
import type { CliIo } from './io.ts';
import type { Column } from './table.ts';

export interface ArgumentSpec {
  /** `<address>` must be given, `[key]` may be, `<targets...>` takes the rest. */
  readonly name: string;
  readonly summary: string;
}

export interface OptionSpec {
  /** As in help, e.g. `--quota <size>`; without `<…>` it is a flag. */
  readonly flags: string;
  readonly summary: string;
  /** May be given several times; all are kept. */
  readonly isRepeatable?: boolean;
}

export interface CliRow {
  /** One or two words, e.g. `account add`. */
  readonly name: string;
  readonly permission: Permission;
  /** One line, begins with a verb, no full stop. */
  readonly summary: string;
  /** What more `--help` says, before the examples. */
  readonly details?: string;
  readonly args?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** At least one, whole command lines. */
  readonly examples: readonly string[];
  /** `node`: asks a running one, so it takes --data, --config and --json. `nothing`: takes what it declares. */
  readonly needs: 'node' | 'nothing';
  run(cli: Cli, input: Input): Promise<void>;
}

/** What a row's `run` has at hand. */
export interface Cli {
  readonly io: CliIo;
  readonly clock: Clock;
  readonly random: Random;
  readonly isJson: boolean;
  readonly dataDirectory: string;
  /** The admin API of the node that runs on `dataDirectory`; connects when it is used first. */
  readonly node: AdminClient;
  /** The result: as JSON with `--json`, else the text that `human` makes of it. */
  print<Value>(value: Value, human: (value: Value) => string): Promise<void>;
  /** A list: with `--json` an array of `json(row)`, else a table, or `empty` when there is nothing. */
  printList<Row>(list: PrintedList<Row>): Promise<void>;
  /** A line beside the result, on standard error. */
  note(text: string): void;
}

export interface PrintedList<Row> {
  readonly rows: AsyncIterable<Row> | Iterable<Row>;
  readonly columns: readonly Column<Row>[];
  /** What a script gets of a row; the row itself when left out. */
  json?(row: Row): unknown;
  readonly empty: string;
}
