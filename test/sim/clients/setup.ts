/** Who there is: one local domain with its mailboxes, an alias, a forward, and domains elsewhere. */
import { addresses, type AddressTarget } from '../../../actors/address/protocol.ts';
import { localDomains } from '../../../actors/local-domain/protocol.ts';
import { mailboxes } from '../../../actors/mailbox/protocol.ts';
import { clusterSettings } from '../../../actors/settings/protocol.ts';
import type { AskOptions } from '../../../runtime/actor/actor.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import type { SimWorld } from '../world/sim-world.ts';

export const hereDomain = 'here.example';
export const remoteDomains = ['there.example', 'beyond.example'];
export const aliasAddress = `team@${hereDomain}`;
export const forwardAddress = `moved@${hereDomain}`;
export const forwardTarget = 'me@beyond.example';

export const asOperator: AskOptions = { principal: { kind: 'operator', id: 'sim' }, timeoutMs: 20_000 };

export const mailboxIdOf = (index: number): string => `box${index}`;
export const addressOf = (index: number): string => `user${index}@${hereDomain}`;
export const indexOfAddress = (address: string): number => Number(/^user(\d+)@/.exec(address)?.[1] ?? -1);

export async function setUp(world: SimWorld): Promise<void> {
  const core: CoreApi = world.newCore('setup');
  const { mailboxes: count } = world.plan.mix;
  await core.ask(clusterSettings, { kind: 'addDomain', domain: hereDomain }, asOperator);
  const policy = { catchAll: null, postmaster: null, detailSeparator: '+', tenant: null };
  await core.ask(localDomains.ref(hereDomain), { kind: 'create', policy }, asOperator);
  const claim = (address: string, target: AddressTarget) =>
    core.ask(addresses.ref(address), { kind: 'claim', target }, asOperator);
  for (let i = 0; i < count; i++) {
    const mailboxId = mailboxIdOf(i);
    await core.ask(mailboxes.ref(mailboxId), { kind: 'create', accountId: mailboxId, quotaBytes: 0 }, asOperator);
    await claim(addressOf(i), { type: 'mailbox', mailboxId, accountId: mailboxId, primary: true });
  }
  await claim(aliasAddress, { type: 'alias', targets: [addressOf(0), addressOf(1)] });
  await claim(forwardAddress, { type: 'forward', targets: [forwardTarget], keepIn: mailboxIdOf(0) });
}
