/**
 * Maildir names: the flags of a mail stand in its file's name (`…:2,FS`), a folder is a directory `.Work.2024` beside
 * `cur/` and `new/` (Maildir++).
 *
 * Leaves to others: reading and writing the files (`mail-source.ts`, `mail-target.ts`). Keywords have no letters that
 * two programs agree on, so they stay behind; `$Forwarded` has one (P).
 */

/** https://cr.yp.to/proto/maildir.html */
const letters = [
  ['D', '\\Draft'],
  ['F', '\\Flagged'],
  ['P', '$Forwarded'],
  ['R', '\\Answered'],
  ['S', '\\Seen'],
  ['T', '\\Deleted'],
] as const;

export function parseMaildirFlags(fileName: string): readonly string[] {
  const info = /:2,([A-Za-z]*)$/.exec(fileName)?.[1] ?? '';
  return letters
    .filter(([letter]) => info.includes(letter))
    .map(([, flag]) => flag)
    .sort();
}

/** Letters in ASCII order, as the format demands. */
export function formatMaildirInfo(flags: readonly string[]): string {
  const info = letters
    .filter(([, flag]) => flags.includes(flag))
    .map(([letter]) => letter)
    .join('');
  return `:2,${info}`;
}

/** `Work/2024` -> `.Work.2024`; INBOX is the Maildir itself. A dot in a name becomes %2E. */
export function maildirFolder(folder: string): string {
  if (folder === 'INBOX') return '.';
  return `.${folder
    .split('/')
    .map((part) => escapePart(part).replaceAll('.', '%2E'))
    .join('.')}`;
}

/** Undoes `maildirFolder`; null for a directory that is no folder. */
export function folderOfMaildir(directory: string): string | null {
  if (!/^\.[^.]/.test(directory)) return null;
  return directory.slice(1).split('.').map(unescapePart).join('/');
}

/** A part of a folder's name as the name of a file: nothing in it can lead to another directory. */
export function escapePart(part: string): string {
  return part.replace(
    /[%/\\\u0000-\u001f\u007f]|^\./g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

export function unescapePart(part: string): string {
  return part.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
