/** Spans of time as people write them; in the program they are milliseconds. */
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `4h`, `5d`, `500ms`; a bare number is milliseconds, `none` is 0. Null when it is not a duration. */
export function parseDuration(text: string): number | null {
  if (/^none$/i.test(text)) return 0;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?$/i.exec(text.trim());
  if (match === null) return null;
  const unit = (match[2] ?? 'ms').toLowerCase();
  const ms = Math.round(Number(match[1]) * (unitMs[unit === 'min' ? 'm' : unit] as number));
  return Number.isSafeInteger(ms) ? ms : null;
}
