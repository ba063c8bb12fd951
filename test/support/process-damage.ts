/** Where a stopped node keeps its rows, and how to hurt them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RingpostNode } from './process-node.ts';

/** The tree. */
export function dataFileOf(node: RingpostNode): string {
  return join(node.spec.dataDir, 'store.lmdb');
}

/** Inverts one byte in every place of the tree and the journal where `marker` stands. Returns the number of places. */
export function flipIn(node: RingpostNode, marker: string): number {
  const files = readdirSync(node.spec.dataDir).filter((name) => /^(?:store\.lmdb|journal-\d)$/.test(name));
  return files.reduce((places, name) => places + flipAt(join(node.spec.dataDir, name), marker), 0);
}

function flipAt(path: string, marker: string): number {
  const bytes = readFileSync(path);
  let places = 0;
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) {
    bytes[at] = (bytes[at] as number) ^ 0x01;
    places++;
  }
  writeFileSync(path, bytes);
  return places;
}
