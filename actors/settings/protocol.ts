/**
 * The settings actor: what holds for the whole cluster (plan §11), and the list of local domains.
 * One actor, key `cluster`. The table of settings with their schemas is `settings/table.ts`.
 */
import { type ActorRef, defineActor } from '../../runtime/actor/actor.ts';

export interface SettingChange {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly atMs: number;
  readonly by: string;
}

export type SettingsCommand =
  /**
   * `value` null: back to the default. Refused with `unknownSetting` or `badSetting`, which name the cure.
   * The answer has the canonical spelling (sizes in bytes), null for the default.
   */
  | { readonly kind: 'set'; readonly key: string; readonly value: string | null }
  | { readonly kind: 'addDomain' | 'removeDomain'; readonly domain: string };

export type SettingsQuery =
  /** All settings as they hold now: key -> text of the value, defaults included. */
  { readonly kind: 'all' } | { readonly kind: 'history'; readonly limit: number } | { readonly kind: 'domains' };

export interface SettingsAnswers {
  set: { readonly before: string | null; readonly after: string | null };
  addDomain: Record<string, never>;
  removeDomain: Record<string, never>;
  all: Readonly<Record<string, { readonly value: string; readonly isDefault: boolean }>>;
  history: readonly SettingChange[];
  domains: readonly string[];
}

export interface SettingsProtocol {
  command: SettingsCommand;
  query: SettingsQuery;
  notice: never;
  answers: SettingsAnswers;
}

const settings = defineActor<SettingsProtocol>('settings');
export const clusterSettings: ActorRef<SettingsProtocol> = settings.ref('cluster');
