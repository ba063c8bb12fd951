/** Ten thousand clients that hold a session and say nothing, and one that wants to be served. */
import { equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { nodeProgram, repositoryRoot } from '../../bench/peers/child.ts';
import { until } from '../../bench/measure/wait.ts';
import { rssAnonBytes } from '../support/process-memory.ts';
import { ann, atEnd, nodeFor } from '../support/process-place.ts';
import { expectReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

const connections = 10_000;
/** The aim is 30 KB a connection, TLS not counted. */
const bytesEachMax = 5 * 30_000;
/** `ulimit -n` inside the same process that then becomes the program. */
const manyFiles = ['sh', '-c', 'ulimit -n "$(ulimit -Hn)" && exec "$0" "$@"'];

void test('idle: ten thousand open sessions fit into memory, and a new client is served', async (t) => {
  const sets = ['smtp.threads=1', 'smtp.idleTimeoutMs=600000'];
  const node = await nodeFor(t, { sets, wrapper: manyFiles });
  const beforeBytes = rssAnonBytes(node.pid);
  const holder = spawn(
    manyFiles[0] as string,
    [...manyFiles.slice(1), nodeProgram(), 'bench/load/idle.ts', JSON.stringify({ port: node.smtpPort, connections })],
    { cwd: repositoryRoot, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  atEnd(t, async () => {
    holder.kill('SIGKILL');
    if (holder.exitCode === null && holder.signalCode === null) await once(holder, 'exit');
  });
  let said = '';
  holder.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(`all connections are open\n${node.lastWords}`, () => said.includes('\n'), 120_000);
  const { opened, lost, seconds } = JSON.parse(said.split('\n')[0] ?? '') as Record<string, number>;
  equal(opened, connections, said);
  equal(lost, 0, said);
  const bytesEach = (rssAnonBytes(node.pid) - beforeBytes) / connections;
  t.diagnostic(`${connections} idle sessions in ${seconds} s: ${Math.round(bytesEach)} bytes each (RssAnon)`);
  ok(bytesEach < bytesEachMax, `${bytesEach} bytes a connection`);
  const client = new SmtpClient({ port: node.smtpPort, localAddress: '127.0.0.99' });
  expectReply(await client.hello(), 250);
  equal((await deliver(client, { from: '', to: [ann] }, Buffer.from('Subject: x\r\n\r\nx\r\n'))).outcome, 'accepted');
  await client.quit();
});
