/** What a server offers (RFC 5321 §4.1.1.1): the lines of its EHLO reply behind the first. */

export interface Extensions {
  readonly pipelining: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  /** RFC 1870: null: not offered; 0: no fixed limit. */
  readonly sizeBytesMax: number | null;
}

/** @param reply the whole EHLO reply, its lines parted by LF; that of HELO has one line and so offers nothing */
export function extensionsOf(reply: string): Extensions {
  const offers = new Map<string, string>();
  for (const line of reply.split('\n').slice(1)) {
    const [keyword = '', parameter = ''] = line.slice(4).trim().split(/\s+/, 2);
    offers.set(keyword.toUpperCase(), parameter);
  }
  const size = offers.get('SIZE');
  return {
    pipelining: offers.has('PIPELINING'),
    eightBitMime: offers.has('8BITMIME'),
    smtpUtf8: offers.has('SMTPUTF8'),
    dsn: offers.has('DSN'),
    sizeBytesMax: size === undefined ? null : /^\d{1,15}$/.test(size) ? Number(size) : 0,
  };
}
