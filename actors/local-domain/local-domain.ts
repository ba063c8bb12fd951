/**
 * The local-domain actor: a domain that we receive for.
 *
 * Promises: `postmaster` leads somewhere from the first account on (RFC 5321 §4.5.1), as long as an account is left.
 * Leaves to others: where each address goes (`address/`), the list of all domains (`settings/`).
 */
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import { isKeyText } from '../../runtime/store/keys.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { parseAddress, parseDomain } from '../mail/address.ts';
import { deleteKeys, keyCommands, keyQueries } from './keys.ts';
import type {
  DomainAddress,
  DomainPolicy,
  LocalDomainAnswers,
  LocalDomainCommand,
  LocalDomainProtocol,
  LocalDomainQuery,
} from './protocol.ts';

const policyKey = ['p'];
const addressKey = (address: string): readonly string[] => ['a', address];
/** Addresses that are accounts, so that the next postmaster is found without passing all aliases. */
const accountKey = (address: string): readonly string[] => ['u', address];

const addressesPerPageMax = 1000;
/** No normalised address is longer (`mail/address.ts`). */
const afterCharactersMax = 320;
const tenantCharactersMax = 128;

const firstPolicy: DomainPolicy = { catchAll: null, postmaster: null, detailSeparator: '+', tenant: null };

const commands: CommandTable<Turn, LocalDomainCommand, LocalDomainAnswers> = {
  create(turn, { policy }) {
    if (parseDomain(turn.key) !== turn.key) throw refused('badDomain', 'a domain is lower-case, in A-labels');
    if (turn.get(policyKey) !== undefined) return { created: false };
    turn.put(policyKey, withChanges(firstPolicy, policy));
    return { created: true };
  },

  setPolicy(turn, { policy }) {
    const next = withChanges(policyOf(turn), policy);
    turn.put(policyKey, next);
    return next;
  },

  remove(turn) {
    if (turn.get(policyKey) === undefined) return { removed: false };
    const [first] = turn.range({ prefix: ['a'], limit: 1 });
    if (first !== undefined) {
      throw refused('domainInUse', `${turn.key} still has addresses, such as ${first.key[1]}; remove those first`);
    }
    turn.delete(policyKey);
    deleteKeys(turn);
    return { removed: true };
  },

  reserve(turn, { address, type }) {
    const policy = policyOf(turn);
    const { normalised, domain } = parseAddress(address);
    if (domain !== turn.key) throw refused('wrongDomain', `${normalised} is not an address of ${turn.key}`);
    const there = turn.get<DomainAddress>(addressKey(normalised));
    if (there !== undefined) return { entry: there, isNew: false };
    const isAccount = type === 'account';
    const ids = isAccount ? { accountId: turn.newId(), mailboxId: turn.newId() } : { accountId: null, mailboxId: null };
    const entry: DomainAddress = { address: normalised, type, ...ids };
    turn.put(addressKey(normalised), entry);
    if (isAccount) turn.put(accountKey(normalised), true);
    if (isAccount && policy.postmaster === null) turn.put(policyKey, { ...policy, postmaster: normalised });
    return { entry, isNew: true };
  },

  forget(turn, { address }) {
    const policy = policyOf(turn);
    const { normalised } = parseAddress(address);
    if (turn.get(addressKey(normalised)) === undefined) return { forgotten: false };
    turn.delete(addressKey(normalised));
    turn.delete(accountKey(normalised));
    if (policy.postmaster === normalised) turn.put(policyKey, { ...policy, postmaster: firstAccount(turn) });
    return { forgotten: true };
  },

  ...keyCommands,

  addKeys(turn, command) {
    // Keys of a domain that is not ours would stay behind for ever.
    policyOf(turn);
    return keyCommands.addKeys(turn, command);
  },
};

const queries: CommandTable<View, LocalDomainQuery, LocalDomainAnswers> = {
  policy(view) {
    const policy = view.get<DomainPolicy>(policyKey);
    return { exists: policy !== undefined, policy: policy ?? firstPolicy };
  },

  addresses(view, { after, limit }) {
    const rowsMax = Math.max(1, Math.min(addressesPerPageMax, limit));
    // Whoever asks may begin anywhere, not only behind an address that is there.
    if (after !== null && (after.length > afterCharactersMax || !isKeyText(after))) {
      throw refused('badAddress', 'a page begins behind an address');
    }
    const from = after === null ? {} : { from: addressKey(after) };
    const rows = view.range<DomainAddress>({ prefix: ['a'], ...from, limit: rowsMax });
    const next = rows.length < rowsMax ? null : (rows.at(-1)?.value.address ?? null);
    return { addresses: rows.map(({ value }) => value), next };
  },

  ...keyQueries,
};

export const localDomain: ActorKind<LocalDomainProtocol> = {
  kind: 'local-domain',
  rowVersion: 1,
  command: (turn, command) => runCommand(commands, turn, command),
  query: (view, query) => runCommand(queries, view, query),
};

function policyOf(turn: Turn): DomainPolicy {
  const policy = turn.get<DomainPolicy>(policyKey);
  if (policy === undefined) throw refused('noSuchDomain', `${turn.key} is not a local domain; add it first`);
  return policy;
}

function firstAccount(turn: Turn): string | null {
  const [first] = turn.range({ prefix: ['u'], limit: 1 });
  return first === undefined ? null : String(first.key[1]);
}

/** @throws {OperationError} `badPolicy`, and what `parseAddress` throws */
function withChanges(policy: DomainPolicy, changes: Partial<DomainPolicy>): DomainPolicy {
  const { catchAll, postmaster, detailSeparator, tenant } = { ...policy, ...changes };
  // RFC 5233 §4: any character will do, but one that a local part may hold without quotes and that names do not use.
  if (detailSeparator !== null && !/^[-+=_#.]$/.test(detailSeparator)) {
    throw refused('badPolicy', 'the separator of details is one of - + = _ # . or none');
  }
  if (tenant !== null && (tenant === '' || tenant.length > tenantCharactersMax)) {
    throw refused('badPolicy', `a tenant has 1 to ${tenantCharactersMax} characters, or is none`);
  }
  return { catchAll: normalised(catchAll), postmaster: normalised(postmaster), detailSeparator, tenant };
}

const normalised = (address: string | null): string | null =>
  address === null ? null : parseAddress(address).normalised;
