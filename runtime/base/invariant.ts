/**
 * A promise that the code makes to itself. A broken one is never caught: the node stops (plan, P6),
 * since going on would spread bad state.
 */

/** A bug in Ringpost or damaged hardware; never an operating error. Only `main.ts` sees it, and exits. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * @param promise what must hold, in words that an operator can report
 * @throws {InvariantError} when `condition` is false
 */
export function invariant(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new InvariantError(`broken invariant: ${promise}`);
}
