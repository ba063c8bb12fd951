/** The table of actors: kind -> what runs it. To add a kind, add a folder with its `protocol.ts` and a row here. */
import type { ActorKind } from '../runtime/actor/actor.ts';
import { account } from './account/account.ts';
import { address } from './address/address.ts';
import { deliveryDomain } from './delivery-domain/delivery-domain.ts';
import { localDomain } from './local-domain/local-domain.ts';
import { mailbox } from './mailbox/mailbox.ts';
import { settings } from './settings/settings.ts';
import { spool } from './spool/spool.ts';

export const kinds: ReadonlyMap<string, ActorKind> = new Map<string, ActorKind>(
  [account, address, deliveryDomain, localDomain, mailbox, settings, spool].map((kind) => [
    kind.kind,
    kind as ActorKind,
  ]),
);
