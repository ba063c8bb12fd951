/**
 * The settings actor: what holds for the whole cluster (plan §11), and the list of local domains.
 * One actor, key `cluster`. The table of settings with their schemas is `settings/table.ts`.
 */
import { type ActorRef, defineActor } from '../../runtime/actor/actor.ts';

/** Of a secret, `before` and `after` say only `set`. */
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
   * The answer has the canonical spellings (sizes in bytes, domains in A-labels), null for the default.
   */
  | { readonly kind: 'set'; readonly key: string; readonly value: string | null }
  /** What a node was started with (`--set`): sets those that nobody ever set. All are right, or none is set. */
  | { readonly kind: 'seed'; readonly settings: readonly SeededSetting[] }
  | { readonly kind: 'addDomain' | 'removeDomain'; readonly domain: string };

export type SettingsQuery =
  /**
   * All settings as they hold now: key -> text of the value, defaults included; those of a domain only where set.
   * Secrets come only when a `node` asks `withSecrets`; others read `set`, or '' when it is not.
   */
  | { readonly kind: 'all'; readonly withSecrets?: boolean }
  /** Refused with `unknownSetting` or `badSetting`. A domain's own setting that is not set: what holds for it then. */
  | { readonly kind: 'one'; readonly key: string }
  /** The settings that each domain may have one of. */
  | { readonly kind: 'patterns' }
  | { readonly kind: 'history'; readonly limit: number }
  | { readonly kind: 'domains' };

export interface SeededSetting {
  readonly key: string;
  readonly value: string;
}

export interface SettingsAnswers {
  set: {
    readonly key: string;
    readonly before: string | null;
    readonly after: string | null;
    readonly changed: boolean;
  };
  /** `kept`: set before to something else than was asked for, with the value that holds (null: the default). */
  seed: {
    readonly seeded: readonly string[];
    readonly kept: readonly { readonly key: string; readonly value: string | null }[];
  };
  addDomain: Record<string, never>;
  removeDomain: Record<string, never>;
  all: Readonly<Record<string, { readonly value: string; readonly isDefault: boolean }>>;
  one: { readonly key: string; readonly value: string; readonly isDefault: boolean };
  patterns: readonly { readonly name: string; readonly does: string }[];
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
