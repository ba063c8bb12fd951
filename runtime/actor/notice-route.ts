/**
 * The port between the engine and whatever brings notices to shards that another node leads.
 *
 *     source's leader                                                target's leader
 *     channels.ts -- deliver --> route ~ ~ ~ mesh ~ ~ ~> route -- receiveNotice --> inbox.ts
 *          ^                                                                          |
 *          +---- done('applied') <---- ~ ~ ~ ~ ~ ~ <------ done('applied') <-- committed
 *
 * The engine needs no order and no care of a route: it hands over a few notices of each pair of shards at a time and
 * begins again at the first without an answer, for as long as it takes. What comes twice, late or out of order does no
 * harm. 'applied' alone is believed, whenever it comes: it is true for ever.
 *
 * Leaves to others: who leads the target, and bringing the bodies that a notice names to where they are not.
 */
import type { BodyAttachment } from './actor.ts';
import type { ShardId } from '../base/ids.ts';
import type { StoredNotice } from './outbox.ts';

/**
 * `applied`: the effect is committed at the target. `notLeader`: it is led elsewhere or nowhere, or nobody knows.
 * `failed`: its leader could not take it now.
 */
export type NoticeOutcome = 'applied' | 'notLeader' | 'failed';

export interface NoticeRoute {
  /** `done` is called once, at once or later. One that never comes costs time: it is tried again after a while. */
  deliver(
    target: ShardId,
    source: ShardId,
    seq: number,
    notice: StoredNotice,
    done: (outcome: NoticeOutcome) => void,
  ): void;
}

/** A notice that came from another node. */
export interface ReceivedNotice {
  readonly target: ShardId;
  readonly source: ShardId;
  readonly seq: number;
  readonly notice: StoredNotice;
  /** Bytes of bodies that it names, as far as they were sent along. */
  readonly bodies: readonly BodyAttachment[];
  /** `bodyNotHere`: nothing happened; send it again with the bytes of all its bodies. */
  readonly done: (outcome: NoticeOutcome | 'bodyNotHere') => void;
}
