/**
 * Whose an address is, for all edges: one may send as every address that leads to one's own mailbox, also together with
 * others (an alias), also with a detail (`ann+lists@`).
 *
 * Whoever has the catch-all of a domain may send as each address of it that nobody has: he gets its mail, and answers it
 * under the name that it came to. As an address that somebody has he may not.
 *
 * Leaves to others: which addresses of a mail must be the own (From, Sender, the reverse-path), and the refusal's words.
 */
import { OperationError } from '../../runtime/base/errors.ts';
import { parseSender } from '../mail/address.ts';
import type { Router } from './router.ts';

/** More than any mail has authors; each costs questions to the core. What is beyond counts as nobody's. */
const addressesMax = 20;

/**
 * The first of `addresses` that does not lead to the mailbox, or is no address at all; null when all do.
 * @throws {OperationError} what the core answers when it cannot say
 */
export async function foreignAddress(
  router: Router,
  mailboxId: string,
  addresses: readonly string[],
): Promise<string | null> {
  const distinct = [...new Set(addresses)];
  const asked = distinct.slice(0, addressesMax);
  const owned = await Promise.all(asked.map((address) => leadsTo(router, address, mailboxId)));
  return distinct.find((_, i) => owned[i] !== true) ?? null;
}

async function leadsTo(router: Router, text: string, mailboxId: string): Promise<boolean> {
  let address;
  try {
    address = parseSender(text);
  } catch (error) {
    if (error instanceof OperationError) return false;
    throw error;
  }
  const route = router.knownRoute(address) ?? (await router.route(address, true));
  return route.kind === 'taken' && route.mailboxIds.includes(mailboxId);
}
