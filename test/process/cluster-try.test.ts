/** `npm run cluster` as somebody types it: three nodes, one is killed, mail goes on; Ctrl-C stops all; it starts again. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { freePort, nodeProgram, repositoryRoot } from '../../bench/peers/child.ts';
import { programPath } from '../support/process-node.ts';
import { expectDone, runCommand } from '../support/process-command.ts';
import { atEnd, tempDir } from '../support/process-place.ts';
import { isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

const you = 'you@localhost.localdomain';
const readyMsMax = 120_000;

interface RunningTrial {
  readonly text: () => string;
  readonly child: ChildProcess;
  /** Of the nodes. */
  readonly pids: readonly number[];
}

async function startTrial(t: TestContext, directory: string, offset: number): Promise<RunningTrial> {
  const words = [join(repositoryRoot, 'cluster/try/main.ts'), '--data', directory, '--offset', String(offset)];
  const child = spawn(nodeProgram(), words, { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  // SIGTERM, so that it takes its nodes along.
  atEnd(t, async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await until('the trial ends', () => child.exitCode !== null || child.signalCode !== null, 30_000);
  });
  const isReady = (): boolean => {
    if (child.exitCode !== null) throw new Error(`it ended:\n${text}`);
    return text.includes('Ctrl-C stops all.');
  };
  await until('three nodes with three copies', isReady, readyMsMax).catch((error: unknown) => {
    throw new Error(text, { cause: error });
  });
  const pids = [...text.matchAll(/process (\d+) {2}SMTP/g)].map(([, pid]) => Number(pid));
  return { text: () => text, child, pids };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // ESRCH: there is none.
    return false;
  }
}

/** An honest client: what is not accepted is sent again. */
async function send(port: number, subject: string): Promise<void> {
  const mail = Buffer.from(
    `From: me@example.net\r\nMessage-ID: <${subject}@example.net>\r\nSubject: ${subject}\r\n\r\nhi\r\n`,
  );
  const isAccepted = async (): Promise<boolean> => {
    const client = new SmtpClient({ port });
    try {
      if (!isReply(await client.hello('me.example.net'), 250)) return false;
      const { outcome, answer } = await deliver(client, { from: 'me@example.net', to: [you] }, mail);
      assert.ok(!isReply(answer, 550, 552, 553, 554), JSON.stringify(answer));
      return outcome === 'accepted';
    } finally {
      client.hangUp();
    }
  };
  await until(`${subject} is accepted`, isAccepted, 30_000);
}

async function subjects(dataDirectory: string): Promise<string[]> {
  const words = [programPath, 'mailbox', 'list', you, '--json', '--data', dataDirectory];
  const said = expectDone(await runCommand(nodeProgram(), words), 'mailbox list');
  return (JSON.parse(said.toString('utf8')) as { readonly subject: string }[]).map(({ subject }) => subject).sort();
}

void test('npm run cluster: three nodes; one is killed and mail goes on; Ctrl-C stops all; a second run has it all', async (t) => {
  const directory = join(tempDir(t), 'data');
  const offset = (await freePort()) - 2_525;
  const smtpPort = 2_525 + offset;
  const first = await startTrial(t, directory, offset);
  assert.match(first.text(), /shown only now: \S+/);
  assert.equal(first.pids.length, 3);
  await send(smtpPort, 'before');

  const [, victim] = /^ {2}kill -9 (\d+)$/m.exec(first.text()) ?? [];
  process.kill(Number(victim), 'SIGKILL');
  await send(smtpPort, 'after');
  await until(
    'its end is said',
    () => /was ended by SIGKILL\. The others go on\. Start it again: /.test(first.text()),
    10_000,
  );
  assert.deepEqual(await subjects(join(directory, 'n1')), ['after', 'before']);

  first.child.kill('SIGINT');
  await until('it stops', () => first.child.exitCode !== null, 30_000);
  assert.equal(first.child.exitCode, 0);
  assert.deepEqual(first.pids.filter(isRunning), []);

  const second = await startTrial(t, directory, offset);
  assert.match(second.text(), /Its password stays as it is/);
  for (const node of ['n1', 'n2', 'n3'])
    assert.deepEqual(await subjects(join(directory, node)), ['after', 'before'], node);
});
