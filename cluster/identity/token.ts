/**
 * The text that lets one node into a cluster: `rp1.` and base64url of [hash of the CA's certificate, secret, checksum].
 *
 * It pins the CA, so that the joiner knows whom it speaks to before it sends anything, and its secret is 160 bits of chance:
 * the cluster keeps only a SHA-256 of it.
 * Leaves to others: how long it is good and for whom (`../metadata/`).
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Random } from '../../runtime/base/random.ts';
import { badToken } from './codes.ts';

export interface JoinToken {
  /** `caHash` of the CA's certificate. */
  readonly caHash: string;
  /** base64url. */
  readonly secret: string;
}

const form = 'rp1.';
const caHashBytes = 32;
const secretBytes = 20;
const checksumBytes = 4;
const packedBytes = caHashBytes + secretBytes + checksumBytes;
/** 4 characters for 3 bytes. */
const textCharacters = form.length + Math.ceil((packedBytes * 4) / 3);

export const newSecret = (random: Random): string => Buffer.from(random.bytes(secretBytes)).toString('base64url');

/** What the cluster keeps. */
export const secretHashOf = (secret: string): string => hash('sha256', secret, 'base64url');

/** Whether it has the form of a secret: what comes from outside is looked at no further otherwise. */
export const isSecret = (text: unknown): text is string => typeof text === 'string' && /^[\w-]{27}$/.test(text);

export function formatToken({ caHash, secret }: JoinToken): string {
  const told = Buffer.concat([Buffer.from(caHash, 'base64url'), Buffer.from(secret, 'base64url')]);
  return form + Buffer.concat([told, checksumOf(told)]).toString('base64url');
}

/** White space in it, from a terminal that broke the line, does no harm. @throws {OperationError} `badToken` */
export function parseToken(text: string): JoinToken {
  const token = text.replaceAll(/\s/g, '');
  if (token.startsWith('rp_')) throw badToken('this is a token for the HTTP API, not one to join with');
  if (!token.startsWith(form)) throw badToken(`a token to join with begins with ${form}`);
  if (token.length !== textCharacters) {
    const what = token.length < textCharacters ? 'a part is missing' : 'there is something behind it';
    throw badToken(`the token has ${token.length} characters in place of ${textCharacters}: ${what}; copy it again`);
  }
  const packed = Buffer.from(token.slice(form.length), 'base64url');
  const told = packed.subarray(0, caHashBytes + secretBytes);
  // Not of one who wants to come in: of one who copied by hand, or half of the line.
  // The last character has two bits that say nothing: it has one right spelling too.
  const isCanonical = packed.length === packedBytes && packed.toString('base64url') === token.slice(form.length);
  if (!isCanonical || !checksumOf(told).equals(packed.subarray(told.length))) {
    throw badToken('a character of the token is wrong; copy it again, as a whole');
  }
  return {
    caHash: told.subarray(0, caHashBytes).toString('base64url'),
    secret: told.subarray(caHashBytes).toString('base64url'),
  };
}

function checksumOf(bytes: Uint8Array): Buffer {
  const sum = Buffer.alloc(checksumBytes);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}
