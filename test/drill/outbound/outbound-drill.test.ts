/** A small outbound drill of the real program; and that it would see a far end that was told otherwise. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { nodeProgram } from '../../../bench/peers/child.ts';
import { type CliResult, runCommand } from '../../support/process-command.ts';

function drillOf(ledgerFault: string, kills: number): Promise<CliResult> {
  const words = ['test/drill/main.ts', '--outbound', '--json', '--seed', '11', '--recipients', '3', '--sessions', '4'];
  const options = { environment: { RINGPOST_DRILL_LEDGER: ledgerFault }, timeoutMs: 240_000 };
  return runCommand(nodeProgram(), [...words, '--kills', String(kills)], '', options);
}

function counts(result: CliResult): Record<string, number> {
  match(result.stdout.toString('utf8'), /^\{.*\}\n$/, result.stderr);
  return JSON.parse(result.stdout.toString('utf8')) as Record<string, number>;
}

void test('outbound drill: after three kills every accepted mail is accounted for, and doubles are in the ledger', async () => {
  const result = await drillOf('', 3);
  const found = counts(result);
  equal(result.status, 0, result.stderr + result.stdout.toString('utf8'));
  equal(Number(found['accepted']) > 20 && Number(found['delivered']) > 20, true, 'some mail was sent and came');
  equal(found['isSettled'], true);
});

void test('outbound drill: a far end that leaves mails out of its ledger is seen as loss', async () => {
  const result = await drillOf('forgets', 1);
  equal(result.status, 1);
  equal(Number(counts(result)['lost']) > 0, true);
});

void test('outbound drill: a far end that has mails twice is seen as doubling', async () => {
  const result = await drillOf('doubles', 1);
  equal(result.status, 1);
  equal(Number(counts(result)['doubled']) > 0, true);
});
