/** Temp directories, disks and nodes of a test, all gone at its end in the reverse order of their making. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type NodeSpec, RingpostNode } from './process-node.ts';
import type { SkipOption } from './tools.ts';

/** The account that `quickstart` makes in tests. */
export const ann = 'ann@example.org';

type Undo = () => void | Promise<unknown>;

const undosOf = new WeakMap<TestContext, Undo[]>();

/** `t.after` runs its hooks in the order in which they were given, which would remove a directory under a live node. */
export function atEnd(t: TestContext, undo: Undo): void {
  const known = undosOf.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const undos = [undo];
  undosOf.set(t, undos);
  t.after(async () => {
    for (const next of undos.reverse()) await next();
  });
}

export function tempDir(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ringpost-test-'));
  atEnd(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A running node with one account, `ann@example.org`. */
export async function nodeFor(t: TestContext, spec: Partial<NodeSpec> = {}): Promise<RingpostNode> {
  const dataDir = spec.dataDir ?? join(tempDir(t), 'node');
  return ownedBy(t, await RingpostNode.quickstart(ann, { ...spec, dataDir }));
}

/** For a node that a test starts by other means. */
export function ownedBy(t: TestContext, node: RingpostNode): RingpostNode {
  atEnd(t, async () => {
    if (node.exit === undefined) await node.kill();
  });
  return node;
}

/** For a test's options: skipped by name where this process may not mount, but never in CI. */
export function requiresMount(): SkipOption {
  const path = mkdtempSync(join(tmpdir(), 'ringpost-mount-'));
  try {
    mountTmpfs(path, 1 << 20);
    unmount(path);
    return {};
  } catch {
    const skip = 'needs the right to mount a tmpfs: run as root';
    if (process.env['CI'] === 'true') throw new Error(`CI skips nothing, but this ${skip}`);
    return { skip };
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** A file system of `sizeBytes` of its own. */
export function smallDisk(t: TestContext, sizeBytes: number): string {
  const path = join(tempDir(t), 'disk');
  mkdirSync(path);
  mountTmpfs(path, sizeBytes);
  atEnd(t, () => unmount(path));
  return path;
}

function mountTmpfs(path: string, sizeBytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'ringpost-test', path], { stdio: 'ignore' });
}

function unmount(path: string): void {
  execFileSync('umount', ['--lazy', path], { stdio: 'ignore' });
}
