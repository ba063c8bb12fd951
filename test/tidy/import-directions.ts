/**
 * Which room may import which (plan §3): runtime/ knows neither mail nor cluster, actors/ and cluster/ are strangers.
 *
 * Leaves to others: what one actor may know of another (`actor-walls.ts`).
 */
import { productFiles } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { importsOf } from './syntax.ts';

/** Room -> rooms that it may import beside itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  actors: ['runtime'],
  cluster: ['runtime'],
  bin: ['runtime', 'dist'],
};

/** The composition root: the only file above all three rooms. */
const compositionRoot = 'runtime/main.ts';

export const importDirections: Rule = {
  claim: 'a room imports only what lies below it, and runtime/base nothing of ours',
  cure: 'declare a port in runtime/ and let runtime/main.ts fill it; move what runtime/base needs into it',
  find(repository) {
    return productFiles(repository).flatMap((file) =>
      importsOf(file).flatMap(({ target, line }): Finding[] => {
        const what = target === null ? null : wrongDirection(file.path, target);
        return what === null ? [] : [{ path: file.path, line, what }];
      }),
    );
  },
};

function wrongDirection(from: string, to: string): string | null {
  const [fromRoom, toRoom] = [from.split('/')[0] as string, to.split('/')[0] as string];
  if (from.startsWith('runtime/base/') && !to.startsWith('runtime/base/')) return `runtime/base imports ${to}`;
  if (to === compositionRoot && fromRoom !== 'bin') return `imports ${compositionRoot}, which is above all rooms`;
  if (fromRoom === toRoom) return null;
  if (from === compositionRoot && (toRoom === 'actors' || toRoom === 'cluster')) return null;
  return mayImport[fromRoom]?.includes(toRoom) ? null : `${fromRoom}/ imports ${to}`;
}
