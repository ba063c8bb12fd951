/** Chance, as a thing that is handed in: the simulator draws it from its seed. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** `count` unpredictable bytes. They may be a view of a larger buffer: do not keep or change them. */
  bytes(count: number): Uint8Array;
}

const stockBytes = 4096;

/** Chance in stock: one draw from the system costs as much as a command, so it is made for many ids at once. */
export function stockedRandom(draw: (count: number) => Uint8Array): Random {
  let stock: Uint8Array = new Uint8Array(0);
  let at = 0;
  return {
    bytes(count) {
      if (count > stockBytes) return draw(count);
      if (at + count > stock.length) {
        stock = draw(stockBytes);
        at = 0;
      }
      at += count;
      return stock.subarray(at - count, at);
    },
  };
}

export const systemRandom: Random = stockedRandom((count) => randomBytes(count));
