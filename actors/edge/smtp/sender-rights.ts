/**
 * What an account that has logged in may do: send, while it is enabled, as its own addresses.
 *
 * Leaves to others: whose an address is (`routing/own-address.ts`).
 */
import { accounts } from '../../account/protocol.ts';
import { authorsOf } from '../../mail/authors.ts';
import { leadsTo } from '../../routing/own-address.ts';
import type { Account, Edge } from './dialogue.ts';
import { refusalReply, type Reply, replies } from './replies.ts';

/** The reply that refuses it, with the cure; null when it is the account's. @throws {OperationError} cannot say now */
export async function senderRefusal(edge: Edge, account: Account, sender: string): Promise<Reply | null> {
  return (await leadsTo(edge.router, sender, account.facts.mailboxId)) ? null : notYours('The sender', sender, account);
}

/** RFC 6409 §6.1: what readers see must be the account's too. */
export async function authorRefusal(edge: Edge, account: Account, bytes: Uint8Array): Promise<Reply | null> {
  const { from, sender } = authorsOf(bytes);
  if (from === null || sender === null) return replies.malformedAuthors;
  const authors = [...from.map((address) => ['From', address] as const), ...sender.map((a) => ['Sender', a] as const)];
  // Each address once: a list of a thousand times the same is one question.
  const owned = new Map<string, Promise<boolean>>();
  for (const [, address] of authors) {
    if (!owned.has(address)) owned.set(address, leadsTo(edge.router, address, account.facts.mailboxId));
    if (owned.size > authorsMax) return replies.malformedAuthors;
  }
  await Promise.all(owned.values());
  for (const [field, address] of authors) {
    if (!(await owned.get(address))) return notYours(field, address, account);
  }
  return null;
}

/** The account as it is now; null when it has been disabled or removed since. @throws {OperationError} cannot say now */
export async function freshAccount({ core, limits }: Edge, account: Account): Promise<Account | null> {
  const options = { principal: account.principal, timeoutMs: limits.queryMsMax };
  const facts = await core.query(accounts.ref(account.facts.accountId), { kind: 'facts' }, options);
  return facts.enabled ? { ...account, facts } : null;
}

/** More authors than any mail has; each costs questions to the core. */
const authorsMax = 20;

function notYours(what: string, address: string, { facts }: Account): Reply {
  const cure = `Use ${facts.address}, or have an operator make it an alias of yours`;
  return refusalReply(550, '5.7.1', `${what} ${address.slice(0, 320)} is not an address of this account. ${cure}`);
}
