/** Shows that a rule can fail: a repository that exists only here, with something wrong in it. */
import { type Rule, report } from './rule.ts';

/** What `rule` finds in files of these texts (path -> text), as `path:line what`. */
export function plant(rule: Rule, texts: Readonly<Record<string, string>>): string[] {
  const files = Object.entries(texts).map(([path, text]) => ({ path, text }));
  return report(rule, rule.find({ files }))
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line) => line.trim());
}

export function lines(count: number): string {
  return 'a();\n'.repeat(count);
}
