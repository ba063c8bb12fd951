/** Two PEM files on disk: read, checked, written so that they survive a power cut, and watched. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CertificatePem } from '../threads/control-channel.ts';
import { badCertificate } from './codes.ts';

export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateFacts {
  /** Last moment of its validity, in ms since 1970. */
  readonly expiresMs: number;
  /** For logs: `CN=mail.example.org`. */
  readonly subject: string;
}

/** Undefined when neither or only one of the files is there. */
export async function readCertificateIfThere(paths: CertificatePaths): Promise<CertificatePem | undefined> {
  try {
    return await readCertificate(paths);
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws what the file system says; does not look inside */
export async function readCertificate(paths: CertificatePaths): Promise<CertificatePem> {
  const [certificate, key] = await Promise.all([readFile(paths.certificate, 'utf8'), readFile(paths.key, 'utf8')]);
  return { certificate, key };
}

/** @throws {OperationError} `badCertificate` when one cannot be parsed, or they do not belong together */
export function checkCertificate(pem: CertificatePem): CertificateFacts {
  let certificate: X509Certificate;
  let fits: boolean;
  try {
    certificate = new X509Certificate(pem.certificate);
  } catch (cause) {
    throw badCertificate('the certificate is no PEM certificate', cause);
  }
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(pem.key));
  } catch (cause) {
    throw badCertificate('the key is no PEM private key without a passphrase', cause);
  }
  if (!fits) throw badCertificate('the key is not that of the certificate');
  return { expiresMs: certificate.validToDate.getTime(), subject: certificate.subject };
}

/** Both are on disk when this settles. The key first, so that a certificate is never there without its key. */
export async function writeCertificate(paths: CertificatePaths, pem: CertificatePem): Promise<void> {
  const directory = dirname(paths.certificate);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeDurably(paths.key, pem.key, 0o600);
  await writeDurably(paths.certificate, pem.certificate, 0o644);
  await syncPath(directory);
  await syncPath(dirname(directory));
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', mode);
  try {
    // One that was left by a crash has the mode that it had.
    await chmod(temporary, mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

async function syncPath(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Calls `changed` when something happens in the directories of the two files: they are replaced by renaming, and by
 * links elsewhere (Kubernetes), which a watch on the file itself would not see. A hint only: it may say too much, and on
 * some file systems nothing. Returns what ends it.
 */
export function watchCertificate(paths: CertificatePaths, changed: () => void): () => void {
  const directories = new Set([dirname(paths.certificate), dirname(paths.key)]);
  const watchers = [...directories].flatMap((directory): FSWatcher[] => {
    try {
      // A watch does not keep the process alive.
      const watcher = watch(directory, { persistent: false }, changed);
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      // No watch to be had (too many, or none on this file system): whoever calls polls as well.
      return [];
    }
  });
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

export const ownCertificatePaths = (dataPath: string): CertificatePaths => ({
  certificate: join(dataPath, 'tls', 'certificate.pem'),
  key: join(dataPath, 'tls', 'key.pem'),
});
