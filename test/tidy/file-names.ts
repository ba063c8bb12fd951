/** A file's name says which concept is in it. */
import { filesOfRooms } from './repository.ts';
import type { Finding, Rule } from './rule.ts';

const sayNothing = ['index', 'utils', 'util', 'helpers', 'helper', 'types', 'common', 'misc'];
/** Kebab-case parts with dots between: `local-log.ts`, `tidy.test.ts`. */
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

export const tellingNames: Rule = {
  claim: 'no file has a name that says nothing',
  cure: 'name it after the concept in it; if there are several, split it',
  find(repository) {
    return filesOfRooms(repository)
      .filter((file) => sayNothing.includes(fileName(file.path).replace(/(\.test)?\.[a-z]+$/, '')))
      .map((file): Finding => ({ path: file.path, line: 1, what: `is called ${fileName(file.path)}` }));
  },
};

export const kebabNames: Rule = {
  claim: 'files and folders are named in kebab-case',
  cure: 'rename it with git mv: lower-case words, joined by hyphens',
  find(repository) {
    return filesOfRooms(repository)
      .filter((file) => fileName(file.path) !== 'README.md')
      .filter((file) => !file.path.split('/').every((part) => kebabCase.test(part)))
      .map((file): Finding => ({ path: file.path, line: 1, what: 'is not kebab-case' }));
  },
};

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
