/** The address actor: where mail to one address goes. Its key is the normalised address (`mail/address.ts`). */
import { defineActor } from '../../runtime/actor/actor.ts';

export type AddressTarget =
  /** A mailbox here. `primary` is true for the account's own address. */
  | { readonly type: 'mailbox'; readonly mailboxId: string; readonly accountId: string; readonly primary: boolean }
  /** Other addresses, here or elsewhere, each resolved in its turn. */
  | { readonly type: 'alias'; readonly targets: readonly string[] }
  /** Sent on to addresses elsewhere, optionally with a copy kept in a mailbox. */
  | { readonly type: 'forward'; readonly targets: readonly string[]; readonly keepIn: string | null };

/** The mailbox that gets mail to it at once. */
export function mailboxBehind(target: AddressTarget): string | null {
  if (target.type === 'mailbox') return target.mailboxId;
  return target.type === 'forward' ? target.keepIn : null;
}

/** `full`: its mailbox is over quota, so RCPT answers 452. The mailbox tells the address when that changes. */
export type Resolution =
  | { readonly known: true; readonly target: AddressTarget; readonly full: boolean }
  | { readonly known: false };

export type AddressCommand =
  /** Creates the address, or repeats an equal creation. Refused with `addressExists` when it goes elsewhere. */
  | { readonly kind: 'claim'; readonly target: AddressTarget }
  /** Changes where an existing address goes. Refused with `noSuchAddress`. */
  | { readonly kind: 'retarget'; readonly target: AddressTarget }
  | { readonly kind: 'release' };

export type AddressQuery = { readonly kind: 'resolve' };

/** `mailboxId` tells who says so: a mailbox that the address does not lead to any more is not listened to. */
export type AddressNotice = { readonly kind: 'quota'; readonly full: boolean; readonly mailboxId: string };

export interface AddressAnswers {
  claim: { readonly created: boolean };
  retarget: Record<string, never>;
  release: { readonly released: AddressTarget | null };
  resolve: Resolution;
}

export interface AddressProtocol {
  command: AddressCommand;
  query: AddressQuery;
  notice: AddressNotice;
  answers: AddressAnswers;
}

export const addresses = defineActor<AddressProtocol>('address');
