/**
 * Settings of the cluster that a node is started with: `ringpost quickstart --set relay=127.0.0.1:2526`.
 *
 * Promises: such a value holds until somebody sets another one, and never comes back over it; a wrong one is refused
 * before the node makes anything.
 * Leaves to others: the keys of the node itself, which `--set` has too (`runtime/config/load.ts`).
 */
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { settingPatterns } from './patterns.ts';
import { clusterSettings, type SeededSetting } from './protocol.ts';
import { isSettingKey, parseSetting, settingsTable } from './table.ts';

export interface SplitSets {
  /** `key=value`, as they were given: for `loadConfig`, which refuses what nobody knows. */
  readonly node: readonly string[];
  readonly cluster: readonly SeededSetting[];
}

/** For "did you mean" among the keys of a node. */
export const settingNames: readonly string[] = [
  ...Object.keys(settingsTable),
  ...settingPatterns.map(({ name }) => name),
];

/** The later of two values for one key wins. @throws {OperationError} `badSetting` */
export function splitSets(sets: readonly string[]): SplitSets {
  const node: string[] = [];
  const cluster = new Map<string, string>();
  for (const set of sets) {
    const equals = set.indexOf('=');
    const name = set.slice(0, Math.max(0, equals)).trim();
    if (!isSettingKey(name)) {
      node.push(set);
      continue;
    }
    const { key, value } = parseSetting(name, set.slice(equals + 1));
    cluster.set(key, value);
  }
  return { node, cluster: [...cluster].map(([key, value]) => ({ key, value })) };
}

/** @param tell is told of each that was set before to something else, in words for the operator */
export async function seedSettings(
  core: Pick<CoreApi, 'ask'>,
  settings: readonly SeededSetting[],
  tell: (text: string) => void,
): Promise<void> {
  if (settings.length === 0) return;
  const principal = { kind: 'operator', id: '--set' } as const;
  const { kept } = await core.ask(clusterSettings, { kind: 'seed', settings }, { principal });
  for (const { key, value } of kept) {
    const now = value === null ? 'at its default' : value === '' ? 'at none' : `at "${value}"`;
    tell(
      `${key} stays ${now}: it was set before, and --set gives a first value only. To change it: ringpost set ${key}`,
    );
  }
}
