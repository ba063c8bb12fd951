/** The TXT record by which others check our signatures. */
import type { NewDkimKey } from '../local-domain/protocol.ts';

type PublicKey = Pick<NewDkimKey, 'algorithm' | 'publicKeyBase64'>;

/** RFC 1035 §3.3: a TXT record is one or several strings of this many bytes at most. */
const stringBytesMax = 255;

export const dkimRecordName = (domain: string, selector: string): string => `${selector}._domainkey.${domain}`;

/** RFC 6376 §3.6.1, RFC 8463 §4. */
export function dkimRecordText({ algorithm, publicKeyBase64 }: PublicKey): string {
  const k = algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519';
  return `v=DKIM1; k=${k}; p=${publicKeyBase64}`;
}

/** `text` is ASCII. What reads the record joins them without anything between. */
export function txtStrings(text: string): readonly string[] {
  return text.match(new RegExp(`.{1,${stringBytesMax}}`, 'gs')) ?? [''];
}
