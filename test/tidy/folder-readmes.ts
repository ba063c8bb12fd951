/** A folder that no longer fits in one glance has a map. */
import { filesOfRooms } from './repository.ts';
import type { Finding, Rule } from './rule.ts';

const filesWithoutReadmeMax = 5;

export const folderReadmes: Rule = {
  claim: `every folder with more than ${filesWithoutReadmeMax} files has a README.md that names each of them`,
  cure: 'write (or complete) README.md: one screen, one line a file, in reading order',
  find(repository) {
    return [...filesByFolder(filesOfRooms(repository))].flatMap(([folder, texts]): Finding[] => {
      const path = `${folder}/README.md`;
      const readme = texts.get('README.md');
      const names = [...texts.keys()].filter((name) => name !== 'README.md');
      if (names.length <= filesWithoutReadmeMax) return [];
      if (readme === undefined) return [{ path, line: 1, what: `is missing; ${folder}/ has ${names.length} files` }];
      const missing = names.filter((name) => !isNamed(readme, name));
      return missing.map((name) => ({ path, line: 1, what: `does not name ${name}` }));
    });
  },
};

/** Folder -> name -> text. */
function filesByFolder(files: readonly { path: string; text: string }[]): Map<string, Map<string, string>> {
  const folders = new Map<string, Map<string, string>>();
  for (const { path, text } of files) {
    const cut = path.lastIndexOf('/');
    const folder = folders.get(path.slice(0, cut)) ?? new Map<string, string>();
    folders.set(path.slice(0, cut), folder.set(path.slice(cut + 1), text));
  }
  return folders;
}

/** `log.ts` is not named by `local-log.ts`. */
function isNamed(readme: string, name: string): boolean {
  return new RegExp(`(?<![\\w.-])${name.replaceAll('.', '\\.')}(?![\\w-])`).test(readme);
}
