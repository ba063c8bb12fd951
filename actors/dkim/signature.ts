/**
 * DKIM-Signature lines for one message: relaxed/relaxed, one for each key.
 *
 * Promises: the same input has the same RSA and Ed25519 signatures; the body is hashed once for all keys; a message without
 * From gets none, since no verifier would take it (RFC 6376 §5.4).
 * Leaves to others: whose keys (`sign.ts`).
 *
 * Of mailauth only the hash of bodies is used. Its `dkimSign` cannot name a field once more than it is there, and takes
 * 1.5 to 1.7 ms for a mail of 10 KiB with both keys, since it reads the private keys anew each time, where this takes 0.35
 * and the two bare signatures 0.33. Loading it costs each thread 100 ms and 31 MB; the hash alone 3 MB.
 */
import { createHash, type KeyObject, sign } from 'node:crypto';
import { RelaxedHash } from 'mailauth/lib/dkim/body/relaxed.js';
import type { DkimAlgorithm } from '../local-domain/protocol.ts';
import { relaxedField, relaxedMessage, type RelaxedMessage } from './relaxed.ts';

export interface SignatureKey {
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly key: KeyObject;
}

/** Named once more than they are there, so that nobody can put another one on top unnoticed (RFC 6376 §8.15). */
const sealedNames = [
  ...['from', 'to', 'cc', 'subject', 'date', 'message-id', 'reply-to'],
  ...['mime-version', 'content-type', 'content-transfer-encoding'],
];
/** Signed where they are there. Not what servers on the way add or change: Received, Return-Path, Authentication-Results. */
const signedNames = [
  ...['sender', 'in-reply-to', 'references', 'content-id', 'content-description', 'content-disposition'],
  ...['list-id', 'list-help', 'list-unsubscribe', 'list-unsubscribe-post', 'list-subscribe', 'list-post'],
  ...['list-owner', 'list-archive', 'resent-from', 'resent-sender', 'resent-to', 'resent-cc', 'resent-date'],
  'resent-message-id',
];
/** RFC 5322 §2.1.1 */
const lineCharactersMax = 78;
const continuation = '\r\n\t';

/** Whole lines with CRLF; '' when there is nothing that can be signed. */
export function signatures(domain: string, bytes: Uint8Array, keys: readonly SignatureKey[], nowMs: number): string {
  if (keys.length === 0) return '';
  const { fields, body } = relaxedMessage(bytes);
  if (!fields.some(({ name }) => name === 'from')) return '';
  const hash = new RelaxedHash('sha256');
  hash.update(body);
  const bodyHash = hash.digest('base64');
  const { names, signed } = selectFields(fields);
  return keys.map((key) => signature({ domain, key, names, signed, bodyHash, nowMs })).join('');
}

/** `names`: for `h=`; `signed`: their fields in this order. RFC 6376 §5.4.2: of equal ones, the lowest first. */
function selectFields(fields: RelaxedMessage['fields']): {
  readonly names: readonly string[];
  readonly signed: string;
} {
  const byName = Map.groupBy(fields, ({ name }) => name);
  const names: string[] = [];
  let signed = '';
  for (const name of [...sealedNames, ...signedNames]) {
    for (const { line } of byName.get(name)?.toReversed() ?? []) {
      names.push(name);
      signed += line;
    }
    if (sealedNames.includes(name)) names.push(name);
  }
  return { names, signed };
}

interface SignatureFacts {
  readonly domain: string;
  readonly key: SignatureKey;
  readonly names: readonly string[];
  readonly signed: string;
  readonly bodyHash: string;
  readonly nowMs: number;
}

function signature({ domain, key, names, signed, bodyHash, nowMs }: SignatureFacts): string {
  const tags = [
    `v=1; a=${key.algorithm}; c=relaxed/relaxed; t=${Math.floor(nowMs / 1000)};`,
    `d=${domain};`,
    `s=${key.selector};`,
    `${folded(`h=${names[0]}`, names.slice(1), ':')};`,
    `bh=${bodyHash};`,
    'b=',
  ];
  const unsigned = tags.join(continuation);
  // RFC 6376 §3.7: the signature's own field comes last, with an empty b= and without a line end.
  const input = Buffer.from(signed + relaxedField('dkim-signature', unsigned), 'latin1');
  const value = signBytes(key, input).toString('base64');
  return `DKIM-Signature: ${unsigned}${folded('', value.match(/.{1,72}/g) ?? [], '')}\r\n`;
}

function signBytes({ algorithm, key }: SignatureKey, input: Buffer): Buffer {
  if (algorithm === 'rsa-sha256') return sign('sha256', input, key);
  // RFC 8463 §3: what Ed25519 signs is the hash.
  return sign(null, createHash('sha256').update(input).digest(), key);
}

/** Joins parts, going on in a new line where the line would grow too long. */
function folded(first: string, parts: readonly string[], between: string): string {
  let text = first;
  let width = first.length;
  for (const part of parts) {
    text += between;
    if (width + between.length + part.length >= lineCharactersMax - 2) {
      text += continuation;
      width = 0;
    }
    text += part;
    width += part.length + between.length;
  }
  return text;
}
