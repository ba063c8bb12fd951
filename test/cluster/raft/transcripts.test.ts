/**
 * The classic scenarios of Raft as readable transcripts: a command, `----`, what happened.
 *
 * REWRITE=1 writes what happens now into the files; read the diff as if it were code.
 */
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TranscriptWorld } from './transcript-world.ts';

const folder = new URL('testdata/', import.meta.url);

for (const name of readdirSync(folder)
  .toSorted()
  .filter((name) => name.endsWith('.txt'))) {
  void test(`transcript: ${name.replace(/\.txt$/, '').replaceAll('-', ' ')}`, () => {
    const file = new URL(name, folder);
    const expected = readFileSync(file, 'utf8');
    const actual = replay(expected);
    if (process.env['REWRITE'] === '1') writeFileSync(file, actual);
    else assert.equal(actual, expected);
  });
}

/** The same comments and commands, with what happens now. */
function replay(text: string): string {
  const world = new TranscriptWorld();
  return text
    .split(/\n{2,}/)
    .map((paragraph) => {
      const lines = paragraph.trim().split('\n');
      if (lines.every((line) => line.startsWith('#'))) return lines.join('\n');
      const end = lines.indexOf('----');
      const head = end < 0 ? lines : lines.slice(0, end);
      const happened = head.filter((line) => !line.startsWith('#')).map((command) => world.run(command));
      const told = happened.filter((lines) => lines !== '(nothing)');
      return [...head, '----', told.length === 0 ? '(nothing)' : told.join('\n')].join('\n');
    })
    .join('\n\n')
    .concat('\n');
}
