/** The cluster's subcommands, and an admin API whose core answers what a test says. No node, no process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { mailCliRows, mailNouns } from '../../../actors/admin/cli-rows.ts';
import { startAdminApi } from '../../../actors/edge/http/admin-api.ts';
import { settingNames, splitSets } from '../../../actors/settings/seeds.ts';
import { clusterNouns, clusterRows } from '../../../cluster/cli/cluster-rows.ts';
import { formingRows } from '../../../cluster/cli/forming-rows.ts';
import { withJoinTokens } from '../../../cluster/cli/token-row.ts';
import { type Clock, systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { adminSocketPath } from '../../../runtime/cli/admin-socket.ts';
import type { CliRow } from '../../../runtime/cli/cli-row.ts';
import { coreRows } from '../../../runtime/cli/core-rows.ts';
import type { CliIo } from '../../../runtime/cli/io.ts';
import { runCli } from '../../../runtime/cli/run.ts';
import { keepFirstSettings } from '../../../runtime/config/first-settings.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';

export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export const allRows: readonly CliRow[] = [
  ...formingRows({ version: '0.1.0', splitSets, settingNames, keepFirstSettings }),
  ...clusterRows,
  ...withJoinTokens(mailCliRows),
];
export const allNouns: ReadonlyMap<string, string> = new Map([...clusterNouns, ...mailNouns]);

export interface SayOptions {
  readonly input?: string;
  readonly isTerminal?: boolean;
  readonly clock?: Clock;
}

export async function say(words: readonly string[], options: SayOptions = {}): Promise<Said> {
  let out = '';
  let err = '';
  const io: CliIo = {
    out(chunk) {
      out += Buffer.from(chunk as Uint8Array).toString('utf8');
      return Promise.resolve();
    },
    err(text) {
      err += text;
    },
    stdin: (async function* () {
      yield Buffer.from(options.input ?? '');
    })(),
    isErrTerminal: options.isTerminal === true,
    isInTerminal: false,
    environment: {},
  };
  const clock = options.clock ?? systemClock;
  const status = await runCli(words, {
    rows: allRows,
    nouns: allNouns,
    version: '1.2.3',
    io,
    clock,
    random: systemRandom,
  });
  return { status, out, err };
}

/** A directory that is gone when the test ends. */
export function emptyDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ringpost-cluster-cli-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An admin API on the directory; its core knows `inspect` alone. */
export async function serveInspections(
  t: TestContext,
  directory: string,
  inspect: (topic: string, argument: unknown) => unknown,
): Promise<{ stop(): Promise<void> }> {
  const never = (): never => {
    throw new Error('not of this test');
  };
  const api = await startAdminApi({
    core: { inspect: async (topic: string, argument: unknown) => await inspect(topic, argument) } as unknown as CoreApi,
    rows: coreRows,
    socketPath: adminSocketPath(directory),
    ...{ clock: systemClock, random: systemRandom, hostname: 'mail.test', dnsServers: [] },
    ...{ hashPassword: never, checkPasswordHash: never, makeKeyPair: never },
    bug: (what, error) => {
      throw new Error(what, { cause: error });
    },
  });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await api.stop(0);
  };
  t.after(stop);
  return { stop };
}
