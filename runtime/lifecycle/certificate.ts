/**
 * The node's TLS certificate: the configured one, or one of its own making, and always the newest good one.
 *
 * Promises: `current` is a key and a certificate that belong together; a new pair on disk is in use within seconds and
 * `changed` is called; a bad new pair changes nothing and is logged once.
 * Leaves to others: handing it to the edges.
 */
import type { Clock } from '../base/clock.ts';
import { errorData } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Logger } from '../observe/logger.ts';
import type { CertificatePem } from '../threads/control-channel.ts';
import {
  type CertificateFacts,
  type CertificatePaths,
  checkCertificate,
  ownCertificatePaths,
  readCertificate,
  readCertificateIfThere,
  watchCertificate,
  writeCertificate,
} from './certificate-files.ts';
import { badCertificate } from './codes.ts';

export interface CertificateOptions {
  /** The node's data directory, which exists; used when nothing is configured. */
  readonly dataPath: string;
  /** Both or none. */
  readonly configured?: CertificatePaths | undefined;
  readonly hostname: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly changed: (pem: CertificatePem) => void;
}

/** A watch is only a hint, so the files are read from time to time anyhow. */
const pollMs = 30_000;
/** Two files are never replaced at once: the second gets this long to follow the first. */
const settleMs = 1_000;
const cure = 'name two PEM files that this user may read by tls.certificate and tls.key, or neither for one of our own';
const expiryWarnMs = 14 * 24 * 3_600_000;

/** @throws {OperationError} `badCertificate` when the configured pair cannot be used: better no start than a silent other one */
export async function openCertificate(options: CertificateOptions): Promise<NodeCertificate> {
  const paths = options.configured ?? ownCertificatePaths(options.dataPath);
  let pem: CertificatePem | undefined;
  try {
    pem = options.configured === undefined ? await readCertificateIfThere(paths) : await readCertificate(paths);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badCertificate(`cannot read ${paths.certificate} and ${paths.key}: ${why}. Cure: ${cure}`);
  }
  if (pem === undefined) {
    // Some two hundred modules, of which only the first start has any use.
    const { makeSelfSigned } = await import('./self-signed.ts');
    pem = await makeSelfSigned(options.hostname, options.clock.nowMs(), options.random);
    await writeCertificate(paths, pem);
    options.log.info({ path: paths.certificate }, 'made a certificate of our own');
  }
  return new NodeCertificate(options, paths, pem, checkCertificate(pem));
}

export class NodeCertificate {
  readonly #o: CertificateOptions;
  readonly #paths: CertificatePaths;
  readonly #endWatch: () => void;
  #current: CertificatePem;
  #facts: CertificateFacts;
  /** What was found bad and is logged already. */
  #badText = '';
  #lookAtMs = Number.POSITIVE_INFINITY;
  #cancelLook: (() => void) | undefined;
  #isClosed = false;

  constructor(options: CertificateOptions, paths: CertificatePaths, pem: CertificatePem, facts: CertificateFacts) {
    this.#o = options;
    this.#paths = paths;
    this.#current = pem;
    this.#facts = facts;
    this.#warnOfExpiry();
    this.#endWatch = watchCertificate(paths, () => this.#lookIn(settleMs));
    this.#lookIn(pollMs);
  }

  get current(): CertificatePem {
    return this.#current;
  }

  get facts(): CertificateFacts {
    return this.#facts;
  }

  close(): void {
    this.#isClosed = true;
    this.#endWatch();
    this.#cancelLook?.();
  }

  /** Reads the files now. Never fails. */
  async look(): Promise<void> {
    try {
      this.#take(await readCertificate(this.#paths));
    } catch (error) {
      this.#reportBad(error instanceof Error ? error.message : errorData(error).text);
    }
    if (!this.#isClosed) this.#lookIn(pollMs);
  }

  #take(pem: CertificatePem): void {
    const { certificate, key } = this.#current;
    if (this.#isClosed) return;
    if (pem.certificate === certificate && pem.key === key) {
      this.#badText = '';
      return;
    }
    this.#facts = checkCertificate(pem);
    this.#current = pem;
    this.#badText = '';
    const { subject, expiresMs } = this.#facts;
    this.#o.log.info({ subject, expires: new Date(expiresMs).toISOString() }, 'a new certificate is in use');
    this.#warnOfExpiry();
    this.#o.changed(pem);
  }

  #reportBad(text: string): void {
    if (text === this.#badText) return;
    this.#badText = text;
    const { certificate, key } = this.#paths;
    this.#o.log.error(
      { certificate, key, reason: text },
      'the new certificate cannot be used; the one before stays in use',
    );
  }

  #warnOfExpiry(): void {
    const leftMs = this.#facts.expiresMs - this.#o.clock.nowMs();
    if (leftMs > expiryWarnMs) return;
    const expires = new Date(this.#facts.expiresMs).toISOString();
    this.#o.log.warn({ expires }, leftMs > 0 ? 'the certificate expires soon' : 'the certificate has expired');
  }

  /** An earlier look that is planned already stays: a busy directory must not put it off for ever. */
  #lookIn(delayMs: number): void {
    const atMs = this.#o.clock.monotonicMs() + delayMs;
    if (atMs >= this.#lookAtMs) return;
    this.#cancelLook?.();
    this.#lookAtMs = atMs;
    this.#cancelLook = this.#o.clock.after(delayMs, () => {
      this.#lookAtMs = Number.POSITIVE_INFINITY;
      void this.look();
    });
  }
}
