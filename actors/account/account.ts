/**
 * The account actor: who may log in, and with what.
 *
 * Leaves to others: hashing and comparing, which cost more time than a turn has (the asker does it, off the core).
 */
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import { isKeyText } from '../../runtime/store/keys.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import type {
  AccountAnswers,
  AccountCommand,
  AccountFacts,
  AccountProtocol,
  AccountQuery,
  Credential,
  Scope,
} from './protocol.ts';
import { beginRequest, finishRequest, forgetRequests, releaseRequest } from './request-keys.ts';
import { isTokenHash } from './token.ts';

/** `savesSent` is missing in rows from before there was submission. */
type AccountRow = Omit<AccountFacts, 'exists' | 'accountId' | 'savesSent'> & Partial<Pick<AccountFacts, 'savesSent'>>;
type NewCredential = Omit<Credential, 'id' | 'createdMs'>;

const accountKey = ['f'];
const credentialKey = (id: string): readonly string[] => ['k', id];

/** Each is tried in turn at a login, and trying one is slow by design. */
const credentialsMax = 100;
const labelCharactersMax = 256;

const commands: CommandTable<Turn, AccountCommand, AccountAnswers> = {
  create(turn, { address, mailboxId, displayName, credential }) {
    const there = turn.get<AccountRow>(accountKey);
    if (there !== undefined) {
      if (there.address === address && there.mailboxId === mailboxId) return { created: false };
      throw refused('accountExists', `this account exists, as ${there.address}`);
    }
    turn.put(accountKey, {
      address,
      mailboxId,
      displayName,
      enabled: true,
      createdMs: turn.nowMs,
    } satisfies AccountRow);
    if (credential !== null) keep(turn, credential);
    return { created: true };
  },

  addCredential(turn, { credential, replaceKind }) {
    accountOf(turn);
    const others = credentialsOf(turn);
    const replaced = replaceKind ? others.filter(({ kind }) => kind === credential.kind) : [];
    if (others.length - replaced.length >= credentialsMax) {
      throw refused('tooManyCredentials', `an account has at most ${credentialsMax} credentials; remove one first`);
    }
    for (const { id } of replaced) turn.delete(credentialKey(id));
    return { credentialId: keep(turn, credential) };
  },

  removeCredential(turn, { credentialId }) {
    accountOf(turn);
    const key = credentialKey(credentialId);
    // Ids are made here; a text that can be no part of a key is none of them.
    if (!isKeyText(credentialId) || turn.get(key) === undefined) return { removed: false };
    turn.delete(key);
    return { removed: true };
  },

  setEnabled(turn, { enabled }) {
    turn.put(accountKey, { ...accountOf(turn), enabled } satisfies AccountRow);
    return {};
  },

  setSavesSent(turn, { savesSent }) {
    turn.put(accountKey, { ...accountOf(turn), savesSent } satisfies AccountRow);
    return {};
  },

  beginRequest(turn, command) {
    accountOf(turn);
    return beginRequest(turn, command);
  },

  finishRequest,

  releaseRequest,

  remove(turn) {
    if (turn.get(accountKey) === undefined) return { removed: false };
    for (const { id } of credentialsOf(turn)) turn.delete(credentialKey(id));
    turn.delete(accountKey);
    return { removed: true };
  },
};

const queries: CommandTable<View, AccountQuery, AccountAnswers> = {
  facts(view) {
    const row = view.get<AccountRow>(accountKey);
    const accountId = view.key;
    const none = { address: '', mailboxId: '', displayName: '', enabled: false, createdMs: 0 };
    return { exists: row !== undefined, accountId, savesSent: false, ...(row ?? none) };
  },

  credentials(view, { scope }) {
    if (!view.get<AccountRow>(accountKey)?.enabled) return [];
    return credentialsOf(view).filter(
      (credential) =>
        hasScope(credential, scope) && !isExpired(credential, view.nowMs) && !isTokenHash(credential.hash),
    );
  },

  credential(view, { credentialId }) {
    if (!isKeyText(credentialId) || !view.get<AccountRow>(accountKey)?.enabled) return null;
    const credential = view.get<Credential>(credentialKey(credentialId));
    return credential === undefined || isExpired(credential, view.nowMs) ? null : credential;
  },

  credentialList: (view) => credentialsOf(view).map(({ hash: _kept, ...listed }) => listed),
};

export const account: ActorKind<AccountProtocol> = {
  kind: 'account',
  rowVersion: 1,
  command: (turn, command) => runCommand(commands, turn, command),
  query: (view, query) => runCommand(queries, view, query),
  timer: (turn) => forgetRequests(turn),
};

function accountOf(turn: Turn): AccountRow {
  const row = turn.get<AccountRow>(accountKey);
  if (row === undefined) throw refused('noSuchAccount', 'there is no such account');
  return row;
}

const credentialsOf = (view: View): Credential[] =>
  view.range<Credential>({ prefix: ['k'], limit: credentialsMax }).map(({ value }) => value);

function keep(turn: Turn, credential: NewCredential): string {
  const { kind, label, scopes, hash, expiresMs } = credential;
  // A password that came here in clear must not be stored, nor one under a hash that is quick to guess against.
  if (!hash.startsWith('$argon2id$') && !(kind === 'token' && isTokenHash(hash)))
    throw refused('badCredential', 'a credential is an argon2id hash in PHC form');
  if (scopes.length === 0) throw refused('badCredential', 'a credential has at least one scope');
  if (label.length > labelCharactersMax)
    throw refused('badCredential', `a label has at most ${labelCharactersMax} characters`);
  const id = turn.newId();
  turn.put(credentialKey(id), { id, kind, label, scopes, hash, createdMs: turn.nowMs, expiresMs } satisfies Credential);
  return id;
}

const hasScope = ({ scopes }: Credential, wanted: Scope | null): boolean =>
  wanted === null || scopes.includes(wanted) || scopes.includes('all');

const isExpired = ({ expiresMs }: Credential, nowMs: number): boolean => expiresMs !== null && expiresMs <= nowMs;
