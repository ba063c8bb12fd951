/**
 * What an account that has logged in may do: send, while it is enabled, as its own addresses.
 *
 * Leaves to others: whose an address is (`routing/own-address.ts`).
 */
import { accounts } from '../../account/protocol.ts';
import type { Authors } from '../../mail/authors.ts';
import { foreignAddress } from '../../routing/own-address.ts';
import type { Account, Edge } from './dialogue.ts';
import { refusalReply, type Reply, replies } from './replies.ts';

/** The reply that refuses it, with the cure; null when it is the account's. @throws {OperationError} cannot say now */
export async function senderRefusal(edge: Edge, account: Account, sender: string): Promise<Reply | null> {
  const foreign = await foreignAddress(edge.router, account.facts.mailboxId, [sender]);
  return foreign === null ? null : notYours('The sender', sender, account);
}

/** RFC 6409 §6.1: what readers see must be the account's too. @throws {OperationError} cannot say now */
export async function authorRefusal(edge: Edge, account: Account, authors: Authors): Promise<Reply | null> {
  const { from, sender, resent } = authors;
  if (from === null || sender === null || resent === null) return replies.malformedAuthors;
  const foreign = await foreignAddress(edge.router, account.facts.mailboxId, [...from, ...sender, ...resent]);
  if (foreign === null) return null;
  const field = from.includes(foreign) ? 'From' : sender.includes(foreign) ? 'Sender' : 'Resent-From or Resent-Sender';
  return notYours(field, foreign, account);
}

/**
 * The account as it is now; null when it has been disabled or removed since, or the credential that it came with has been
 * removed or is expired. Both in one round trip, or none when that was asked a moment ago.
 * @throws {OperationError} cannot say now
 */
export async function freshAccount(edge: Edge, account: Account): Promise<Account | null> {
  const { core, limits, knownAccounts } = edge;
  const known = knownAccounts.get(account);
  if (known !== null) return { ...account, facts: known.facts, credential: known.credential };
  const { changes } = knownAccounts;
  const options = { principal: account.principal, timeoutMs: limits.queryMsMax };
  const ref = accounts.ref(account.facts.accountId);
  const [facts, credential] = await Promise.all([
    core.query(ref, { kind: 'facts' } as const, options),
    core.query(ref, { kind: 'credential', credentialId: account.credential.id } as const, options),
  ]);
  if (!facts.enabled || credential === null) return null;
  const fresh = { ...account, facts, credential };
  knownAccounts.keep(fresh, changes);
  return fresh;
}

function notYours(what: string, address: string, { facts }: Account): Reply {
  const cure = `Use ${facts.address}, or have an operator make it an alias of yours`;
  return refusalReply(550, '5.7.1', `${what} ${address.slice(0, 320)} is not an address of this account. ${cure}`);
}
