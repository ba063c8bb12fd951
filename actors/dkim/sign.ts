/**
 * Signs mail that leaves: the keys of its domain, and the signatures made with them.
 *
 * Promises: runs where it is called, so an edge calls it in its own thread; a mail costs one look-up of keys in ten seconds
 * and domain, and 0.4 ms for both signatures of 10 KiB, nearly all of it RSA; the keys of `domainsMax` domains are kept at
 * most. A change of keys is heard of within ten seconds, which both records in the DNS outlast.
 * Leaves to others: which domain signs (the one of From, `routing/`), keys and their states (`local-domain/`).
 */
import { createPrivateKey } from 'node:crypto';
import { type OperationError, tryLater } from '../../runtime/base/errors.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { localDomains, type SigningKey } from '../local-domain/protocol.ts';
import { parseDomain } from '../mail/address.ts';
import { type SignatureKey, signatures } from './signature.ts';

interface KnownKeys {
  readonly fetchedMs: number;
  readonly keys: Promise<readonly SignatureKey[]>;
}

const knownMsMax = 10_000;
/** About 3 KB each. */
const domainsMax = 1_000;
const principal = { kind: 'node', id: 'dkim' } as const;

/** In the order in which they were fetched. By core, so that two in one process (tests) do not share keys. */
const knownByCore = new WeakMap<CoreApi, Map<string, KnownKeys>>();

/**
 * @param fromDomain of the From field; a domain that is not ours, or has no active key, signs nothing
 * @param bytes the message with CRLF line ends; not changed
 * @returns whole DKIM-Signature lines with CRLF, to go in front of `bytes`; '' when there is nothing to sign with
 * @throws {OperationError} `signingFailed` (transient) when a key is broken, or why the keys could not be asked for
 */
export async function signatureLines(
  core: CoreApi,
  fromDomain: string,
  bytes: Uint8Array,
  nowMs: number,
): Promise<string> {
  const domain = domainOrNull(fromDomain);
  if (domain === null) return '';
  const keys = await keysOf(core, domain, nowMs);
  try {
    return signatures(domain, bytes, keys, nowMs);
  } catch (error) {
    throw signingFailed(domain, error);
  }
}

/** An address literal or nonsense is no domain of ours. */
function domainOrNull(text: string): string | null {
  try {
    return parseDomain(text);
  } catch {
    return null;
  }
}

function keysOf(core: CoreApi, domain: string, nowMs: number): Promise<readonly SignatureKey[]> {
  let known = knownByCore.get(core);
  if (known === undefined) {
    known = new Map();
    knownByCore.set(core, known);
  }
  const there = known.get(domain);
  // A clock that was put back must not make them last.
  if (there !== undefined && Math.abs(nowMs - there.fetchedMs) < knownMsMax) return there.keys;
  known.delete(domain);
  const fresh = { fetchedMs: nowMs, keys: fetchKeys(core, domain) };
  known.set(domain, fresh);
  for (const oldest of known.keys()) {
    if (known.size <= domainsMax) break;
    known.delete(oldest);
  }
  // A failure is told to those who wait for it, and not remembered.
  fresh.keys.catch(() => {
    if (known.get(domain) === fresh) known.delete(domain);
  });
  return fresh.keys;
}

async function fetchKeys(core: CoreApi, domain: string): Promise<readonly SignatureKey[]> {
  const { keys } = await core.query(localDomains.ref(domain), { kind: 'signingKeys' }, { principal });
  try {
    return keys.map(parsedKey);
  } catch (error) {
    throw signingFailed(domain, error);
  }
}

/** Reading an RSA key costs more than signing with it. */
const parsedKey = ({ selector, algorithm, privateKeyPem }: SigningKey): SignatureKey => ({
  selector,
  algorithm,
  key: createPrivateKey(privateKeyPem),
});

function signingFailed(domain: string, error: unknown): OperationError {
  const text = `mail of ${domain} cannot be signed. Cure: ringpost dkim rotate ${domain}, then activate the new keys`;
  return tryLater('signingFailed', text, error);
}
