/**
 * Which addresses an account may send as: those that lead to its own mailbox and to nobody else, its own one and further
 * ones alike, with a detail (`ann+lists@`) or without.
 *
 * Leaves to others: which addresses of a mail must be its own (From, Sender, the reverse-path), and the refusal's words.
 */
import type { AskOptions } from '../../runtime/actor/actor.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { parseSender } from '../mail/address.ts';
import { AddressLookup } from '../routing/lookup.ts';

/**
 * The first of `addresses` that is not the account's own, or is no address at all; null when all are.
 * @throws {OperationError} what the core answers when it cannot say
 */
export async function foreignAddress(
  core: CoreApi,
  accountId: string,
  addresses: readonly string[],
  options: AskOptions,
): Promise<string | null> {
  const lookup = new AddressLookup(core, options, null);
  const distinct = [...new Set(addresses)];
  const owned = await Promise.all(distinct.map((address) => isOwn(lookup, accountId, address)));
  return distinct.find((_, i) => !owned[i]) ?? null;
}

async function isOwn(lookup: AddressLookup, accountId: string, text: string): Promise<boolean> {
  try {
    const found = await lookup.find(parseSender(text));
    return found.kind === 'target' && found.target.type === 'mailbox' && found.target.accountId === accountId;
  } catch (error) {
    // What cannot be parsed is nobody's; a core that cannot answer is another matter.
    if (error instanceof OperationError && !error.transient) return false;
    throw error;
  }
}
