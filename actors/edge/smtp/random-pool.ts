/** Chance in stock: one draw from the system costs about as much as handling a command, so it is made for many ids at once. */
import type { Random } from '../../../runtime/base/random.ts';

const poolBytes = 4096;

export function randomPool(random: Random): Random {
  let pool: Uint8Array = new Uint8Array();
  let at = 0;
  return {
    bytes(count) {
      if (count > poolBytes) return random.bytes(count);
      if (at + count > pool.length) {
        pool = random.bytes(poolBytes);
        at = 0;
      }
      at += count;
      return pool.subarray(at - count, at);
    },
  };
}
