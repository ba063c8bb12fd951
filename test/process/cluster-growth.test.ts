/** A directory that `quickstart` made becomes a cluster of three by two joins, under mail. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { nodeProgram } from '../../bench/peers/child.ts';
import { expectDone, runCommand } from '../support/process-command.ts';
import { listMailbox } from '../support/process-mailboxes.ts';
import { programPath, RingpostNode } from '../support/process-node.ts';
import { ann, atEnd, nodeFor, ownedBy, tempDir } from '../support/process-place.ts';
import { steadyPort } from '../support/process-ports.ts';
import { isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

const mailsBefore = 1_000;
const sessions = 8;
/** 257 groups take two copies each, on cores that run other tests. */
const grownMsMax = 400_000;

const mailOf = (name: string): Buffer =>
  Buffer.from(`From: me@example.net\r\nMessage-ID: <${name}@example.net>\r\nSubject: ${name}\r\n\r\nhi\r\n`);

/** An honest client with one connection: sends until `next` gives no more names, each again until it is accepted. */
async function send(port: number, next: () => string | null): Promise<string[]> {
  const accepted: string[] = [];
  let client: SmtpClient | undefined;
  for (let name = next(); name !== null; ) {
    if (client === undefined || client.isOver) {
      client = new SmtpClient({ port });
      if (!isReply(await client.hello('me.example.net'), 250)) {
        client.hangUp();
        client = undefined;
        continue;
      }
    }
    const { outcome, answer } = await deliver(client, { from: 'me@example.net', to: [ann] }, mailOf(name));
    assert.ok(!isReply(answer, 550, 552, 553, 554), JSON.stringify(answer));
    if (outcome !== 'accepted') continue;
    accepted.push(name);
    name = next();
  }
  client?.hangUp();
  return accepted;
}

/** As many names as are wanted, or as long as it is wanted. */
function names(prefix: string, goesOn: (count: number) => boolean): () => string | null {
  let count = 0;
  return () => (goesOn(count) ? `${prefix}-${count++}` : null);
}

void test('growth: a quick-start directory with 1,000 mails becomes three nodes by two joins, and mail keeps coming', async (t) => {
  const directory = tempDir(t);
  const meshPort = await steadyPort();
  const first = await nodeFor(t, { dataDir: join(directory, 'n1'), sets: [`mesh.listen=127.0.0.1:${meshPort}`] });
  const before = names('before', (count) => count < mailsBefore);
  const accepted = (await Promise.all(Array.from({ length: sessions }, () => send(first.smtpPort, before)))).flat();
  assert.equal(accepted.length, mailsBefore);

  let isGrowing = true;
  atEnd(t, () => {
    isGrowing = false;
  });
  const meanwhile = send(
    first.smtpPort,
    names('meanwhile', () => isGrowing),
  );
  const nodes = [first];
  for (const id of ['n2', 'n3']) {
    const token = expectDone(await first.cli(['token', 'create']), 'token create')
      .toString('utf8')
      .trim();
    const dataDir = join(directory, id);
    const sets = [`mesh.listen=127.0.0.1:${await steadyPort()}`];
    const words = [
      'join',
      `127.0.0.1:${meshPort}`,
      '--token',
      token,
      '--data',
      dataDir,
      '--node',
      id,
      '--set',
      ...sets,
    ];
    expectDone(await runCommand(nodeProgram(), [programPath, ...words]), 'join');
    const node = ownedBy(t, await RingpostNode.spawn({ dataDir, sets, words: ['start'] }));
    await node.ready();
    nodes.push(node);
  }
  let seen = '';
  const isGrown = async (): Promise<boolean> => {
    seen = expectDone(await first.cli(['cluster', 'status', '--json']), 'cluster status').toString('utf8');
    const { shards } = JSON.parse(seen) as { shards: { total: number; served: number; atGoal: number } };
    return shards.served === shards.total && shards.atGoal === shards.total;
  };
  await until('every shard has three copies', isGrown, grownMsMax).catch((error: unknown) => {
    throw new Error(seen, { cause: error });
  });
  isGrowing = false;
  accepted.push(...(await meanwhile));
  assert.ok(accepted.length > mailsBefore, 'mail was taken while the cluster grew');

  for (const node of nodes) {
    const mails = await listMailbox(node, ann);
    assert.deepEqual(mails.map(({ subject }) => subject).sort(), [...accepted].sort());
  }
});
