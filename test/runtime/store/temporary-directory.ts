/** A directory that lives as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ringpost-store-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** As above, removed when the test is over. */
export function directoryOf(context: TestContext): string {
  const { path, remove } = temporaryDirectory();
  context.after(remove);
  return path;
}
