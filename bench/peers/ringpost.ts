/** Our own program as a server under load: `quickstart` on one node, in the foreground. */
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { benchAddress } from '../load/recipients.ts';
import { ringpostVersion } from '../measure/machine.ts';
import { adminCall } from './admin-call.ts';
import { Child, freePort, nodeProgram, repositoryRoot, settleByCpu } from './child.ts';
import { prepareOutbound, ringpostOutbound } from './ringpost-outbound.ts';
import type { RunningServer, StartOptions } from './server.ts';

const startMsMax = 60_000;
/** Accounts in one call of the admin API. */
const importBatch = 1000;

export async function startRingpost(options: StartOptions): Promise<RunningServer> {
  const smtpPort = await freePort();
  const httpPort = await freePort();
  const submissionPort = await freePort();
  const { outbound } = options;
  const nodeDir = join(options.dataDir, 'node');
  const socketPath = join(nodeDir, 'admin.sock');
  const isNew = !existsSync(nodeDir);
  const args = [
    join(repositoryRoot, 'bin/ringpost.mjs'),
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
  if (isNew) await importAccounts(socketPath, options.accounts);
  if (isNew && outbound !== undefined) await prepareOutbound(socketPath, outbound);
  return {
    name: 'ringpost',
    version: ringpostVersion(),
    smtpPort,
    rootPid: child.pid,
    startMs,
    settle: () => settleByCpu(child.pid),
    ...(outbound === undefined ? {} : { outbound: ringpostOutbound(socketPath, submissionPort, outbound) }),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

/** Without TLS, as the peer's port: what is compared is taking mail. */
function submissionSets(port: number): string[] {
  return ['--set', `submission.listen=127.0.0.1:${port}`, '--set', 'submission.allowClearAuth=true'];
}

/**
 * Makes the accounts beyond the first, which `quickstart` made.
 * The one place that knows the form of that call.
 */
async function importAccounts(socketPath: string, count: number): Promise<void> {
  for (let first = 1; first < count; first += importBatch) {
    const accounts = Array.from({ length: Math.min(importBatch, count - first) }, (_, i) => ({
      address: benchAddress(first + i),
    }));
    const { failed } = JSON.parse(await adminCall(socketPath, 'account-import', { accounts })) as ImportAnswer;
    // The call succeeds also when some of its accounts did not.
    const [example] = failed;
    if (example !== undefined) {
      const text = `${failed.length} accounts were not made, e.g. ${example.address}: ${example.error.text}`;
      throw new Error(`admin API, account-import: ${text}`);
    }
  }
}

/** What is read of the answer. */
interface ImportAnswer {
  readonly failed: readonly { readonly address: string; readonly error: { readonly text: string } }[];
}

function isReady(httpPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(
      { host: '127.0.0.1', port: httpPort, path: '/readyz', timeout: 1000, agent: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}
