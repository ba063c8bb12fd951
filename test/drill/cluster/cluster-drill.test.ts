/** That the drill with several nodes sees what it is for: against a stand-in that is wrong on purpose. */
import { equal, match } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeProgram, repositoryRoot } from '../../../bench/peers/child.ts';
import { type CliResult, runCommand } from '../../support/process-command.ts';

function drillOf(fault: string, faults: string, minutes = 0.1): Promise<CliResult> {
  const fake = join(repositoryRoot, 'test/drill/cluster/fake-cluster.ts');
  const words = [
    ...[
      'test/drill/main.ts',
      '--json',
      '--nodes',
      '3',
      '--minutes',
      String(minutes),
      '--faults',
      faults,
      '--seed',
      '7',
    ],
    ...['--recipients', '3', '--sample', '3', '--in-only', '--program', fake],
  ];
  return runCommand(nodeProgram(), words, '', { environment: { RINGPOST_FAKE: fault }, timeoutMs: 120_000 });
}

interface Counts {
  readonly accepted: number;
  readonly found: number;
  readonly lost: number;
  readonly doubled: number;
  readonly refused: number;
  readonly inDoubt: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly failover: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly differing: number;
  readonly wrongAnswers: number;
  readonly failures: readonly string[];
}

function counts(result: CliResult): Counts {
  match(result.stdout.toString('utf8'), /^\{.*\}\n$/, result.stderr);
  return JSON.parse(result.stdout.toString('utf8')) as Counts;
}

void test('cluster drill: a sound cluster passes, through every kind of fault', async () => {
  const result = await drillOf('', 'kill,stop,restart,partition,cutPair,oneWay,delay', 0.3);
  const { accepted, found, lost, doubled, faults, failover, failures } = counts(result);
  equal(result.status, 0, result.stderr + result.stdout.toString('utf8'));
  equal(found, accepted);
  equal(accepted > 30, true, 'a drill of some 20 s sends more than a few mails');
  equal([lost, doubled, failures.length].join(), '0,0,0');
  equal(Number(faults['total']) >= 3, true, result.stderr);
  equal(failover.max > 0 && failover.p50 <= failover.p99 && failover.p99 <= failover.max, true);
});

void test('cluster drill: a node that answers before it has written is seen to lose', async () => {
  const result = await drillOf('early', 'kill', 0.25);
  equal(result.status, 1);
  equal(counts(result).lost > 0, true, result.stderr);
});

void test('cluster drill: a cluster that does not know a resend is seen to double it', async () => {
  const result = await drillOf('doubles', 'stop', 0.25);
  equal(result.status, 1);
  equal(counts(result).doubled > 0, true, result.stderr);
});

void test('cluster drill: a node that shows less than another is seen', async () => {
  const result = await drillOf('lags', 'delay');
  equal(result.status, 1);
  equal(counts(result).differing > 0, true, result.stderr);
});

void test('cluster drill: a known recipient who is refused for good is seen', async () => {
  const result = await drillOf('refuses', 'delay', 0.15);
  equal(result.status, 1);
  equal(counts(result).wrongAnswers > 0, true, result.stderr);
});

void test('cluster drill: a node that ends by itself is seen, with its status', async () => {
  const result = await drillOf('dies', 'delay', 0.25);
  equal(result.status, 1);
  match(counts(result).failures.join(), /n3 ended by itself: exit status 3/, result.stderr);
});

void test('cluster drill: two nodes, and a fault that there is not, are wrong usage', async () => {
  const two = await runCommand(nodeProgram(), ['test/drill/main.ts', '--nodes', '2']);
  equal(two.status, 2);
  match(two.stderr, /--nodes takes 1, or 3 and more/);
  const flood = await runCommand(nodeProgram(), ['test/drill/main.ts', '--nodes', '3', '--faults', 'flood']);
  match(flood.stderr, /--faults takes kill, stop, .*, not 'flood'/);
});
