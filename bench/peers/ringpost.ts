/** Our own program as a server under load: `quickstart` on one node, in the foreground. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { benchAddress } from '../load/recipients.ts';
import { ringpostVersion } from '../measure/machine.ts';
import { Child, freePort, nodeProgram, settleByCpu } from './child.ts';
import { httpGet } from './http-get.ts';
import { nodeCounts } from './node-counts.ts';
import { importAccounts } from './ringpost-accounts.ts';
import { ringpostProgram } from './ringpost-cli.ts';
import { prepareOutbound, ringpostOutbound } from './ringpost-outbound.ts';
import type { RunningServer, StartOptions } from './server.ts';

const startMsMax = 60_000;

export async function startRingpost(options: StartOptions): Promise<RunningServer> {
  const smtpPort = await freePort();
  const httpPort = await freePort();
  const submissionPort = await freePort();
  const { outbound } = options;
  const nodeDir = join(options.dataDir, 'node');
  const socketPath = join(nodeDir, 'admin.sock');
  const isNew = !existsSync(nodeDir);
  const args = [
    ringpostProgram,
    'quickstart',
    benchAddress(0),
    ...['--data', nodeDir],
    ...['--set', `smtp.listen=127.0.0.1:${smtpPort}`],
    ...['--set', `http.listen=127.0.0.1:${httpPort}`],
    ...(outbound === undefined ? [] : submissionSets(submissionPort)),
    ...options.sets.flatMap((set) => ['--set', set]),
  ];
  const child = new Child(nodeProgram(), args, join(options.dataDir, 'ringpost.log'));
  const startMs = await child.ready('ringpost does not start', () => isReady(httpPort), startMsMax);
  // The first account is made by `quickstart`.
  if (isNew) await importAccounts(socketPath, 1, options.accounts);
  if (isNew && outbound !== undefined) await prepareOutbound(socketPath, outbound);
  return {
    name: 'ringpost',
    version: ringpostVersion(),
    smtpPort,
    rootPids: [child.pid],
    startMs,
    nodes: [{ name: 'n1', smtpPort, counts: () => nodeCounts('n1', httpPort) }],
    settle: () => settleByCpu([child.pid]),
    ...(outbound === undefined ? {} : { outbound: ringpostOutbound(socketPath, submissionPort, outbound) }),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

/** Without TLS, as the peer's port: what is compared is taking mail. */
function submissionSets(port: number): string[] {
  return ['--set', `submission.listen=127.0.0.1:${port}`, '--set', 'submission.allowClearAuth=true'];
}

export async function isReady(httpPort: number): Promise<boolean> {
  return (await httpGet(httpPort, '/readyz'))?.status === 200;
}
