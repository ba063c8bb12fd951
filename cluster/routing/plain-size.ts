/**
 * Whether a value can travel: a frame that is too large or nested too deep would break the link that carries it, and all
 * others' calls with it. Looked at before it is sent.
 */
import { doesNotFit } from './codes.ts';

export interface ValueBounds {
  readonly bytesMax: number;
  readonly depthMax: number;
}

/**
 * @param what it is, for the error
 * @throws {OperationError} `doesNotFit`
 */
export function requireFitting(value: unknown, what: string, { bytesMax, depthMax }: ValueBounds): void {
  const bytes = roughBytes(value, bytesMax, depthMax);
  if (bytes === null) throw doesNotFit(what, `it is nested more than ${depthMax} deep`);
  if (bytes > bytesMax) throw doesNotFit(what, `it has more than ${bytesMax} bytes`);
}

/** About what it takes packed, or a little more; more than `bytesMax` is not counted to its end. Null: nested too deep. */
function roughBytes(value: unknown, bytesMax: number, depthLeft: number): number | null {
  if (typeof value === 'string') return 5 + (value.length <= 64 ? value.length : Buffer.byteLength(value));
  if (typeof value !== 'object' || value === null) return 9;
  if (value instanceof Uint8Array) return 5 + value.byteLength;
  if (depthLeft <= 0) return null;
  let sum = 5;
  if (Array.isArray(value)) {
    for (const item of value) {
      const bytes = roughBytes(item, bytesMax - sum, depthLeft - 1);
      if (bytes === null) return null;
      sum += bytes;
      if (sum > bytesMax) return sum;
    }
    return sum;
  }
  for (const name in value) {
    const bytes = roughBytes((value as Record<string, unknown>)[name], bytesMax - sum, depthLeft - 1);
    if (bytes === null) return null;
    sum += bytes + name.length + 2;
    if (sum > bytesMax) return sum;
  }
  return sum;
}
