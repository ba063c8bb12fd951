/** Where a stopped node keeps its rows, and how to hurt them. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RingpostNode } from './process-node.ts';

/** The data file is by far the largest. */
export function dataFileOf(node: RingpostNode): string {
  const files = readdirSync(node.spec.dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(node.spec.dataDir, name))
    .filter((path) => statSync(path).isFile());
  const [largest] = files.sort((a, b) => statSync(b).size - statSync(a).size);
  if (largest === undefined) throw new Error(`${node.spec.dataDir} holds no file`);
  return largest;
}

/** Inverts one byte in every place where `marker` stands. Returns the number of places. */
export function flipAt(path: string, marker: string): number {
  const bytes = readFileSync(path);
  let places = 0;
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) {
    bytes[at] = (bytes[at] as number) ^ 0x01;
    places++;
  }
  writeFileSync(path, bytes);
  return places;
}
