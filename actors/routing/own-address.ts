/**
 * Whose an address is: one may send as every address that leads to one's own mailbox, also together with others (an
 * alias), also with a detail.
 */
import { OperationError } from '../../runtime/base/errors.ts';
import { parseSender } from '../mail/address.ts';
import type { Router } from './router.ts';

/** False for what is no address. @throws {OperationError} what the core answers when it cannot say */
export async function leadsTo(router: Router, text: string, mailboxId: string): Promise<boolean> {
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
