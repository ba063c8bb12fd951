/**
 * Tokens that were made while no node ran on the directory: kept beside it, until the node commits them at its next start.
 *
 * So `init`, `token create`, `join` and `start` work in any order. Only the hash of a secret is kept, as in the cluster itself.
 *
 * Promises: the file is replaced as a whole; a token is in it when its text is shown; no node starts meanwhile.
 * Leaves to others: whether a token is good (`metadata/`).
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { Random } from '../../runtime/base/random.ts';
import { holdsNode, openDataDirectory } from '../../runtime/store/data-directory.ts';
import { caHash } from '../identity/certificates.ts';
import { readIdentity, readPendingCa } from '../identity/identity-files.ts';
import { formatToken, newSecret, secretHashOf } from '../identity/token.ts';
import type { MadeToken } from '../report.ts';
import { nodeStarting, pendingTokensDamaged, startFirst } from './codes.ts';

const fileName = 'pending-tokens.json';
const tokensMax = 100;

export interface PendingToken {
  readonly secretHash: string;
  readonly expiresMs: number;
}

export interface PendingTokenOrder {
  readonly directory: string;
  readonly expiresInMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** @throws {OperationError} `startFirst`, `nodeStarting`, what keeps the directory from being opened */
export async function makePendingToken(order: PendingTokenOrder): Promise<Omit<MadeToken, 'address'>> {
  const { directory, clock, random } = order;
  const ca = (await readPendingCa(directory))?.certificate ?? (await readIdentity(directory))?.caCertificate;
  if (ca === undefined || !holdsNode(directory)) throw startFirst(directory);
  const secret = newSecret(random);
  const nowMs = clock.nowMs();
  const expiresMs = nowMs + order.expiresInMs;
  const lock = lockedOut(directory, clock);
  try {
    const good = readPendingTokens(directory).filter((token) => token.expiresMs > nowMs);
    write(directory, [...good.slice(1 - tokensMax), { secretHash: secretHashOf(secret), expiresMs }]);
  } finally {
    lock.close();
  }
  return { token: formatToken({ caHash: caHash(ca), secret }), expiresMs };
}

/** A node that started while the file was written would not see it. */
function lockedOut(path: string, clock: Clock): { close(): void } {
  try {
    return openDataDirectory({ path, clock });
  } catch (error) {
    // It answered nothing and has the directory: it is on its way up, or down.
    if (error instanceof OperationError && error.code === 'dataDirectoryInUse') throw nodeStarting(path);
    throw error;
  }
}

/** @throws {OperationError} `pendingTokensDamaged` */
export function readPendingTokens(directory: string): readonly PendingToken[] {
  const path = join(directory, fileName);
  if (!existsSync(path)) return [];
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Nothing of it is believed: tokens open a door.
    throw pendingTokensDamaged(resolve(path));
  }
  if (!Array.isArray(value) || value.length > tokensMax || !value.every(isPendingToken)) {
    throw pendingTokensDamaged(resolve(path));
  }
  return value.map(({ secretHash, expiresMs }) => ({ secretHash, expiresMs }));
}

/**
 * For a node that is up: `create` commits a token (repeating one that is committed changes nothing). The file goes when all are.
 * @returns what was refused for good: nobody can use such a token, and no later start would make it better
 * @throws {OperationError} `pendingTokensDamaged`, or why it could not be done now
 */
export async function commitPendingTokens(
  directory: string,
  clock: Clock,
  create: (token: PendingToken) => Promise<unknown>,
): Promise<readonly OperationError[]> {
  const tokens = readPendingTokens(directory);
  const refusals: OperationError[] = [];
  for (const token of tokens.filter(({ expiresMs }) => expiresMs > clock.nowMs())) {
    try {
      await create(token);
    } catch (error) {
      // It expired on its way, or there are too many: the others may do.
      if (!(error instanceof OperationError) || error.transient) throw error;
      refusals.push(error);
    }
  }
  if (tokens.length > 0) rmSync(join(directory, fileName), { force: true });
  return refusals;
}

function isPendingToken(value: unknown): value is PendingToken {
  if (typeof value !== 'object' || value === null) return false;
  const { secretHash, expiresMs } = value as Readonly<Record<string, unknown>>;
  return typeof secretHash === 'string' && /^[\w-]{43}$/.test(secretHash) && Number.isSafeInteger(expiresMs);
}

function write(directory: string, tokens: readonly PendingToken[]): void {
  const path = join(directory, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(tokens)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
