/** Files and functions that a reader can hold in the head. */
import { codeFiles, lineAt, productFiles } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { codeLines, nodesOf } from './syntax.ts';

const fileLinesMax = 400;
const functionLinesMax = 70;
/** For sources; a test file may be as long as its stories. */
const medianLinesMax = 150;

export const fileLength: Rule = {
  claim: `no file is longer than ${fileLinesMax} lines`,
  cure: 'split it by concept: one noun a file, a session by verb',
  find(repository) {
    return codeFiles(repository)
      .map((file) => ({ path: file.path, lines: lineCount(file.text) }))
      .filter(({ lines }) => lines > fileLinesMax)
      .map(({ path, lines }): Finding => ({ path, line: fileLinesMax + 1, what: `has ${lines} lines` }));
  },
};

export const medianLength: Rule = {
  claim: `the median source has fewer than ${medianLinesMax} lines`,
  cure: 'split the longest ones by concept',
  find(repository) {
    const lengths = productFiles(repository).map((file) => lineCount(file.text));
    lengths.sort((a, b) => a - b);
    const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
    return median < medianLinesMax ? [] : [{ path: '.', line: 1, what: `the median is ${median} lines` }];
  },
};

export const functionLength: Rule = {
  claim: `no function has more than ${functionLinesMax} lines of code`,
  cure: 'name its parts and let it call them',
  find(repository) {
    return codeFiles(repository)
      .filter((file) => !file.path.startsWith('test/'))
      .flatMap((file) =>
        nodesOf(file).flatMap((node): Finding[] => {
          if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return [];
          const lines = codeLines(file, node.start, node.end);
          if (lines <= functionLinesMax) return [];
          return [{ path: file.path, line: lineAt(file.text, node.start), what: `a function of ${lines} lines` }];
        }),
      );
  },
};

function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}
