/**
 * Who may connect: at most so many in all, and so many from one client, so that a flood from one place leaves room for
 * the rest. A refusal costs a line and no session.
 */
import { clientOf } from '../../../runtime/base/client-network.ts';
import type { SmtpLimits } from './limits.ts';
import { type Reply, replies } from './replies.ts';

export class Admission {
  readonly #limits: SmtpLimits;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(limits: SmtpLimits) {
    this.#limits = limits;
  }

  /** Takes a place, or says why there is none. */
  enter(address: string): Reply | null {
    if (this.#total >= this.#limits.connectionsMax) return replies.tooManyConnections;
    const client = clientOf(address);
    const count = this.#byClient.get(client) ?? 0;
    if (count >= this.#limits.connectionsPerClientMax) return replies.tooManyFromClient;
    this.#byClient.set(client, count + 1);
    this.#total++;
    return null;
  }

  leave(address: string): void {
    const client = clientOf(address);
    const count = this.#byClient.get(client) ?? 0;
    if (count <= 1) this.#byClient.delete(client);
    else this.#byClient.set(client, count - 1);
    this.#total--;
  }
}
