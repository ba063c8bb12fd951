/**
 * Which flags there are (RFC 9051 §2.3.2). \Recent is not among them: it was a fact of a session, and is no more.
 */
import { badFlag, tooManyFlags } from './refusals.ts';

const systemFlags = ['\\Answered', '\\Deleted', '\\Draft', '\\Flagged', '\\Seen'];
const flagsMax = 100;
/** RFC 9051 §9 flag-keyword is an atom. */
const keyword = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]{1,100}$/;

const lower = (flag: string): string => flag.toLowerCase();

/** Each once, in the right spelling, sorted. @throws {OperationError} `badFlag`, `tooManyFlags` */
export function normaliseFlags(flags: readonly string[]): readonly string[] {
  if (flags.length === 0) return flags;
  const known = new Map<string, string>();
  for (const flag of flags) {
    const folded = lower(flag);
    if (folded === '\\recent') continue;
    const spelling = flag.startsWith('\\') ? systemFlags.find((system) => lower(system) === folded) : flag;
    if (spelling === undefined || (spelling === flag && !flag.startsWith('\\') && !keyword.test(flag)))
      throw badFlag(flag);
    if (!known.has(folded)) known.set(folded, spelling);
  }
  if (known.size > flagsMax) throw tooManyFlags();
  return [...known.values()].sort();
}

/** What a message has after STORE; null when that is what it had. RFC 9051 §2.3.2: keywords are alike in any case. */
export function combineFlags(
  had: readonly string[],
  mode: 'add' | 'remove' | 'replace',
  given: readonly string[],
): readonly string[] | null {
  const names = new Set(given.map(lower));
  const kept = had.filter((flag) => (mode === 'add' ? true : names.has(lower(flag)) === (mode === 'replace')));
  const keptNames = new Set(kept.map(lower));
  const added = mode === 'remove' ? [] : given.filter((flag) => !keptNames.has(lower(flag)));
  if (added.length === 0 && kept.length === had.length) return null;
  const flags = [...kept, ...added].sort();
  if (flags.length > flagsMax) throw tooManyFlags();
  return flags;
}
