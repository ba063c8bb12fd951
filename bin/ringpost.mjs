#!/usr/bin/env node
/**
 * The `ringpost` command, before it knows which Node it runs on.
 *
 * Promises: Ringpost runs on Node 24 or newer. An older Node hands over to the one that came along as an optional
 * dependency: same arguments, same standard streams, signals passed on, same end (exit status or signal).
 * Leaves to others: everything else (`runtime/main.ts`). Plain JavaScript for Node 20, so no newer syntax here.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;
/**
 * For the commands that run a node. V8 sizes its heaps for a program that holds what it allocates; a mail is let go within
 * milliseconds. Left alone, each edge marks its whole heap thrice a second, and semi-spaces of 16 MB fill with the dead.
 * With these a mail costs a fifth less CPU and a third less memory (50 sessions, 10 KiB: 484 -> 381 us, 312 -> 205 MB).
 */
const heapFlags = ['--initial-heap-size=128', '--max-semi-space-size=8'];
/**
 * Of glibc, which gives every few threads an arena of their own and each keeps what it once held: with two of them a node
 * that fills a queue holds 413 MiB, without 520. Whoever sets it himself knows why.
 */
const mallocArenas = { MALLOC_ARENA_MAX: '2' };
const nodeCommands = ['start', 'quickstart'];
const here = fileURLToPath(import.meta.url);
const root = dirname(dirname(here));

const words = process.argv.slice(2);
const flags = nodeCommands.includes(words.find((word) => !word.startsWith('-'))) ? heapFlags : [];

if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin) await runHere();
else runOn(bundledNode());

async function runHere() {
  // The heaps are there already, so the process begins again, as itself: same id, same streams. Where that is not to be
  // had, the node runs all the same.
  if (flags.some((flag) => !process.execArgv.includes(flag)) && typeof process.execve === 'function') {
    const line = [process.execPath, ...process.execArgv, ...flags, here, ...words];
    process.execve(process.execPath, line, environment());
  }
  rememberCompiled();
  // Node strips no types below node_modules, so a package carries the emitted JavaScript.
  if (!here.includes('/node_modules/')) return import('../runtime/main.ts');
  if (existsSync(join(root, 'dist/runtime/main.js'))) return import('../dist/runtime/main.js');
  return fail(`${root} was packed without dist/. Cure: npm run build && npm pack, and install that package.`);
}

/**
 * Compiled code is kept for the next time: most of what a short command takes is compiling. Beside our own code, and
 * where only its owner writes, since what lies there is run; not in a temporary directory, where anybody could put it.
 * Where we may not write, nothing is kept and nothing fails.
 */
function rememberCompiled() {
  // Worker threads do not inherit the setting, but they read the variable.
  process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/ringpost');
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/** Path of the Node that came along. Ends the process, with the cure, when there is none. */
function bundledNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(here).resolve(`${name}/package.json`)), 'bin/node');
  } catch {
    return fail(
      `it needs Node ${nodeMajorMin} or newer, this is ${process.version}, and the Node that it brings along ` +
        `(${name}, an optional dependency for Linux on x64 and arm64) is not installed. ` +
        `Cure: npm ci --include=optional, or install Node ${nodeMajorMin}.`,
    );
  }
}

function environment() {
  return flags.length === 0 ? process.env : { ...mallocArenas, ...process.env };
}

function runOn(node) {
  const child = spawn(node, [...flags, here, ...words], { stdio: 'inherit', env: environment() });
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    // At a terminal Ctrl-C and Ctrl-\ reach the child by themselves; a second one would read as "at once".
    const isSeenByChild = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
    process.on(signal, () => isSeenByChild || child.kill(signal));
  }
  child.once('error', (error) => {
    // A musl system says ENOENT here: the loader that the binary names is missing.
    fail(`${node} does not start (${error.message}). Cure: install Node ${nodeMajorMin} for this system.`);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(what) {
  process.stderr.write(`ringpost does not start: ${what}\n`);
  process.exit(1);
}
