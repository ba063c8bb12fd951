/**
 * Reads what a peer sent as ping or answer. A peer may be broken: each field is looked at, lists have a bound, and
 * what does not fit is refused by name, never thrown.
 */
import { type ShardId, shardId, type Term, term } from '../../runtime/base/ids.ts';
import type { Claim, ClaimsHead, ClaimsNews, Ping, PingAnswer, SenderFacts } from './protocol.ts';

/** Of this file only: never leaves `decodeFrame`. */
class Malformed extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** Whether a frame of the control lane is for liveness; others share the lane. */
export function isLivenessFrame(frame: unknown): boolean {
  return isFields(frame) && (frame['kind'] === 'ping' || frame['kind'] === 'pingAnswer');
}

/** @returns the frame, or (a text) what is wrong with it */
export function decodeFrame(frame: unknown, groupsMax: number): Ping | PingAnswer | string {
  try {
    const fields = fieldsOf(frame, 'frame');
    if (fields['kind'] === 'ping') return ping(fields, groupsMax);
    if (fields['kind'] === 'pingAnswer') return pingAnswer(fields);
    return 'neither a ping nor an answer';
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}

function ping(fields: Fields, groupsMax: number): Ping {
  const news = fields['news'];
  return {
    kind: 'ping',
    ...senderFacts(fields),
    seq: whole(fields, 'seq'),
    news: news === null ? null : claimsNews(fieldsOf(news, 'news'), groupsMax),
  };
}

function pingAnswer(fields: Fields): PingAnswer {
  const to = fieldsOf(fields['to'], 'to');
  return {
    kind: 'pingAnswer',
    ...senderFacts(fields),
    to: { incarnation: whole(to, 'incarnation'), seq: whole(to, 'seq') },
    holds: fields['holds'] === null ? null : whole(fields, 'holds'),
  };
}

function senderFacts(fields: Fields): SenderFacts {
  const isFit = fields['isFit'];
  if (typeof isFit !== 'boolean') throw new Malformed('isFit is neither true nor false');
  return {
    incarnation: whole(fields, 'incarnation'),
    wallMs: duration(fields, 'wallMs'),
    commitMs: duration(fields, 'commitMs'),
    turnMs: duration(fields, 'turnMs'),
    isFit,
    claims: claimsHead(fieldsOf(fields['claims'], 'claims')),
  };
}

function claimsHead(fields: Fields): ClaimsHead {
  return { version: whole(fields, 'version'), digest: whole(fields, 'digest') };
}

function claimsNews(fields: Fields, groupsMax: number): ClaimsNews {
  return {
    since: whole(fields, 'since'),
    claimed: list(fields, 'claimed', groupsMax).map((item): Claim => {
      if (!Array.isArray(item) || item.length !== 2) throw new Malformed('a claim is not a group and a term');
      return [group(item[0], groupsMax), claimedTerm(item[1])];
    }),
    dropped: list(fields, 'dropped', groupsMax).map((item) => group(item, groupsMax)),
  };
}

function group(value: unknown, groupsMax: number): ShardId {
  if (!isWhole(value) || value >= groupsMax) throw new Malformed('a group is not a number below the bound');
  return shardId(value);
}

function claimedTerm(value: unknown): Term {
  if (!isWhole(value) || value < 1) throw new Malformed('a claimed term is not a whole number above 0');
  return term(value);
}

function list(fields: Fields, name: string, itemsMax: number): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new Malformed(`${name} is not a list`);
  if (value.length > itemsMax) throw new Malformed(`${name} has ${value.length} items, more than ${itemsMax}`);
  return value;
}

function whole(fields: Fields, name: string): number {
  const value = fields[name];
  if (!isWhole(value)) throw new Malformed(`${name} is not a whole number of 0 or more`);
  return value;
}

function duration(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new Malformed(`${name} is not a time of 0 or more`);
  }
  return value;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function fieldsOf(value: unknown, name: string): Fields {
  if (!isFields(value)) throw new Malformed(`${name} is not a record`);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
