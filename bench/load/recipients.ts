/** The addresses that a bench writes to: the same list for whoever sends and whoever makes the accounts. */

export const benchDomain = 'bench.example';

/** Address number `index`. The first is the account that `quickstart` makes. */
export function benchAddress(index: number): string {
  return `${index === 0 ? 'bench' : `u${String(index).padStart(6, '0')}`}@${benchDomain}`;
}

/** `count` addresses, `stride` apart, from number `first` on. */
export function benchAddresses(count: number, stride = 1, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => benchAddress(first + i * stride));
}
