/**
 * Passwords and their hashes: argon2id in one place.
 *
 * Promises: at most two hashes are made at a time in one thread, so that a flood of log-ins costs two cores and
 * 38 MiB at most, whatever waits; verifying takes as long for an account that does not exist as for one that does.
 * Leaves to others: whose password it is, and counting failures (edges).
 */
import { hash, parseOptions, verify } from '@node-rs/argon2';
import { refused, tryLater } from '../../runtime/base/errors.ts';

/**
 * OWASP's first choice for argon2id: 19 MiB, two passes, one lane. About 20 ms here; more memory would let fewer
 * log-ins run at a time, more passes would slow them down alike for a guesser and for us.
 */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const atOnceMax = 2;
/** At 20 ms each the last one waits ten seconds; beyond it, trying again is better than waiting. */
const waitingMax = 1_000;
/** A hash that comes from elsewhere may ask for this much at most, or one log-in could take the machine. */
const foreignMemoryKibibytesMax = 262_144;
const foreignPassesMax = 16;
/** Longer passwords would only be a way to make us work. */
const passwordBytesMax = 1_024;

/** Hash of a random password that nobody knows, for accounts that do not exist. */
const nobody = '$argon2id$v=19$m=19456,t=2,p=1$cmluZ3Bvc3Qtbm9ib2R5$yLxzE2m0Z8Gq3H0jVvY5oWbq7c1Xo4nB2tQf9kUeRsA';

let running = 0;
const waiting: (() => void)[] = [];

/** argon2id in PHC string form. @throws {OperationError} `busy` */
export function hashPassword(password: string): Promise<string> {
  // The default algorithm is argon2id; its enum is `const` and so does not exist for us.
  return inTurn(() => hash(password, cost));
}

/**
 * @param phc the stored hash; null when there is no such account
 * @throws {OperationError} `busy`
 */
export async function verifyPassword(phc: string | null, password: string): Promise<boolean> {
  if (Buffer.byteLength(password) > passwordBytesMax) return false;
  const matches = await inTurn(() => verify(phc ?? nobody, password));
  return matches && phc !== null;
}

/** Why a hash that was made elsewhere cannot be taken; null when it can. */
export function hashProblem(phc: string): string | null {
  if (!phc.startsWith('$argon2id$')) return 'only argon2id hashes in PHC form are taken';
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(phc);
    const isModest = memoryCost <= foreignMemoryKibibytesMax && timeCost <= foreignPassesMax && parallelism <= 4;
    return isModest ? null : 'its cost is too high: at most m=262144, t=16, p=4';
  } catch {
    return 'it is not a complete argon2id hash';
  }
}

/** @throws {OperationError} `badPasswordHash` */
export function requirePasswordHash(phc: string): void {
  const problem = hashProblem(phc);
  if (problem !== null) throw refused('badPasswordHash', `${problem}. Cure: leave it out and set a password later`);
}

async function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
  if (running >= atOnceMax) {
    if (waiting.length >= waitingMax) throw tryLater('busy', 'too many log-ins at a time; try again in a moment');
    // Whoever ends hands its place on, so `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running++;
  }
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
