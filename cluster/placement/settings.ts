/** Every number of the mover, with its reason and its unit. */

export interface MoverSettings {
  /** The next look after something was done. A small copy takes some milliseconds, so 256 shards grow in seconds. */
  readonly stepMsMin: number;
  /** Doubled up to this while there is nothing to do but wait. A look at 256 shards costs less than 1 ms. */
  readonly stepMsMax: number;
  /** Copies that one leader's node gives to one other node at once: each costs both of them disk and network. */
  readonly copiesToNodeMax: number;
  /** Shards that change their leader at once: each of them serves nobody for a round trip or two. */
  readonly transfersMax: number;
  /** A node that has just come back is left alone for so long: it may go again, and has caches to fill. */
  readonly steadyMs: number;
  /** Who has just begun to lead keeps it for so long, so that two nodes with different maps cannot play ball. */
  readonly settledMs: number;
  /** After a transfer that came to nothing. Each try stops the shard for up to 3 s (`transferMsMax` of the groups). */
  readonly transferAgainMs: number;
  /** A learner that is ready waits so long for a second one before it makes an even number of voters alone. */
  readonly pairMsMax: number;
  /** Entries by which a node that keeps up may be behind what is committed, since answers are on their way. */
  readonly lagEntriesMax: number;
}

export const moverSettings: MoverSettings = {
  stepMsMin: 25,
  stepMsMax: 250,
  copiesToNodeMax: 2,
  transfersMax: 8,
  steadyMs: 3_000,
  settledMs: 1_000,
  transferAgainMs: 10_000,
  pairMsMax: 30_000,
  lagEntriesMax: 64,
};
