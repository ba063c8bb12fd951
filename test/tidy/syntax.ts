/**
 * What stands in a source, by a real parser: comments, strings and types fool no rule. The only importer of oxc-parser.
 */
import { posix } from 'node:path';
import { type Node, type ParseResult, parseSync, visitorKeys } from 'oxc-parser';
import { lineAt, type SourceFile } from './repository.ts';

export type { Node };

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** What is taken by name; `*` for all of it. */
  readonly names: readonly string[];
  /** Gone at run time. */
  readonly isTypeOnly: boolean;
  /** Path from the root when the specifier is relative, else null. */
  readonly target: string | null;
}

const parsed = new WeakMap<SourceFile, ParseResult>();
const flattened = new WeakMap<SourceFile, readonly Node[]>();

function parse(file: SourceFile): ParseResult {
  let result = parsed.get(file);
  if (result === undefined) {
    result = parseSync(file.path, file.text);
    if (result.errors.length > 0) throw new Error(`${file.path} does not parse: ${result.errors[0]?.message}`);
    parsed.set(file, result);
  }
  return result;
}

/** Imports, re-exports, dynamic imports and imports of types in place. */
export function importsOf(file: SourceFile): Import[] {
  const { module } = parse(file);
  const found: Import[] = [];
  const add = (specifier: string, offset: number, names: string[], isTypeOnly: boolean): void => {
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : null;
    found.push({ specifier, line: lineAt(file.text, offset), names, isTypeOnly, target });
  };
  for (const { moduleRequest, start, entries } of module.staticImports) {
    const names = entries.map((entry) => entry.importName.name ?? '*');
    add(moduleRequest.value, start, names, entries.length > 0 && entries.every((entry) => entry.isType));
  }
  for (const { start, entries } of module.staticExports) {
    for (const entry of entries) {
      if (entry.moduleRequest) add(entry.moduleRequest.value, start, [entry.importName.name ?? '*'], entry.isType);
    }
  }
  for (const node of nodesOf(file)) {
    if (node.type === 'ImportExpression' && node.source.type === 'Literal') {
      add(String(node.source.value), node.start, ['*'], false);
    }
    if (node.type === 'TSImportType') add(node.source.value, node.start, ['*'], true);
  }
  return found;
}

/** Every node of the file, outer ones first. */
export function nodesOf(file: SourceFile): readonly Node[] {
  const known = flattened.get(file);
  if (known !== undefined) return known;
  const found: Node[] = [];
  const enter = (node: Node): void => {
    found.push(node);
    const values = node as unknown as Record<string, Node | null | (Node | null)[]>;
    for (const key of visitorKeys[node.type] ?? []) {
      const children = values[key] ?? [];
      for (const child of Array.isArray(children) ? children : [children]) if (child !== null) enter(child);
    }
  };
  enter(parse(file).program);
  flattened.set(file, found);
  return found;
}

/** `a.b` as written, for a plain member of a plain name; null for anything else. */
export function dottedName(node: Node): string | null {
  if (node.type !== 'MemberExpression' || node.computed) return null;
  if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return null;
  return `${node.object.name}.${node.property.name}`;
}

/** Global names that are read as values: not keys, members, types, nor what the file itself imports or declares. */
export function globalsRead(file: SourceFile): { readonly name: string; readonly line: number }[] {
  const nodes = nodesOf(file);
  const others = new Set<Node>(nodes.flatMap(namesThatAreNoValues));
  const own = new Set(nodes.flatMap(namesDeclared));
  return nodes.flatMap((node) =>
    node.type === 'Identifier' && !others.has(node) && !own.has(node.name)
      ? [{ name: node.name, line: lineAt(file.text, node.start) }]
      : [],
  );
}

function namesDeclared(node: Node): string[] {
  const named = (each: Node | null): string[] => (each?.type === 'Identifier' ? [each.name] : []);
  switch (node.type) {
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
      return named(node.local);
    case 'VariableDeclarator':
      return named(node.id);
    case 'FunctionDeclaration':
    case 'FunctionExpression':
      return [...named(node.id), ...node.params.flatMap(named)];
    case 'ArrowFunctionExpression':
      return node.params.flatMap(named);
    default:
      return [];
  }
}

function namesThatAreNoValues(node: Node): Node[] {
  switch (node.type) {
    case 'MemberExpression':
      return node.computed ? [] : [node.property];
    case 'Property':
      // `{ setTimeout }` reads it: key and value are then two nodes.
      return node.computed ? [] : [node.key];
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'TSPropertySignature':
    case 'TSMethodSignature':
      return [node.key];
    case 'TSTypeReference':
      return [node.typeName];
    case 'TSTypeQuery':
      return [node.exprName];
    default:
      return [];
  }
}

/** Lines with code on them between two offsets: blank lines and lines of comment are left out. */
export function codeLines(file: SourceFile, start: number, end: number): number {
  let text = file.text.slice(start, end);
  for (const comment of parse(file).comments.filter((each) => each.start >= start && each.end <= end)) {
    const length = comment.end - comment.start;
    const blank = file.text.slice(comment.start, comment.end).replace(/[^\n]/g, ' ');
    text = text.slice(0, comment.start - start) + blank + text.slice(comment.start - start + length);
  }
  return text.split('\n').filter((line) => line.trim() !== '').length;
}
