/**
 * The settings actor: what holds for the whole cluster, who changed it, and the list of local domains.
 *
 * Leaves to others: what the settings are (`table.ts`), telling the edges of a change (the core publishes it).
 */
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { parseDomain } from '../mail/address.ts';
import { settingPatterns } from './patterns.ts';
import type { SettingChange, SettingsAnswers, SettingsCommand, SettingsProtocol, SettingsQuery } from './protocol.ts';
import { isSettingKey, type KnownSetting, parseSetting, settingOf, settingsTable } from './table.ts';

const settingKey = (key: string): readonly string[] => ['s', key];
const domainKey = (domain: string): readonly string[] => ['d', domain];
const historyKey = (number: number): readonly (string | number)[] => ['h', number];

const historyMax = 1000;
/** All are read at once, by every node. */
const domainsMax = 5000;
/** That are set, those of domains included: they travel together to every worker. */
const settingsMax = 5000;

/** Under which a change of the list of domains stands in the history. */
const domainsName = 'domains';

const commands: CommandTable<Turn, SettingsCommand, SettingsAnswers> = {
  set(turn, { key: given, value }) {
    const known = settingOf(given);
    const { key } = known;
    const after = value === null ? null : parseSetting(key, value).value;
    const before = turn.get<string>(settingKey(key)) ?? null;
    if (before !== after) change(turn, known, before, after);
    return { key, before: shown(known, before), after: shown(known, after), changed: before !== after };
  },

  seed(turn, { settings: asked }) {
    const seeded: string[] = [];
    const kept: { key: string; value: string | null }[] = [];
    const touched = new Set(
      turn.range<SettingChange>({ prefix: ['h'], limit: historyMax }).map(({ value }) => value.key),
    );
    for (const { key: given, value: text } of asked) {
      const { key, value } = parseSetting(given, text);
      const known = settingOf(key);
      const before = turn.get<string>(settingKey(key)) ?? null;
      if (before === value) continue;
      if (before === null && !touched.has(key)) {
        change(turn, known, null, value);
        seeded.push(key);
      } else kept.push({ key, value: shown(known, before) });
    }
    return { seeded, kept };
  },

  addDomain(turn, command) {
    const domain = parseDomain(command.domain);
    const others = turn.range({ prefix: ['d'], limit: domainsMax });
    if (others.some(({ key }) => key[1] === domain)) return {};
    if (others.length >= domainsMax)
      throw refused('tooManyDomains', `a cluster has at most ${domainsMax} local domains`);
    turn.put(domainKey(domain), true);
    remember(turn, domainsName, null, domain);
    return {};
  },

  removeDomain(turn, command) {
    const domain = parseDomain(command.domain);
    if (turn.get(domainKey(domain)) === undefined) return {};
    turn.delete(domainKey(domain));
    remember(turn, domainsName, domain, null);
    return {};
  },
};

const queries: CommandTable<View, SettingsQuery, SettingsAnswers> = {
  all(view, { withSecrets = false }) {
    const set = new Map(
      view.range<string>({ prefix: ['s'], limit: settingsMax }).map(({ key, value }) => [String(key[1]), value]),
    );
    const maySee = withSecrets && view.principal.kind === 'node';
    // A version that went may have known others.
    const keys = new Set([...Object.keys(settingsTable), ...[...set.keys()].filter(isSettingKey)]);
    return Object.fromEntries(
      [...keys].map((key) => {
        const known = settingOf(key);
        const value = set.get(key) ?? null;
        const text = maySee ? value : shown(known, value);
        return [key, { value: text ?? defaultOf(known), isDefault: value === null }];
      }),
    );
  },

  one(view, { key: given }) {
    const known = settingOf(given);
    const { key } = known;
    const value = view.get<string>(settingKey(key)) ?? null;
    if (value !== null) return { key, value: shown(known, value) ?? '', isDefault: false };
    const general = known.pattern?.fallsBackTo ?? null;
    if (general === null) return { key, value: defaultOf(known), isDefault: true };
    return { key, value: view.get<string>(settingKey(general)) ?? defaultOf(settingOf(general)), isDefault: true };
  },

  patterns: () => settingPatterns.map(({ name, does }) => ({ name, does })),

  /** Newest first. */
  history(view, { limit }) {
    const rows = view.range<SettingChange>({
      prefix: ['h'],
      limit: Math.max(1, Math.min(historyMax, limit)),
      reverse: true,
    });
    return rows.map(({ value }) => value);
  },

  domains(view) {
    return view.range({ prefix: ['d'], limit: domainsMax }).map(({ key }) => String(key[1]));
  },
};

export const settings: ActorKind<SettingsProtocol> = {
  kind: 'settings',
  rowVersion: 1,
  command: (turn, command) => runCommand(commands, turn, command),
  query: (view, query) => runCommand(queries, view, query),
};

function change(turn: Turn, known: KnownSetting, before: string | null, after: string | null): void {
  const { key } = known;
  if (after === null) turn.delete(settingKey(key));
  else turn.put(settingKey(key), after);
  // Those of the table are few.
  if (
    before === null &&
    known.pattern !== null &&
    turn.range({ prefix: ['s'], limit: settingsMax + 1 }).length > settingsMax
  ) {
    throw refused(
      'tooManySettings',
      `a cluster has at most ${settingsMax} settings that are set; set some back to --default`,
    );
  }
  remember(turn, key, shown(known, before), shown(known, after));
}

/** What others than the node itself may see of a value. */
function shown({ is }: KnownSetting, value: string | null): string | null {
  return is.isSecret !== true || value === null || value === '' ? value : 'set';
}

const defaultOf = (known: KnownSetting): string => (known.pattern === null ? known.byDefault : '');

function remember(turn: Turn, key: string, before: string | null, after: string | null): void {
  const [last] = turn.range({ prefix: ['h'], limit: 1, reverse: true });
  const number = last === undefined ? 1 : Number(last.key[1]) + 1;
  const by = `${turn.principal.kind}:${turn.principal.id}`;
  turn.put(historyKey(number), { key, before, after, atMs: turn.nowMs, by } satisfies SettingChange);
  turn.delete(historyKey(number - historyMax));
}
