/** What `npm run cluster` prints once the three nodes serve, and when one of them is gone. */
import type { TrialNode } from './layout.ts';
import { trialAddress, type TrialFacts } from './trial.ts';

export interface RunningNode extends TrialNode {
  readonly pid: number;
}

/** A clone is not on the PATH. */
const program = 'npx ringpost';

export function instructions(nodes: readonly RunningNode[], { status, password, leader }: TrialFacts): string {
  const [first, ...others] = nodes as readonly [RunningNode, ...RunningNode[]];
  const led = nodes.find(({ id }) => id === leader);
  // Killing the first one would take away the node that the commands below ask.
  const victim = others.find(({ id }) => id === leader) ?? others[0] ?? first;
  const reader = others.find(({ id }) => id !== victim.id) ?? first;
  return [
    'Three nodes run, and each mail is on the disks of at least two of them before its 250.',
    ...nodes.map((node) => `  ${nodeLine(node, status.nodes.find(({ id }) => id === node.id)?.leads ?? 0)}`),
    `The mailbox of ${trialAddress} is led by ${led?.id ?? 'nobody at this moment'}.`,
    password === null
      ? `Its password stays as it is. A new one: ${program} account passwd ${trialAddress} --data ${first.dataDirectory}`
      : `Its password, which is shown only now: ${password}`,
    '',
    'Send it a mail, to any node:',
    `  swaks --server 127.0.0.1:${first.smtpPort} --to ${trialAddress}`,
    'Send from it, by any node (AUTH, STARTTLS):',
    `  swaks --server 127.0.0.1:${first.submissionPort} --tls --auth-user ${trialAddress} --from ${trialAddress} --to ${trialAddress}`,
    'See it, through another node:',
    `  ${program} mailbox list ${trialAddress} --data ${reader.dataDirectory}`,
    'Watch the cluster:',
    `  ${program} cluster watch --data ${first.dataDirectory}`,
    `See a takeover: kill ${victim.id}${victim.id === leader ? ', which leads that mailbox' : ''}, send again, look again:`,
    `  kill -9 ${victim.pid}`,
    'and start it again:',
    `  ${program} start --data ${victim.dataDirectory}`,
    '',
    'Ctrl-C stops all.',
  ].join('\n');
}

function nodeLine(node: RunningNode, leads: number): string {
  const ports = `SMTP ${node.smtpPort}  submission ${node.submissionPort}  HTTP ${node.httpPort}  mesh ${node.meshPort}`;
  return `${node.id}  process ${node.pid}  ${ports}  leads ${leads}  log ${node.logPath}`;
}

export function goneText(node: RunningNode, how: string, left: number): string {
  const others = left === 0 ? 'No other is left.' : `The other${left === 1 ? '' : 's'} go${left === 1 ? 'es' : ''} on.`;
  return `${node.id} (process ${node.pid}) ${how}. ${others} Start it again: ${program} start --data ${node.dataDirectory}`;
}
