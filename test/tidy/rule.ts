/** What a rule of the house is: a claim about the repository that can be seen failing. */
import type { Repository } from './repository.ts';

export interface Finding {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface Rule {
  /** In plain words; the title of its test. */
  readonly claim: string;
  /** What to do about a finding. */
  readonly cure: string;
  find(repository: Repository): Finding[];
}

/** One line a finding, then the cure. */
export function report(rule: Rule, findings: readonly Finding[]): string {
  const lines = findings.map((finding) => `  ${finding.path}:${finding.line} ${finding.what}`);
  return `${rule.claim}, but\n${lines.join('\n')}\ncure: ${rule.cure}`;
}
