/** `ringpost cluster …`: the cluster as the node sees it that is asked. */
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { clusterReport } from '../../runtime/cli/core-rows.ts';
import type { ClusterReport } from '../report.ts';
import { type ClusterFacts, factsOf } from './facts.ts';
import {
  leadersJson,
  leadersScreen,
  membersJson,
  membersScreen,
  shardsJson,
  shardsScreen,
  statusJson,
  statusScreen,
} from './screens.ts';
import { watch } from './watch.ts';

const permission = clusterReport.permission;

/** The row is one for all reports that a core makes; what this one is, only the cluster knows. */
async function reportOf(cli: Cli): Promise<ClusterReport> {
  return (await cli.node.call(clusterReport, {})) as ClusterReport;
}

async function show(cli: Cli, json: (facts: ClusterFacts) => unknown, screen: (facts: ClusterFacts) => string) {
  const facts = factsOf(await reportOf(cli));
  await cli.print(cli.isJson ? json(facts) : null, () => screen(facts));
}

export const clusterRows: readonly CliRow[] = [
  {
    name: 'cluster status',
    permission,
    summary: 'Say how the cluster is, what is wrong and what to do',
    details:
      'As the node sees it that is asked. With --json: nodes, shards {total, served, atGoal, copies}, problems {text, cure}.',
    examples: ['ringpost cluster status', 'ringpost cluster status --json --data /var/lib/ringpost'],
    needs: 'node',
    async run(cli) {
      const report = await reportOf(cli);
      await cli.print(cli.isJson ? statusJson(report) : null, () => statusScreen(report));
    },
  },
  {
    name: 'cluster members',
    permission,
    summary: 'List the nodes of the cluster',
    details:
      'LEADS and COPIES count shards. STARTS counts the starts of the node. CLOCK is its clock less that of the node asked.',
    examples: ['ringpost cluster members', 'ringpost cluster members --json'],
    needs: 'node',
    run: (cli) => show(cli, membersJson, membersScreen),
  },
  {
    name: 'cluster shards',
    permission,
    summary: 'Show the shards that are not as they should be, or all',
    details:
      'A shard is a fixed slice of all mailboxes, queues and settings; each has its own leader and its own copies. With --json ' +
      'all of them, the metadata last.',
    options: [{ flags: '--all', summary: 'every shard' }],
    examples: ['ringpost cluster shards', 'ringpost cluster shards --all', 'ringpost cluster shards --json'],
    needs: 'node',
    run: (cli, input) => show(cli, shardsJson, (facts) => shardsScreen(facts, input.flag('all'))),
  },
  {
    name: 'cluster leaders',
    permission,
    summary: 'Show which node leads which shards',
    examples: ['ringpost cluster leaders', 'ringpost cluster leaders --json'],
    needs: 'node',
    run: (cli) => show(cli, leadersJson, leadersScreen),
  },
  {
    name: 'cluster watch',
    permission,
    summary: 'Show the status of the cluster again each second, until Ctrl-C',
    details: 'It goes on while the node is away. With --json one line a second.',
    options: [{ flags: '--times <n>', summary: 'so many times, then end' }],
    examples: ['ringpost cluster watch', 'ringpost cluster watch --times 10 --json'],
    needs: 'node',
    run: (cli, input) => watch(cli, () => reportOf(cli), input.wholeNumber('times', 1) ?? Number.POSITIVE_INFINITY),
  },
];

export const clusterNouns: ReadonlyMap<string, string> = new Map([
  ['cluster', 'the nodes, their shards and who leads them: status, members, shards, leaders, watch'],
]);
