/** That the drill sees what it is for: against a stand-in that is wrong on purpose. */
import { equal, match } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeProgram, repositoryRoot } from '../../bench/peers/child.ts';
import { type CliResult, runCommand } from '../support/process-command.ts';

function drillOf(fault: string, kills: number): Promise<CliResult> {
  const fake = join(repositoryRoot, 'test/drill/fake-node.ts');
  const words = [
    'test/drill/main.ts',
    '--json',
    '--seed',
    '7',
    '--recipients',
    '3',
    '--sample',
    '3',
    '--program',
    fake,
  ];
  return runCommand(nodeProgram(), [...words, '--kills', String(kills)], '', { environment: { RINGPOST_FAKE: fault } });
}

function counts(result: CliResult): Record<string, number> {
  match(result.stdout.toString('utf8'), /^\{.*\}\n$/, result.stderr);
  return JSON.parse(result.stdout.toString('utf8')) as Record<string, number>;
}

void test('drill: a sound server passes, with every accepted mail found', async () => {
  const result = await drillOf('', 2);
  const { kills, accepted, found, lost, doubled, refusedFound } = counts(result);
  equal(result.status, 0, result.stderr + result.stdout.toString('utf8'));
  equal(kills, 2);
  equal(found, accepted);
  equal(Number(accepted) > 50, true, 'a drill of two kills sends more than a few mails');
  equal([lost, doubled, refusedFound].join(), '0,0,0');
});

void test('drill: a server that answers before it has written is seen to lose', async () => {
  const result = await drillOf('early', 6);
  equal(result.status, 1);
  equal(Number(counts(result)['lost']) > 0, true);
});

void test('drill: a server that forgets what it took is seen to double a resend', async () => {
  const result = await drillOf('doubles', 4);
  equal(result.status, 1);
  equal(Number(counts(result)['doubled']) > 0, true);
});

void test('drill: a server that takes a mail for nothing is seen to lose it', async () => {
  const result = await drillOf('lies', 2);
  equal(result.status, 1);
  equal(Number(counts(result)['lost']) > 0, true);
});

void test('drill: wrong words are wrong usage, with a cure', async () => {
  const result = await runCommand(nodeProgram(), ['test/drill/main.ts', '--kills', 'many']);
  equal(result.status, 2);
  match(result.stderr, /--kills takes a whole number of at least 0, not 'many'/);
});
