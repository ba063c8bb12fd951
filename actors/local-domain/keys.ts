/**
 * The DKIM keys of a domain: part of the local-domain actor.
 *
 * Promises: at most one key of an algorithm signs, so that a mail has two signatures at most; a key that signs is not
 * removed.
 * Leaves to others: making keys and signing (`dkim/`), the records in the DNS (`admin/dns.ts`).
 */
import type { Turn, View } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import type { CommandTable } from '../command-table.ts';
import type {
  DkimKeyFacts,
  DkimKeyState,
  LocalDomainAnswers,
  LocalDomainCommand,
  LocalDomainQuery,
  NewDkimKey,
} from './protocol.ts';

type KeyCommand = Extract<LocalDomainCommand, { readonly kind: 'addKeys' | 'setKeyState' | 'removeKey' }>;
type KeyQuery = Extract<LocalDomainQuery, { readonly kind: 'signingKeys' | 'keys' }>;
type KeyRow = DkimKeyFacts & Pick<NewDkimKey, 'privateKeyPem'>;

const keyKey = (selector: string): readonly string[] => ['k', selector];

/** Two of each rotation: years of rotations that nobody tidied up. */
const keysMax = 64;
/** RFC 6376 §3.1: one or several labels; ours are one. */
const selectorForm = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** RSA of 4,096 bits: 736 characters in public, 3,272 in private. */
const publicKeyForm = /^[A-Za-z0-9+/]{43,2048}={0,2}$/;
const privateKeyCharactersMax = 8_192;

export const keyCommands: CommandTable<Turn, KeyCommand, LocalDomainAnswers> = {
  addKeys(turn, { keys, state }) {
    const added: string[] = [];
    const retired: string[] = [];
    for (const key of keys) {
      requireKey(key);
      if (turn.get(keyKey(key.selector)) !== undefined) continue;
      if (rowsOf(turn).length >= keysMax) throw tooManyKeys(turn.key);
      if (state === 'active') retired.push(...retireOthers(turn, key));
      const { selector, algorithm, privateKeyPem, publicKeyBase64 } = key;
      const times = { createdMs: turn.nowMs, sinceMs: turn.nowMs };
      put(turn, { selector, algorithm, privateKeyPem, publicKeyBase64, state, ...times });
      added.push(selector);
    }
    return { added, retired };
  },

  setKeyState(turn, { selector, state }) {
    const key = turn.get<KeyRow>(keyKey(selector));
    if (key === undefined) throw noSuchKey(turn.key, selector);
    if (key.state === state) return { changed: false, retired: [] };
    const retired = state === 'active' ? retireOthers(turn, key) : [];
    become(turn, key, state);
    return { changed: true, retired };
  },

  removeKey(turn, { selector }) {
    const key = turn.get<KeyRow>(keyKey(selector));
    if (key === undefined) return { removed: false };
    if (key.state === 'active') throw keyActive(turn.key, selector);
    turn.delete(keyKey(selector));
    return { removed: true };
  },
};

export const keyQueries: CommandTable<View, KeyQuery, LocalDomainAnswers> = {
  signingKeys(view) {
    const active = rowsOf(view).filter(({ state }) => state === 'active');
    return { keys: active.map(({ selector, algorithm, privateKeyPem }) => ({ selector, algorithm, privateKeyPem })) };
  },

  keys(view) {
    const keys = rowsOf(view).map(factsOf);
    keys.sort((a, b) => b.createdMs - a.createdMs || (a.selector < b.selector ? -1 : 1));
    return { keys };
  },
};

/** Goes with the domain. */
export function deleteKeys(turn: Turn): void {
  for (const { selector } of rowsOf(turn)) turn.delete(keyKey(selector));
}

const rowsOf = (view: View): KeyRow[] =>
  view.range<KeyRow>({ prefix: ['k'], limit: keysMax }).map(({ value }) => value);

/** Named one by one, so that nothing secret gets out with what a later version adds. */
function factsOf({ selector, algorithm, publicKeyBase64, state, createdMs, sinceMs }: KeyRow): DkimKeyFacts {
  return { selector, algorithm, publicKeyBase64, state, createdMs, sinceMs };
}

function put(turn: Turn, key: KeyRow): void {
  turn.put(keyKey(key.selector), key);
}

function become(turn: Turn, key: KeyRow, state: DkimKeyState): void {
  put(turn, { ...key, state, sinceMs: turn.nowMs });
}

/** Selectors of the keys that signed with its algorithm until now. */
function retireOthers(turn: Turn, { selector, algorithm }: NewDkimKey): string[] {
  const others = rowsOf(turn).filter(
    (key) => key.state === 'active' && key.algorithm === algorithm && key.selector !== selector,
  );
  for (const key of others) become(turn, key, 'retired');
  return others.map((key) => key.selector);
}

function requireKey({ selector, privateKeyPem, publicKeyBase64 }: NewDkimKey): void {
  const isSound =
    selectorForm.test(selector) &&
    publicKeyForm.test(publicKeyBase64) &&
    privateKeyPem.startsWith('-----BEGIN PRIVATE KEY-----') &&
    privateKeyPem.length <= privateKeyCharactersMax;
  if (!isSound) {
    throw refused(
      'badKey',
      'a DKIM key has a label for a selector, a PKCS #8 private key in PEM, a public one in base64',
    );
  }
}

const noSuchKey = (domain: string, selector: string) =>
  refused('noSuchKey', `${domain} has no DKIM key "${selector}". Cure: ringpost dkim list ${domain}`);

const keyActive = (domain: string, selector: string) =>
  refused(
    'keyActive',
    `${selector} signs the mail of ${domain}. Cure: activate another key, or ringpost dkim retire ${domain} ${selector}; ` +
      'leave its record in the DNS for a week, then remove the key',
  );

const tooManyKeys = (domain: string) =>
  refused(
    'tooManyKeys',
    `${domain} has ${keysMax} DKIM keys. Cure: ringpost dkim list ${domain}, then ringpost dkim remove ${domain} SELECTOR`,
  );
