/** The part of mailauth that we use, for which it brings no types. `signature.ts` says why no more of it. */
declare module 'mailauth/lib/dkim/body/relaxed.js' {
  /** RFC 6376 §3.4.4 and §3.7: canonicalises a body and hashes it. */
  export class RelaxedHash {
    constructor(algorithm: 'sha256');
    update(chunk: Uint8Array): void;
    digest(encoding: 'base64'): string;
  }
}
