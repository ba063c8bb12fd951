/** `ringpost init` and `ringpost join`: how a directory becomes a node of a cluster. */
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { readSecret } from '../../runtime/cli/io.ts';
import { configOptions, dataOption, sourcesOf } from '../../runtime/cli/node-rows.ts';
import { nodeNameMissing, settingAtJoin, tokenMissing } from './codes.ts';
import type { Formed } from './forming.ts';

export interface FormingCommands {
  /** Of the program. */
  readonly version: string;
  /** What of `--set` is the node's own, and what is a setting of the cluster. @throws {OperationError} */
  splitSets(sets: readonly string[]): {
    readonly node: readonly string[];
    readonly cluster: readonly { readonly key: string }[];
  };
  /** Names of settings, for "did you mean". */
  readonly settingNames: readonly string[];
  /** Keeps settings of the cluster, `key=value`, until its first start gives them to it. */
  keepFirstSettings(dataDirectory: string, sets: readonly string[]): void;
}

const nodeOption = { flags: '--node <name>', summary: 'name of the node in its cluster, for ever (n1)' };
const jsonOption = { flags: '--json', summary: 'print JSON for scripts' };

export function formingRows(commands: FormingCommands): readonly CliRow[] {
  return [initRow(commands), joinRow(commands)];
}

function initRow(commands: FormingCommands): CliRow {
  return {
    name: 'init',
    permission: 'node.run',
    summary: 'Make the first node of a new cluster, without starting it',
    details:
      'A cluster of one, which others join later. Keys of the node that are given with --set are kept in DIR/ringpost.toml; ' +
      'settings of the cluster are its first values.',
    options: [dataOption, nodeOption, ...configOptions, jsonOption],
    examples: ['ringpost init --data /var/lib/ringpost --node n1 --set mesh.listen=:2580'],
    needs: 'nothing',
    async run(cli, input) {
      const sources = sourcesOf(input, cli.io.environment);
      const { node, cluster } = commands.splitSets(sources.sets ?? []);
      // What makes a node is loaded by those two commands alone: most of the others are over before it would be read.
      const { formCluster } = await import('./forming.ts');
      const formed = await formCluster({
        sources: { ...sources, sets: node, alsoKnown: commands.settingNames },
        node: input.option('node'),
        clock: cli.clock,
        random: cli.random,
      });
      if (cluster.length > 0) commands.keepFirstSettings(formed.dataDirectory, settingsIn(sources.sets ?? [], node));
      await printFormed(cli, input, formed, `${formed.node} is the first node of a new cluster, ${formed.clusterId}.`);
    },
  };
}

function joinRow(commands: FormingCommands): CliRow {
  return {
    name: 'join',
    permission: 'node.run',
    summary: 'Make a new node of a cluster that is there, without starting it',
    details:
      'The token is printed by a node of the cluster: ringpost token create. Keys of the node that are given with --set are ' +
      'kept in DIR/ringpost.toml. Cut off, or without an answer, it is repeated as it was.',
    args: [{ name: '<host:port>', summary: 'where a node of the cluster listens for others: its mesh.listen' }],
    options: [
      { flags: '--token <token>', summary: 'from ringpost token create; - reads it from standard input' },
      dataOption,
      nodeOption,
      ...configOptions,
      jsonOption,
    ],
    examples: [
      'ringpost join 192.0.2.1:2580 --token rp1.… --data /var/lib/ringpost --node n2 --set mesh.listen=:2580',
      'ringpost join 127.0.0.1:2580 --token - --data ./data/n2 --node n2 --set mesh.listen=127.0.0.1:2581',
    ],
    needs: 'nothing',
    async run(cli, input) {
      const sources = sourcesOf(input, cli.io.environment);
      const { node, cluster } = commands.splitSets(sources.sets ?? []);
      const [setting] = cluster;
      if (setting !== undefined) throw settingAtJoin(setting.key);
      const name = input.option('node');
      if (name === null && sources.file === undefined) throw nodeNameMissing();
      const token = await tokenIn(cli, input);
      const { joinCluster } = await import('./forming.ts');
      const formed = await joinCluster({
        sources: { ...sources, sets: node, alsoKnown: commands.settingNames },
        node: name,
        address: input.argument('host:port'),
        token,
        version: commands.version,
        clock: cli.clock,
        random: cli.random,
      });
      const nodes = formed.members.map(({ id }) => id).join(', ');
      await printFormed(cli, input, formed, `${formed.node} is a node of the cluster ${formed.clusterId} (${nodes}).`);
    },
  };
}

/** As they were given, without the node's own. */
const settingsIn = (sets: readonly string[], node: readonly string[]): readonly string[] =>
  sets.filter((set) => !node.includes(set));

async function tokenIn(cli: Cli, input: Input): Promise<string> {
  const given = input.option('token');
  const token = given === '-' ? await readSecret(cli.io) : given;
  if (token === null || token.trim() === '') throw tokenMissing();
  return token;
}

async function printFormed(cli: Cli, input: Input, formed: Formed, what: string): Promise<void> {
  const { dataDirectory, nodeFile, meshAddress } = formed;
  const config = input.option('config');
  const start = `ringpost start ${config === null ? `--data ${dataDirectory}` : `--config ${config}`}`;
  const at =
    meshAddress === null ? 'Others cannot reach it: its mesh.listen is off.' : `Others reach it at ${meshAddress}.`;
  await cli.print(formed, () =>
    [
      what,
      `Its data are in ${dataDirectory}${nodeFile === null ? '' : `, its configuration in ${nodeFile}`}. ${at}`,
      `Start it: ${start}`,
    ].join('\n'),
  );
}
