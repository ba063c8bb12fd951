/**
 * Who may connect to a listener: so many in all and so many from one client, so that a flood from one place leaves room
 * for the rest, and some more for this machine alone, so that its probes get through whatever comes from elsewhere.
 *
 * Leaves to others: bounding what comes through a proxy on this machine, whose clients all look like loopback.
 */
import { clientOf } from '../../../runtime/base/client-network.ts';
import { isLoopback } from './loopback.ts';

export interface PlaceLimits {
  /** Each is about 30 KB while nothing is asked. Of a listener, since one for probes shall not suffer for a public one. */
  readonly connectionsMax: number;
  /** An IPv4 address or an IPv6 /64. Loopback has no such bound. A proxy on another machine keeps fewer open. */
  readonly perClientMax: number;
  /** Beyond `connectionsMax`, for loopback. */
  readonly loopbackMore: number;
}

export const defaultPlaces: PlaceLimits = { connectionsMax: 1_000, perClientMax: 100, loopbackMore: 50 };

export class ConnectionPlaces {
  readonly #limits: PlaceLimits;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /** Takes a place and says how to give it back, once; null when there is none. */
  enter(address: string): (() => void) | null {
    const { connectionsMax, perClientMax, loopbackMore } = this.#limits;
    const isLocal = isLoopback(address);
    if (this.#total >= connectionsMax + (isLocal ? loopbackMore : 0)) return null;
    const client = clientOf(address);
    const count = this.#byClient.get(client) ?? 0;
    if (!isLocal && count >= perClientMax) return null;
    this.#byClient.set(client, count + 1);
    this.#total++;
    return () => this.#leave(client);
  }

  #leave(client: string): void {
    const count = this.#byClient.get(client) ?? 0;
    if (count <= 1) this.#byClient.delete(client);
    else this.#byClient.set(client, count - 1);
    this.#total--;
  }
}
