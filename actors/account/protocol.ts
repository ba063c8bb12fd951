/** The account actor: who may log in. Key: the account id, which never changes. Hashing is the asker's work, off the core. */
import { defineActor } from '../../runtime/actor/actor.ts';

export type Scope = 'mail' | 'submit' | 'api' | 'all';

export interface Credential {
  readonly id: string;
  readonly kind: 'password' | 'appPassword' | 'token';
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** argon2id in PHC string form. */
  readonly hash: string;
  readonly createdMs: number;
  /** null: never. */
  readonly expiresMs: number | null;
}

export interface AccountFacts {
  readonly exists: boolean;
  readonly accountId: string;
  readonly address: string;
  readonly mailboxId: string;
  readonly displayName: string;
  readonly enabled: boolean;
  readonly createdMs: number;
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
  | { readonly kind: 'remove' };

export type AccountQuery =
  | { readonly kind: 'facts' }
  /** For `authenticate`: enabled, unexpired credentials that have the scope. Never leaves the server. */
  | { readonly kind: 'credentials'; readonly scope: Scope };

export interface AccountAnswers {
  create: { readonly created: boolean };
  addCredential: { readonly credentialId: string };
  removeCredential: { readonly removed: boolean };
  setEnabled: Record<string, never>;
  remove: { readonly removed: boolean };
  facts: AccountFacts;
  credentials: readonly Credential[];
}

export interface AccountProtocol {
  command: AccountCommand;
  query: AccountQuery;
  notice: never;
  answers: AccountAnswers;
}

export const accounts = defineActor<AccountProtocol>('account');
