/**
 * The drill against our own program, broken where it matters most: answers leave before their commit.
 *
 * A drill that passed here would prove nothing when it passes elsewhere.
 */
import { equal, ok } from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeProgram, repositoryRoot } from '../../bench/peers/child.ts';
import { runCommand } from '../support/process-command.ts';
import { tempDir } from '../support/process-place.ts';

/** What `OutputGate.after` decides by. */
const gateDecision = 'if (index <= this.#committed && this.#waiting.length === 0) {';

const drillMsMax = 300_000;

/** A copy of the sources with the gate open. */
function brokenProgram(directory: string): string {
  const sources = ['runtime', 'actors', 'cluster', 'package.json'].filter((name) =>
    existsSync(join(repositoryRoot, name)),
  );
  for (const name of sources) {
    cpSync(join(repositoryRoot, name), join(directory, name), { recursive: true });
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(directory, 'node_modules'));
  const path = join(directory, 'runtime/actor/gate.ts');
  const source = readFileSync(path, 'utf8');
  ok(source.includes(gateDecision), `${path} decides otherwise now: adapt this test`);
  writeFileSync(path, source.replace(gateDecision, 'if (index !== undefined) {'));
  return join(directory, 'runtime/main.ts');
}

void test('drill: our own program with an open output gate is seen to lose acknowledged mail', async (t) => {
  const program = brokenProgram(tempDir(t));
  const words = ['test/drill/main.ts', '--kills', '6', '--seed', '3', '--sample', '0', '--json', '--program', program];
  const result = await runCommand(nodeProgram(), words, '', { timeoutMs: drillMsMax });
  const said = result.stdout.toString('utf8');
  equal(result.status, 1, `${result.stderr}${said}`);
  const { lost, accepted } = JSON.parse(said) as Record<string, number>;
  t.diagnostic(`${lost} of ${accepted} acknowledged mails were lost in 6 kills`);
  ok(Number(lost) > 0, said);
});
