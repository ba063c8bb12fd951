/** What an author leaves behind: marks of unfinished work, paths and hosts of the own machine, tests switched off. */
import { codeFiles, filesOfRooms, matches, type Repository, type SourceFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';

// The patterns are written so that they do not find themselves.
const stopMark = /\b(?:FIX[M]E|TO[D]O)\b/g;
const machinePath = /(?<![\w./-])\/(?:work|root|tmp\/[\w.-]+|home\/[\w.-]+)\/[\w.-]*/g;
const registryHost =
  /\bregistry\.(?:npmjs|npmmirror|yarnpkg)\.\w+|https?:\/\/(?:registry|npm|nexus|verdaccio|mirror)[.-][\w.:-]+/g;
/** On `test`, `describe`, `t` alike, as a call or as an option. */
const switchedOff = /\.(?:skip|only|todo)[(]|\b(?:skip|only|todo): true\b/g;
const sleep = /\bsetTimeout\b|['"](?:node:)?timers\/promises['"]/g;

export const stopMarks: Rule = {
  claim: 'no mark of unfinished work is left',
  cure: 'finish it, or say in the README what is not there',
  find: (repository) => findingsOf(filesNotData(repository), stopMark, 'has the mark'),
};

export const machinePaths: Rule = {
  claim: "no path of one person's machine is in the repository",
  cure: 'make it relative to import.meta.url, or take os.tmpdir() and mkdtemp',
  find: (repository) => findingsOf(filesOfRooms(repository), machinePath, 'has the path'),
};

export const registryHosts: Rule = {
  claim: 'no host of a package registry is in the repository',
  cure: "remove it; where packages come from is the business of the user's own .npmrc",
  find: (repository) => findingsOf(filesNotData(repository), registryHost, 'has the host'),
};

export const testsSwitchedOff: Rule = {
  claim: 'no test is switched off or run alone',
  cure: 'mend it or remove it; what needs a tool of the machine asks requiresTool (test/support/tools.ts)',
  find: (repository) => findingsOf(testFiles(repository), switchedOff, 'has'),
};

export const sleepingTests: Rule = {
  claim: 'no test sleeps',
  cure: 'wait for the condition itself, or hand in a clock that the test moves',
  find: (repository) => findingsOf(testFiles(repository), sleep, 'uses'),
};

function findingsOf(files: readonly SourceFile[], pattern: RegExp, verb: string): Finding[] {
  return files.flatMap((file) =>
    matches(file, pattern).map(({ line, text }): Finding => ({ path: file.path, line, what: `${verb} ${text}` })),
  );
}

/** All of the repository but what was written by others or by tools. */
function filesNotData(repository: Repository): SourceFile[] {
  return repository.files.filter((file) => file.path !== 'package-lock.json' && !file.path.startsWith('test/data/'));
}

/** The rules' own tests plant what others must not have. */
function testFiles(repository: Repository): SourceFile[] {
  return codeFiles(repository).filter((file) => file.path.endsWith('.test.ts') && !file.path.startsWith('test/tidy/'));
}
