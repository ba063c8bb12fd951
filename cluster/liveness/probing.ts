/**
 * Whom to ping in a round: everybody in a small cluster; in a large one random members, as SWIM does, so that a node's
 * load stops growing with the cluster.
 *
 * Source: Das, Gupta, Motivala, "SWIM" (2002), §4.3: going through all members in random order, and then in another one,
 * bounds the time until each has been probed. Its indirect probes are left out: they could only clear a suspicion by
 * what a third node says, and nothing here rests on that.
 */
import type { Random } from '../../runtime/base/random.ts';
import { shuffled } from './chance.ts';
import type { Peer } from './peer.ts';
import type { LivenessSettings } from './settings.ts';

export class Probing {
  readonly #settings: LivenessSettings;
  readonly #random: Random;
  #order: Peer[] = [];

  constructor(settings: LivenessSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  /** @param claimsVersion of this node's claims: who does not hold it must learn it, whoever is drawn */
  round(peers: ReadonlyMap<unknown, Peer>, claimsVersion: number): Iterable<Peer> {
    // This node is a member too.
    const eachRound = this.#settings.pingAllMembersMax - 1;
    if (peers.size <= eachRound) return peers.values();
    const picked = new Set<Peer>();
    for (const peer of peers.values()) {
      const lags = peer.answers && peer.heldVersion !== claimsVersion;
      // Whoever owes an answer is asked in each round until it gives one or is suspect; then it has its turn as all.
      if (lags || (peer.isDoubtful && peer.status !== 'suspect')) picked.add(peer);
    }
    let draws = eachRound;
    while (draws > 0) {
      if (this.#order.length === 0) this.#order = shuffled([...peers.values()], this.#random);
      const peer = this.#order.pop() as Peer;
      if (!peers.has(peer.node)) continue;
      picked.add(peer);
      draws--;
    }
    return picked;
  }
}
