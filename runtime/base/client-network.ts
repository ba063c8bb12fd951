/** Which addresses count as one client, where something is bounded per client. Pure text. */

/** An IPv4 address as it is; of an IPv6 address its /64, which is what one customer gets (RFC 6177). */
export function clientOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const plain = address.split('%')[0] ?? address;
  const [front = '', back] = plain.split('::');
  const groups = front === '' ? [] : front.split(':');
  const missing = back === undefined ? 0 : 8 - groups.length - (back === '' ? 0 : back.split(':').length);
  const padded = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(back ?? '').split(':')];
  return padded
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
