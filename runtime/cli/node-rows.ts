/**
 * The rows that need no running node: starting one, and looking at its configuration. What they do is the composition
 * root's; this is how they are called.
 */
import { describeConfig, describeConfigJson } from '../config/describe.ts';
import { type ConfigSources, loadConfig } from '../config/load.ts';
import type { CliRow, OptionSpec } from './cli-row.ts';
import type { Input } from './input.ts';

export interface NodeCommands {
  /** Runs a node in the foreground; settles when it has stopped. @throws {OperationError} when it cannot start */
  start(sources: ConfigSources): Promise<void>;
  /** As `start`, and makes a domain and an account if they are not there. `address` null: the default one. */
  quickstart(sources: ConfigSources, address: string | null): Promise<void>;
  /** What of `--set` is the node's own; the rest are settings of the cluster. Left out: all. @throws {OperationError} */
  readonly nodeSets?: (sets: readonly string[]) => readonly string[];
}

export const configOptions: readonly OptionSpec[] = [
  { flags: '--config <file>', summary: 'configuration file (TOML); without it DIR/ringpost.toml, where that is there' },
  {
    flags: '--set <key=value>',
    summary: 'a value that goes before the file, or the first value of a setting of the cluster; may be repeated',
    isRepeatable: true,
  },
];
export const dataOption: OptionSpec = {
  flags: '--data <dir>',
  summary: 'directory of everything that the node keeps; made when it is not there (RINGPOST_DATA)',
};

/**
 * What `loadConfig` takes. `--data` is the setting `data`, and goes before all other sources of it. Without `--config`, the
 * `ringpost.toml` in the data directory is read.
 */
export function sourcesOf(input: Input, environment: ConfigSources['env'] & object): ConfigSources {
  const file = input.option('config');
  const data = input.option('data');
  return {
    ...(file === null ? { withNodeFile: true } : { file }),
    env: environment,
    sets: [...input.options('set'), ...(data === null ? [] : [`data=${data}`])],
  };
}

export const nodeNouns: ReadonlyMap<string, string> = new Map([
  ['config', "the node's configuration file: check, describe"],
]);

export function nodeRows(commands: NodeCommands): readonly CliRow[] {
  return [
    {
      name: 'quickstart',
      permission: 'node.run',
      summary: 'Start a node with a domain and an account, and say how to try it',
      details:
        'For a first look, and for good as well: it can be repeated, and what is there stays. Keys of the node that are given ' +
        'with --set when the node is made are kept in DIR/ringpost.toml.',
      args: [{ name: '[you@domain]', summary: 'the first account (you@localhost.localdomain)' }],
      options: [dataOption, ...configOptions],
      examples: [
        'ringpost quickstart',
        'ringpost quickstart you@example.org --data /var/lib/ringpost',
        'ringpost quickstart --set relay=127.0.0.1:2526',
      ],
      needs: 'nothing',
      run: (cli, input) =>
        commands.quickstart(sourcesOf(input, cli.io.environment), input.argumentOr('you@domain', null)),
    },
    {
      name: 'start',
      permission: 'node.run',
      summary: 'Start a node in the foreground',
      details:
        'SIGTERM or Ctrl-C lets sessions come to an end and stops it; a second one stops it at once. A directory that holds no ' +
        'node becomes a new cluster of one; to make a node of a cluster that is there: ringpost join.',
      options: [dataOption, ...configOptions],
      examples: [
        'ringpost start --data /var/lib/ringpost',
        'ringpost start --config /etc/ringpost.toml --set log.level=debug',
      ],
      needs: 'nothing',
      run: (cli, input) => commands.start(sourcesOf(input, cli.io.environment)),
    },
    {
      name: 'config check',
      permission: 'config.read',
      summary: 'Say whether a configuration is right, and what would hold',
      options: [dataOption, ...configOptions, { flags: '--json', summary: 'print JSON for scripts' }],
      examples: ['ringpost config check --config /etc/ringpost.toml'],
      needs: 'nothing',
      async run(cli, input) {
        const given = sourcesOf(input, cli.io.environment);
        const sets = commands.nodeSets?.(given.sets ?? []) ?? given.sets ?? [];
        const { config, sources, warnings } = loadConfig({ ...given, sets });
        for (const warning of warnings) cli.note(`warning: ${warning}`);
        const from = [...sources].map(([key, source]) => `  ${key} from ${source}`).join('\n');
        await cli.print(
          { config, sources: Object.fromEntries(sources), warnings },
          () => `The configuration is right. ${from === '' ? 'All of it is default.' : `Not default:\n${from}`}`,
        );
      },
    },
    {
      name: 'config describe',
      permission: 'config.read',
      summary: 'Print all that a configuration file may say',
      options: [{ flags: '--json', summary: 'print JSON for scripts' }],
      examples: ['ringpost config describe', 'ringpost config describe --json'],
      needs: 'nothing',
      run: (cli) => cli.io.out(`${(cli.isJson ? describeConfigJson() : describeConfig()).trimEnd()}\n`),
    },
  ];
}
