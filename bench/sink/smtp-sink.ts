/**
 * Postfix's own `smtp-sink` as the far end of a comparison: what Postfix is usually measured against.
 *
 * Its running counter (`-c`) is read from its standard output; a mail's time is when its line has come here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { until } from '../measure/wait.ts';
import { answersTcp } from '../peers/bare.ts';
import { freePort } from '../peers/child.ts';
import { Histogram } from '../measure/histogram.ts';
import { machineMs } from './counts.ts';
import type { RunningSink } from './running-sink.ts';

const program = '/usr/sbin/smtp-sink';
const startMsMax = 5000;
/** More connections than either server opens. */
const connectionsMax = 1000;
const backlog = 1000;

export const hasSmtpSink = (): boolean => existsSync(program);

export async function startSmtpSink(): Promise<RunningSink> {
  const port = await freePort();
  // It refuses to run as root without `-u`.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const words = [...user, '-c', '-m', String(connectionsMax), `127.0.0.1:${port}`, String(backlog)];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const killNow = (): void => void child.kill('SIGKILL');
  process.once('exit', killNow);
  let [mails, firstMs, lastMs, mailsBefore] = [0, 0, 0, 0];
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    // `sess=3 quit=2 mesg=17\r`, as often as anything changes; a piece may be cut off.
    const count = Number(/mesg=(\d+)\r[^\r]*$/.exec(text)?.[1] ?? mails);
    if (count === mails) return;
    if (mails === mailsBefore) firstMs = machineMs();
    lastMs = machineMs();
    mails = count;
  });
  await until('smtp-sink listens', () => answersTcp(port), startMsMax);
  const latency = new Histogram().summary();
  return {
    name: 'smtp-sink',
    port,
    pid: child.pid ?? 0,
    counts: () => Promise.resolve({ mails: mails - mailsBefore, firstMs, lastMs, latency }),
    reset() {
      [firstMs, lastMs, mailsBefore] = [0, 0, mails];
      return Promise.resolve();
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      process.removeListener('exit', killNow);
    },
  };
}
