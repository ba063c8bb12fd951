/** The rows of notices on their way: what a turn writes, what an acknowledgement takes away, what is read back. */
import type { ShardId } from '../base/ids.ts';
import { shardId } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import { below, keyParts, keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoreOp } from '../store/store.ts';
import type { BodyHold } from './log.ts';
import { shardOf } from './shard.ts';
import type { ShardState } from './shard-state.ts';
import { runtimeRowVersion, type Tell } from './turn.ts';

/** A notice as its outbox row holds it. */
export interface StoredNotice extends Tell {
  readonly trace: string;
}

/** A notice with its place in the channel to its target. */
export interface Sent {
  readonly target: ShardId;
  readonly seq: number;
  readonly notice: StoredNotice;
}

export interface OutboxChanges {
  readonly rows: StoreOp[];
  readonly holds: BodyHold[];
}

const outboxOwner = (source: ShardId, target: ShardId, seq: number): readonly (string | number)[] => [
  source,
  '',
  'outbox',
  `${target}.${seq}`,
];

/** Rows for the notices of one turn. Draws their sequences. */
export function outboxRows(
  state: ShardState,
  shardCount: number,
  tells: readonly Tell[],
  trace: string,
): OutboxChanges & { readonly sent: readonly Sent[] } {
  const source = state.shard;
  // All of them before the first sequence is drawn: one that cannot be stored must leave no gap.
  const values = tells.map((tell) => encodeRow(runtimeRowVersion, { ...tell, trace } satisfies StoredNotice));
  const rows: StoreOp[] = [];
  const holds: BodyHold[] = [];
  const sent: Sent[] = [];
  const heads = new Map<ShardId, number>();
  for (const [i, tell] of tells.entries()) {
    const target = shardOf(tell.kind, tell.key, shardCount);
    const seq = state.nextOutboxSeq(target);
    rows.push({ key: rowKey([keyspace.outbox, source, target, seq]), value: values[i]! });
    heads.set(target, seq);
    for (const body of tell.bodies)
      holds.push({ hash: body.hash, owner: outboxOwner(source, target, seq), held: true });
    sent.push({ target, seq, notice: { ...tell, trace } });
  }
  for (const [target, seq] of heads) {
    rows.push({ key: rowKey([keyspace.outboxHead, source, target]), value: encodeRow(runtimeRowVersion, seq) });
  }
  return { rows, holds, sent };
}

/** What forgets notices whose effect is committed at their target. */
export function ackRows(source: ShardId, acked: readonly Sent[]): OutboxChanges {
  const rows: StoreOp[] = [];
  const holds: BodyHold[] = [];
  for (const { target, seq, notice } of acked) {
    rows.push({ key: rowKey([keyspace.outbox, source, target, seq]), value: null });
    for (const body of notice.bodies) {
      holds.push({ hash: body.hash, owner: outboxOwner(source, target, seq), held: false });
    }
  }
  return { rows, holds };
}

/** Notices of one channel from `seq` on, in order. */
export function readOutbox(
  store: ReadableStore,
  { source, target, seq, limit }: { source: ShardId; target: ShardId; seq: number; limit: number },
): Sent[] {
  const start = rowKey([keyspace.outbox, source, target, seq]);
  const { end } = below(rowKey([keyspace.outbox, source, target]));
  return store.range({ start, end, limit }).map((row) => ({
    target,
    seq: keyParts(row.key).at(-1) as number,
    notice: decodeRow(row.value).value as StoredNotice,
  }));
}

/** First and last sequence of each channel of a source that has rows. One seek a channel, however much waits in it. */
export function* keptChannels(
  store: ReadableStore,
  source: ShardId,
): Iterable<{ readonly target: ShardId; readonly first: number; readonly last: number }> {
  const all = below(rowKey([keyspace.outbox, source]));
  for (let from = all.start; ; ) {
    const [row] = store.range({ start: from, end: all.end, limit: 1 });
    if (row === undefined) return;
    const [, , target, first] = keyParts(row.key) as [string, number, number, number];
    const ofChannel = below(rowKey([keyspace.outbox, source, target]));
    const [end] = store.range({ ...ofChannel, limit: 1, reverse: true });
    invariant(end !== undefined, 'a channel that has a first row has a last');
    yield { target: shardId(target), first, last: keyParts(end.key).at(-1) as number };
    from = ofChannel.end;
  }
}
