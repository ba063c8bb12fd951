/**
 * The settings actor: what holds for the whole cluster, who changed it, and the list of local domains.
 *
 * Leaves to others: what the settings are (`table.ts`), telling the edges of a change (the core publishes it).
 */
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { parseDomain } from '../mail/address.ts';
import type { SettingChange, SettingsAnswers, SettingsCommand, SettingsProtocol, SettingsQuery } from './protocol.ts';
import { parseSetting, settingOf, settingsTable } from './table.ts';

const settingKey = (key: string): readonly string[] => ['s', key];
const domainKey = (domain: string): readonly string[] => ['d', domain];
const historyKey = (number: number): readonly (string | number)[] => ['h', number];

const historyMax = 1000;
/** All are read at once, by every node. */
const domainsMax = 5000;

/** Under which a change of the list of domains stands in the history. */
const domainsName = 'domains';

const commands: CommandTable<Turn, SettingsCommand, SettingsAnswers> = {
  set(turn, { key, value }) {
    settingOf(key);
    const after = value === null ? null : parseSetting(key, value);
    const before = turn.get<string>(settingKey(key)) ?? null;
    if (before === after) return { before, after };
    if (after === null) turn.delete(settingKey(key));
    else turn.put(settingKey(key), after);
    remember(turn, key, before, after);
    return { before, after };
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
  all(view) {
    const set = new Map(view.range<string>({ prefix: ['s'], limit: 1000 }).map(({ key, value }) => [key[1], value]));
    return Object.fromEntries(
      Object.entries(settingsTable).map(([key, { byDefault }]) => {
        const value = set.get(key);
        return [key, { value: value ?? byDefault, isDefault: value === undefined }];
      }),
    );
  },

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

function remember(turn: Turn, key: string, before: string | null, after: string | null): void {
  const [last] = turn.range({ prefix: ['h'], limit: 1, reverse: true });
  const number = last === undefined ? 1 : Number(last.key[1]) + 1;
  const by = `${turn.principal.kind}:${turn.principal.id}`;
  turn.put(historyKey(number), { key, before, after, atMs: turn.nowMs, by } satisfies SettingChange);
  turn.delete(historyKey(number - historyMax));
}
