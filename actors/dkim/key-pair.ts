/**
 * Makes key pairs, and names them.
 *
 * Promises: nothing waits for an RSA key (50 to 200 ms of a processor): it is made in Node's pool of threads.
 */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '../../runtime/base/random.ts';
import type { KeyPair, KeyPairKind } from '../../runtime/cli/admin-row.ts';
import type { NewDkimKey } from '../local-domain/protocol.ts';

/** RFC 8301 §3.2: at least 1,024 and better 2,048; longer ones do not fit into a DNS answer over UDP. */
const modulusLength = 2_048;

const generate = promisify(generateKeyPair);

export async function makeKeyPair(kind: KeyPairKind): Promise<KeyPair> {
  const { privateKey, publicKey } =
    kind === 'rsa' ? await generate('rsa', { modulusLength }) : await generate('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyDer: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4): 12 bytes, then the key itself. */
const ed25519PrefixBytes = 12;
/** 32 that are not mistaken for each other. */
const letters = 'abcdefghjkmnpqrstuvwxyz023456789';

/** A key of each algorithm: what cannot check Ed25519 (most can by now) checks RSA. */
export async function makeDkimKeys(
  make: (kind: KeyPairKind) => Promise<KeyPair>,
  random: Random,
  nowMs: number,
): Promise<readonly NewDkimKey[]> {
  const name = `rp${new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '')}${tail(random)}`;
  const [rsa, ed25519] = await Promise.all([make('rsa'), make('ed25519')]);
  return [
    {
      selector: `${name}-rsa`,
      algorithm: 'rsa-sha256',
      privateKeyPem: rsa.privateKeyPem,
      publicKeyBase64: base64(rsa.publicKeyDer),
    },
    {
      selector: `${name}-ed`,
      algorithm: 'ed25519-sha256',
      privateKeyPem: ed25519.privateKeyPem,
      publicKeyBase64: base64(ed25519.publicKeyDer.subarray(ed25519PrefixBytes)),
    },
  ];
}

/** Two rotations of a day have different names. */
const tail = (random: Random): string => Array.from(random.bytes(3), (byte) => letters[byte % letters.length]).join('');

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
