/** The `ringpost` command on a machine whose Node is too old, too new to be packed, or bare. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending, launch, linkPackages, olderNode, root, tree } from './launch.ts';

const found = olderNode();
const old = found ?? process.execPath;
const needsOlder = found === null ? { skip: "needs a Node older than 24 as the machine's own" } : {};

/** Stands for the node program: says where it runs, ends as it is told, or waits for SIGTERM and ends with 3. */
const program = `
  const [what, detail]: string[] = process.argv.slice(2);
  const say = (): void => console.log(JSON.stringify({ major: process.version.split('.')[0], args: process.argv.slice(2) }));
  if (what !== 'wait') say();
  if (what === 'exit') process.exit(Number(detail));
  if (what === 'die') process.kill(process.pid, 'SIGKILL');
  if (what === 'wait') {
    const alive = setInterval(() => {}, 1000);
    process.once('SIGTERM', () => { console.log('stopping'); process.exitCode = 3; clearInterval(alive); });
    // Whoever hears it may send the signal.
    say();
  }
`;

void test('ringpost: an older Node hands over to the bundled one, with the same arguments', needsOlder, async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': program });
  linkPackages(command);
  const { code, out, errors } = await ending(launch(old, command, 'status', '--node', 'n 1'));
  deepEqual(JSON.parse(out), { major: 'v24', args: ['status', '--node', 'n 1'] });
  deepEqual([code, errors], [0, '']);
});

/** Says how it was started. */
const mirror = `console.log(JSON.stringify({ pid: process.pid, flags: process.execArgv, arenas: process.env.MALLOC_ARENA_MAX, words: process.argv.slice(2) }));`;

void test('ringpost: what runs a node gets heaps and arenas to measure, under the same process id', async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': mirror });
  for (const words of [
    ['start', '--data', 'd 1'],
    ['--json', 'quickstart'],
  ]) {
    const child = launch(process.execPath, command, ...words);
    const said = JSON.parse((await ending(child)).out) as { pid: number; flags: string[]; words: string[] };
    deepEqual(said, {
      pid: child.pid,
      flags: ['--initial-heap-size=128', '--max-semi-space-size=8'],
      arenas: '2',
      words,
    });
  }
  const { out } = await ending(launch(process.execPath, command, 'status', 'start'));
  deepEqual((JSON.parse(out) as { flags: string[] }).flags, []);
});

void test('ringpost: so it does when an older Node hands over', needsOlder, async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': mirror });
  linkPackages(command);
  const { out } = await ending(launch(old, command, 'start'));
  deepEqual((JSON.parse(out) as { flags: string[] }).flags, ['--initial-heap-size=128', '--max-semi-space-size=8']);
});

void test('ringpost: the exit status of the program is that of the command', needsOlder, async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': program });
  linkPackages(command);
  equal((await ending(launch(old, command, 'exit', '7'))).code, 7);
});

void test('ringpost: a signal reaches the program, which ends in its own way', needsOlder, async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': program });
  linkPackages(command);
  const child = launch(old, command, 'wait');
  const ended = ending(child);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.kill('SIGTERM');
  const { code, out } = await ended;
  equal(code, 3);
  match(out, /stopping/);
});

void test('ringpost: a program that a signal killed is told as killed', needsOlder, async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': program });
  linkPackages(command);
  const { code, signal } = await ending(launch(old, command, 'die'));
  deepEqual([code, signal], [null, 'SIGKILL']);
});

void test('ringpost: without the bundled Node it says what is wrong and what cures it', needsOlder, async (t) => {
  const command = tree(t, '.', { 'runtime/main.ts': program });
  const { code, errors } = await ending(launch(old, command, 'status'));
  equal(code, 1);
  match(
    errors,
    /^ringpost does not start: it needs Node 24 or newer, this is v\d+\..*node-linux-\w+.*Cure: npm ci --include=optional/,
  );
});

void test('ringpost: an installed package runs what was emitted, since Node strips no types there', async (t) => {
  const command = tree(t, 'node_modules/ringpost', {
    'runtime/main.ts': program,
    'dist/runtime/main.js': "console.log('emitted');",
  });
  equal((await ending(launch(process.execPath, command))).out, 'emitted\n');
});

void test('ringpost: a package without the emitted code says how to make one', async (t) => {
  const command = tree(t, 'node_modules/ringpost', { 'runtime/main.ts': program });
  const { code, errors } = await ending(launch(process.execPath, command));
  equal(code, 1);
  match(errors, /packed without dist\/.*Cure: npm run build && npm pack/);
});

void test('ringpost --version: an older Node says the version of the package', needsOlder, async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const { code, out, errors } = await ending(launch(old, join(root, 'bin/ringpost.mjs'), '--version'));
  match(out, new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`), errors);
  equal(code, 0);
});
