/** Sizes in bytes as people read and write them: powers of 1024, everywhere in the program. */
const sizeUnits = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `10.4 MiB`; below 1 KiB exact. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${sizeUnits[unit]}`;
}

/** `500M`, `2GiB`, `1073741824`, `none` (0: no limit). Null when it is not a size. */
export function parseSize(text: string): number | null {
  if (/^none$/i.test(text)) return 0;
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?$/i.exec(text.trim());
  if (match === null) return null;
  const power = match[2] === undefined ? 0 : 'KMGT'.indexOf(match[2].toUpperCase()) + 1;
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
