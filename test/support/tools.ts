/**
 * Tools of the machine that a test needs: a test is skipped by name where one is missing, but never in CI.
 *
 *     void test('swaks: a mail goes through', requiresTool('swaks'), async () => { … });
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Tool -> Debian package. `.ci/run` installs all of these. */
const packageOf = {
  curl: 'curl',
  faketime: 'faketime',
  ip: 'iproute2',
  opendkim: 'opendkim',
  postfix: 'postfix',
  ps: 'procps',
  python3: 'python3',
  'smtp-sink': 'postfix',
  'smtp-source': 'postfix',
  ss: 'iproute2',
  strace: 'strace',
  swaks: 'swaks',
} as const;

export type Tool = keyof typeof packageOf;

/** For a test's options: `{ skip: 'needs swaks: apt-get install swaks' }`, or nothing to skip. */
export interface SkipOption {
  readonly skip?: string;
}

/** @throws {Error} when one is missing and this is CI, which installs them all */
export function requiresTool(...tools: readonly Tool[]): SkipOption {
  return skipUnless(tools, findTool, process.env['CI'] === 'true');
}

/** The decision alone, for its test. */
export function skipUnless(tools: readonly Tool[], find: (tool: Tool) => string | null, isCi: boolean): SkipOption {
  const missing = tools.filter((tool) => find(tool) === null);
  if (missing.length === 0) return {};
  const packages = [...new Set(missing.map((tool) => packageOf[tool]))].join(' ');
  const skip = `needs ${missing.join(', ')}: apt-get install ${packages}`;
  if (isCi) throw new Error(`CI installs all tools and skips nothing, but this ${skip}`);
  return { skip };
}

/** Where a tool is, or null. Debian's `sbin` folders count too: a plain user has them not on the path. */
export function findTool(tool: Tool): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const paths = folders.filter((folder) => folder !== '').map((folder) => join(folder, tool));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
