/**
 * The peer `postfix`: a Postfix of our own beside whatever Postfix the machine runs.
 *
 * Promises: touches nothing outside its data directory; stops only processes that it started. Its queue is delivered to
 * Maildir while it takes mail, and `settle` waits for the rest of it and checks that nothing was deferred or bounced.
 * It logs to syslog as shipped; where no syslog runs it logs nothing, which is to its advantage.
 * Needs: root, and Postfix installed (Debian's paths).
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchAddresses } from '../load/recipients.ts';
import { processTree } from '../measure/processes.ts';
import { until } from '../measure/wait.ts';
import { answersTcp } from './bare.ts';
import { freePort } from './child.ts';
import { mailboxesMap, mailGid, mailUid, mainCf, masterCf } from './postfix-config.ts';
import { outboundConfig, postfixOutbound, queuedCount, transportMap } from './postfix-outbound.ts';
import type { RunningServer, StartOptions } from './server.ts';

const postfixProgram = '/usr/sbin/postfix';
const startMsMax = 20_000;
const drainMsMax = 300_000;

export async function startPostfix(options: StartOptions): Promise<RunningServer> {
  if (!existsSync(postfixProgram)) throw new Error(`--peer postfix: ${postfixProgram} is not installed`);
  if (process.getuid?.() !== 0) throw new Error('--peer postfix: Postfix starts as root only');
  const root = options.dataDir;
  const smtpPort = await freePort();
  layOut(root, smtpPort, options);
  postfix(root, 'start');
  const rootPid = Number(readFileSync(join(root, 'queue/pid/master.pid'), 'utf8').trim());
  const killTree = (): void => {
    for (const pid of processTree(rootPid)) killIfThere(pid);
  };
  process.once('exit', killTree);
  const forget = (): void => void process.removeListener('exit', killTree);
  const startMs = await until('Postfix answers', () => answersTcp(smtpPort), startMsMax);
  return {
    name: 'postfix',
    version: postconf(root, 'mail_version'),
    smtpPort,
    rootPids: [rootPid],
    startMs,
    settle: () => drain(root),
    storedMails: () => deliveredCount(root),
    ...(options.outbound === undefined ? {} : { outbound: postfixOutbound(root, smtpPort, rootPid, options.outbound) }),
    async stop() {
      postfix(root, 'stop');
      await until('Postfix ends', () => !isAlive(rootPid), 30_000);
      forget();
    },
    async kill() {
      killTree();
      await until('Postfix ends', () => !isAlive(rootPid), 10_000);
      forget();
    },
  };
}

function layOut(root: string, port: number, { accounts, outbound }: StartOptions): void {
  for (const name of ['etc', 'queue', 'data', 'mail']) mkdirSync(join(root, name), { recursive: true });
  chmodSync(root, 0o755);
  const owner = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' }));
  chownSync(join(root, 'data'), owner, 0);
  chownSync(join(root, 'mail'), mailUid, mailGid);
  writeFileSync(join(root, 'etc/main.cf'), mainCf(root, outbound === undefined ? [] : outboundConfig(root, outbound)));
  if (outbound !== undefined) writeFileSync(join(root, 'etc/transport'), transportMap(outbound.routes));
  writeFileSync(join(root, 'etc/mailboxes'), mailboxesMap(benchAddresses(accounts)));
  writeFileSync(join(root, 'etc/master.cf'), masterCf(port));
}

/** Waits until no mail is in the queue. @throws {Error} when a mail was deferred: then the numbers are wrong */
async function drain(root: string): Promise<number> {
  const isEmpty = (): boolean => queuedCount(root, ['incoming', 'active']) === 0;
  const tookMs = await until('the Postfix queue is empty', isEmpty, drainMsMax);
  const deferred = queuedCount(root, ['deferred']);
  if (deferred > 0) throw new Error(`Postfix deferred ${deferred} mails; see: mailq -C ${root}/etc`);
  return tookMs;
}

/** Mails in all Maildirs of the instance. */
function deliveredCount(root: string): number {
  return readdirSync(join(root, 'mail'))
    .map((name) => join(root, 'mail', name, 'new'))
    .reduce((sum, directory) => sum + (existsSync(directory) ? readdirSync(directory).length : 0), 0);
}

function postfix(root: string, command: string): void {
  execFileSync(postfixProgram, ['-c', join(root, 'etc'), command], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function postconf(root: string, name: string): string {
  return execFileSync('/usr/sbin/postconf', ['-c', join(root, 'etc'), '-h', name], { encoding: 'utf8' }).trim();
}

/** A zombie, which nobody may reap in a container, is dead. */
function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
