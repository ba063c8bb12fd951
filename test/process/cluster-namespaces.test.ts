/**
 * Three nodes in three network namespaces. One of them is cut off in one direction only: what the others send does not
 * reach it, what it sends reaches them.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../bench/measure/wait.ts';
import { nodeProgram } from '../../bench/peers/child.ts';
import { expectDone } from '../support/process-command.ts';
import { addAccount, listMailbox } from '../support/process-mailboxes.ts';
import { Namespaces, requiresNamespaces } from '../support/process-namespaces.ts';
import { programPath, RingpostNode } from '../support/process-node.ts';
import { ann, ownedBy, tempDir } from '../support/process-place.ts';

const run = promisify(execFile);
const grownMsMax = 400_000;
/** The aim is 2 s for a silent partition; tests run beside others. */
const servedMsMax = 30_000;

interface Status {
  readonly nodes: readonly { readonly id: string; readonly alive: boolean; readonly leads: number }[];
  readonly shards: { readonly total: number; readonly served: number; readonly atGoal: number };
}

interface Group {
  readonly shard: number;
  readonly leader: string | null;
  readonly term: number;
}

async function asked<T>(node: RingpostNode, words: readonly string[]): Promise<T> {
  return JSON.parse(expectDone(await node.cli([...words, '--json']), words.join(' ')).toString('utf8')) as T;
}

void test(
  'namespaces: a node that is deaf leads nothing and holds nobody up, and is back by itself',
  requiresNamespaces(),
  async (t) => {
    const directory = tempDir(t);
    const world = new Namespaces(t, 3);
    const nodes: RingpostNode[] = [];
    for (const number of [1, 2, 3]) {
      const dataDir = join(directory, `n${number}`);
      const address = world.address(number);
      const sets = [`mesh.listen=${address}:2580`];
      const inIt = [...world.wrapper(number), nodeProgram(), programPath];
      const given = [...sets.flatMap((set) => ['--set', set]), '--data', dataDir, '--node', `n${number}`];
      if (number === 1) await run(inIt[0]!, [...inIt.slice(1), 'init', ...given]);
      else {
        const token = expectDone(await nodes[0]!.cli(['token', 'create']), 'token create')
          .toString('utf8')
          .trim();
        await run(inIt[0]!, [...inIt.slice(1), 'join', `${world.address(1)}:2580`, '--token', token, ...given]);
      }
      const spec = { dataDir, sets, words: ['start'], wrapper: world.wrapper(number), smtpPort: 2525, httpPort: 2526 };
      const node = ownedBy(t, await RingpostNode.spawn(spec));
      const isUp = async (): Promise<boolean> => (await node.cli(['status'])).status === 0;
      await until(`n${number} answers`, isUp, servedMsMax);
      nodes.push(node);
    }
    const [first, second, third] = nodes as [RingpostNode, RingpostNode, RingpostNode];
    expectDone(await first.cli(['domain', 'add', 'example.org']), 'domain add');
    await addAccount(first, ann);

    const leaders = new Map<string, string>();
    /** Each node says what it leads itself: never two of one term. */
    const look = async (): Promise<void> => {
      for (const [at, node] of nodes.entries()) {
        for (const { shard, leader, term } of await asked<Group[]>(node, ['cluster', 'leaders'])) {
          if (leader !== `n${at + 1}`) continue;
          const name = `shard ${shard} in term ${term}`;
          assert.equal(leaders.get(name) ?? leader, leader, `${name} has one leader`);
          leaders.set(name, leader);
        }
      }
    };
    const seenBy = async (node: RingpostNode, isSo: (status: Status) => boolean): Promise<boolean> => {
      await look();
      return isSo(await asked<Status>(node, ['cluster', 'status']));
    };
    const isWhole = ({ nodes: all, shards }: Status): boolean =>
      all.length === 3 && all.every(({ alive }) => alive) && shards.atGoal === shards.total;
    for (const node of nodes) await until('all is whole', () => seenBy(node, isWhole), grownMsMax);

    const sent: string[] = [];
    const send = async (to: number, subject: string): Promise<void> => {
      const words = ['--server', '127.0.0.1:2525', '--to', ann, '--from', 'me@example.net', '--helo', 'me.example.net'];
      const header = ['--header', `Subject: ${subject}`, '--header', `Message-ID: <${subject}@example.net>`];
      const isTaken = async (): Promise<boolean> => {
        const [ns, ...rest] = [...world.wrapper(to), 'swaks', ...words, ...header];
        return run(ns!, rest).then(
          () => true,
          // Not taken: a client tries again.
          () => false,
        );
      };
      await until(`${subject} is taken`, isTaken, servedMsMax);
      sent.push(subject);
    };
    await send(3, 'before');

    world.deafen(3);
    const isWithout3 = ({ nodes: all, shards }: Status): boolean =>
      all.find(({ id }) => id === 'n3')?.alive === false && shards.served === shards.total;
    for (const node of [first, second]) await until('two go on', () => seenBy(node, isWithout3), servedMsMax);
    await send(1, 'cut-1');
    await send(2, 'cut-2');
    const leadsNothing = ({ nodes: all }: Status): boolean => all.find(({ id }) => id === 'n3')?.leads === 0;
    await until('the deaf one leads nothing', () => seenBy(third, leadsNothing), servedMsMax);

    world.heal();
    for (const node of nodes) await until('all is whole again', () => seenBy(node, isWhole), grownMsMax);
    await send(3, 'after');
    for (const node of nodes) {
      assert.deepEqual((await listMailbox(node, ann)).map(({ subject }) => subject).sort(), [...sent].sort());
    }
  },
);
