/** Frames of the channel `notices`: a notice, what came of it, and pieces of bodies as on the channel `calls`. */
import type { BodyRef } from '../../runtime/actor/actor.ts';
import type { NoticeOutcome, ReceivedNotice } from '../../runtime/actor/notice-route.ts';
import { type NodeId, type ShardId, shardId } from '../../runtime/base/ids.ts';
import { frameRefused } from './codes.ts';
import { Fields } from './fields.ts';
import { keyCharactersMax, kindCharactersMax, traceCharactersMax } from './wire.ts';
import { bodiesMax, bodyBytesMax, decodeBodies, type SentBodies, wireBodies } from './wire-bodies.ts';

export const noticeKind = 9;
export const noticedKind = 10;

export type Notice = ReceivedNotice['notice'];
export type Noticed = NoticeOutcome | 'bodyNotHere';
/** Their places are what travels. */
const noticeOutcomes = ['applied', 'notLeader', 'failed', 'bodyNotHere'] as const satisfies readonly Noticed[];

export interface SentNotice {
  readonly target: ShardId;
  readonly source: ShardId;
  readonly seq: number;
  readonly notice: Notice;
}

export function noticeFrame(id: number, onTo: NodeId | null, of: SentNotice, bodies: SentBodies): unknown[] {
  const { target, source, seq, notice } = of;
  const named = notice.bodies.map(({ hash, sizeBytes }) => [hash, sizeBytes]);
  const told = [notice.kind, notice.key, notice.notice, named, notice.trace];
  return [noticeKind, id, onTo, target, source, seq, ...told, wireBodies(bodies)];
}

/** @throws {OperationError} `frameRefused` */
export function decodeNotice(
  fields: Fields,
  shards: number,
): SentNotice & SentBodies & { readonly onTo: NodeId | null } {
  const onTo = fields.nodeOrNull('onTo');
  const target = shardId(fields.count('target', shards - 1));
  const source = shardId(fields.count('source', shards - 1));
  const seq = fields.count('seq');
  const notice: Notice = {
    kind: fields.text('kind', kindCharactersMax),
    key: fields.text('key', keyCharactersMax),
    notice: fields.kinded('notice'),
    bodies: fields.list('bodies', bodiesMax).map((item): BodyRef => {
      const body = new Fields(item);
      return { hash: body.hash(), sizeBytes: body.count('size', bodyBytesMax) };
    }),
    trace: fields.text('trace', traceCharactersMax),
  };
  return { onTo, target, source, seq, notice, ...decodeBodies(fields) };
}

export const noticedFrame = (id: number, outcome: Noticed): unknown[] => [
  noticedKind,
  id,
  noticeOutcomes.indexOf(outcome),
];

/** @throws {OperationError} `frameRefused` */
export function decodeNoticed(fields: Fields): Noticed {
  const outcome = noticeOutcomes[fields.count('outcome')];
  if (outcome === undefined) throw frameRefused('an outcome is not known here');
  return outcome;
}
