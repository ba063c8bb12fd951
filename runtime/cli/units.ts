/** Numbers, times and untrusted text as people read them. Sizes are in `runtime/base/sizes.ts`. */

/** `12,345` */
export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** `1 mail`, `2 mails` */
export const formatPlural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** ISO 8601 in UTC, to the millisecond. */
export const formatTime = (ms: number): string => new Date(ms).toISOString();

/** `2 d 3 h`, `4 min 10 s`, `3 s`: the two largest units. */
export function formatDuration(ms: number): string {
  const parts: string[] = [];
  let seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/**
 * Text of a stranger, made safe for a terminal: control characters (which could move the cursor, set the title or
 * type a command) and bidirectional overrides become `\u….`.
 */
export function safeText(text: string, keep = ''): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) =>
    keep.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
