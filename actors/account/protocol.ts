/** The account actor: who may log in. Key: the account id, which never changes. Hashing is the asker's work, off the core. */
import { defineActor } from '../../runtime/actor/actor.ts';

export type Scope = 'mail' | 'submit' | 'api' | 'all';

export interface Credential {
  readonly id: string;
  readonly kind: 'password' | 'appPassword' | 'token';
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** argon2id in PHC string form; of a token, whose secret nobody can guess, `$sha256$…` too (`token.ts`). */
  readonly hash: string;
  readonly createdMs: number;
  /** null: never. */
  readonly expiresMs: number | null;
}

/** What operators and the owner may see of it. */
export type ListedCredential = Omit<Credential, 'hash'>;

export interface AccountFacts {
  readonly exists: boolean;
  readonly accountId: string;
  readonly address: string;
  readonly mailboxId: string;
  readonly displayName: string;
  readonly enabled: boolean;
  readonly createdMs: number;
  /** A copy of each mail that it submits goes into its folder `Sent`. */
  readonly savesSent: boolean;
}

export type AccountCommand =
  /** Creates it, or repeats an equal creation (then nothing changes, the credential neither). */
  | {
      readonly kind: 'create';
      readonly address: string;
      readonly mailboxId: string;
      readonly displayName: string;
      readonly credential: Omit<Credential, 'id' | 'createdMs'> | null;
    }
  /** Adds one; `replaceKind` drops all others of its kind first (a new password). */
  | {
      readonly kind: 'addCredential';
      readonly credential: Omit<Credential, 'id' | 'createdMs'>;
      readonly replaceKind: boolean;
    }
  | { readonly kind: 'removeCredential'; readonly credentialId: string }
  | { readonly kind: 'setEnabled'; readonly enabled: boolean }
  | { readonly kind: 'setSavesSent'; readonly savesSent: boolean }
  /**
   * A request under a key of the client's own (`request-keys.ts`). `key` and `payloadHash` are digests. Refused with
   * `requestKeyReused` when the key stands for another payload, for a day.
   */
  | { readonly kind: 'beginRequest'; readonly key: string; readonly payloadHash: string }
  | { readonly kind: 'finishRequest'; readonly key: string; readonly mailId: string }
  | { readonly kind: 'releaseRequest'; readonly key: string }
  | { readonly kind: 'remove' };

export type AccountQuery =
  | { readonly kind: 'facts' }
  /**
   * For `authenticate`: enabled, unexpired credentials that have the scope (null: any) and an argon2id hash. Never leaves
   * the server.
   */
  | { readonly kind: 'credentials'; readonly scope: Scope | null }
  /** The one that a token names, enabled and unexpired; null else. Never leaves the server. */
  | { readonly kind: 'credential'; readonly credentialId: string }
  /** All of them, also those that are expired or of a disabled account. */
  | { readonly kind: 'credentialList' };

export interface AccountAnswers {
  create: { readonly created: boolean };
  addCredential: { readonly credentialId: string };
  removeCredential: { readonly removed: boolean };
  setEnabled: Record<string, never>;
  setSavesSent: Record<string, never>;
  /** `seed` and `atMs` are the same at every repetition; `mailId` is null until the request is finished. */
  beginRequest: {
    readonly isNew: boolean;
    readonly seed: string;
    readonly atMs: number;
    readonly mailId: string | null;
  };
  /** The id that was told first. */
  finishRequest: { readonly mailId: string };
  releaseRequest: Record<string, never>;
  remove: { readonly removed: boolean };
  facts: AccountFacts;
  credentials: readonly Credential[];
  credential: Credential | null;
  credentialList: readonly ListedCredential[];
}

export interface AccountProtocol {
  command: AccountCommand;
  query: AccountQuery;
  notice: never;
  answers: AccountAnswers;
}

export const accounts = defineActor<AccountProtocol>('account');
