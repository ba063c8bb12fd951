/**
 * The text of an API token, `rp_<account id>_<credential id>_<secret>`, and the hash of its secret.
 *
 * A token names its account and its credential, so one hash is compared and no list is searched. Its secret is 160 bits
 * of chance, which nobody can guess however fast a guess is: SHA-256 does what argon2 must do for a password, in a
 * thousandth of the time and of the memory.
 *
 * Promises: comparing takes the same time wherever two secrets differ.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { randomText } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';

export interface Token {
  readonly accountId: string;
  readonly credentialId: string;
  readonly secret: string;
}

/** 5 bits a character (`randomText`). */
const secretCharacters = 32;
/** Ids are of `timeOrderedId`; longer texts are no token and are not looked at. */
const form = /^rp_([0-9a-z]{1,64})_([0-9a-z]{1,64})_([0-9a-z]{32})$/;
const hashForm = /^\$sha256\$[\w-]{43}$/;

export const newTokenSecret = (random: Random): string => randomText(random, secretCharacters);

export const formatToken = ({ accountId, credentialId, secret }: Token): string =>
  `rp_${accountId}_${credentialId}_${secret}`;

/** Null: it is none. */
export function parseToken(text: string): Token | null {
  const [, accountId, credentialId, secret] = form.exec(text) ?? [];
  if (accountId === undefined || credentialId === undefined || secret === undefined) return null;
  return { accountId, credentialId, secret };
}

/** `$sha256$` and 43 characters of base64url. */
export const hashTokenSecret = (secret: string): string => `$sha256$${hash('sha256', secret, 'base64url')}`;

export const isTokenHash = (text: string): boolean => hashForm.test(text);

/** @param hashed null when there is no such credential */
export function isTokenSecret(hashed: string | null, secret: string): boolean {
  const given = Buffer.from(hashTokenSecret(secret));
  const kept = Buffer.from(hashed ?? '');
  return given.length === kept.length && timingSafeEqual(given, kept);
}
