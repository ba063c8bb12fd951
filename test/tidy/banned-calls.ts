/** Time, chance and I/O come in by the door: finds who goes another way. bench/ and test/ are free. */
import { allowances, chanceOfCrypto, type Door, doors, pureNames } from './doors.ts';
import { isIn, lineAt, productFiles, type Repository, type SourceFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { dottedName, globalsRead, importsOf, type Node, nodesOf } from './syntax.ts';

interface Use {
  readonly door: Door;
  readonly line: number;
  readonly name: string;
}

const doorOfModule = new Map<string, Door>();
const doorOfCall = new Map<string, Door>();
for (const [door, { modules, calls }] of Object.entries(doors) as [Door, (typeof doors)[Door]][]) {
  for (const name of modules) doorOfModule.set(name, door);
  for (const name of calls) doorOfCall.set(name, door);
}

export const bannedCalls: Rule = {
  claim: 'time, chance and I/O come in by the door',
  cure: 'use what the finding names; a new wrapper is a row, with its reason, in test/tidy/doors.ts',
  find(repository) {
    return productFiles(repository).flatMap((file) =>
      usesOf(file)
        .filter((use) => !isAllowed(file.path, use.door))
        .map(({ door, line, name }): Finding => {
          return { path: file.path, line, what: `uses ${name}; instead: ${doors[door].instead}` };
        }),
    );
  },
};

export const neededAllowances: Rule = {
  claim: 'every row of the allowances is needed',
  cure: 'remove the row (or the door in it) from test/tidy/doors.ts',
  find(repository) {
    return allowances.flatMap(({ place, doors: allowed }) =>
      allowed
        .filter((door) => !isUsed(repository, place, door))
        .map((door): Finding => ({ path: place, line: 1, what: `has the door '${door}' open and does not use it` })),
    );
  },
};

function isUsed(repository: Repository, place: string, door: Door): boolean {
  const there = productFiles(repository).filter((file) => isIn(file.path, place));
  return there.some((file) => usesOf(file).some((use) => use.door === door));
}

function isAllowed(path: string, door: Door): boolean {
  return allowances.some((row) => isIn(path, row.place) && row.doors.includes(door));
}

function usesOf(file: SourceFile): Use[] {
  return [...importedUses(file), ...calledUses(file)];
}

function importedUses(file: SourceFile): Use[] {
  return importsOf(file).flatMap(({ specifier, line, names, isTypeOnly }): Use[] => {
    if (isTypeOnly) return [];
    const module = specifier.replace(/^node:/, '');
    const door = doorOfModule.get(module);
    const isPure = names.length > 0 && names.every((name) => pureNames[module]?.includes(name));
    if (door !== undefined) return isPure ? [] : [{ door, line, name: specifier }];
    if (module !== 'crypto') return [];
    const chance = names.filter((name) => chanceOfCrypto.includes(name));
    return chance.map((name) => ({ door: 'chance', line, name: `${name} of ${specifier}` }));
  });
}

function calledUses(file: SourceFile): Use[] {
  const members = nodesOf(file).flatMap((node) => {
    const name = dottedName(node)?.replace(/^globalThis\./, '') ?? (readsDate(node) ? 'new Date' : null);
    return name === null ? [] : [{ name, line: lineAt(file.text, node.start) }];
  });
  return [...globalsRead(file), ...members].flatMap(({ name, line }): Use[] => {
    const door = doorOfCall.get(name);
    return door === undefined ? [] : [{ door, line, name }];
  });
}

/** `new Date(ms)` only writes a time differently; without arguments it reads the clock, and `Date()` always does. */
function readsDate(node: Node): boolean {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return false;
  if (node.callee.type !== 'Identifier' || node.callee.name !== 'Date') return false;
  return node.type === 'CallExpression' || node.arguments.length === 0;
}
