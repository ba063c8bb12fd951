/** Chance, as a thing that is handed in: the simulator draws it from its seed. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
};
