/** Addresses of meshes as text: `host:port`, `[2001:db8::1]:port`. */

export interface Place {
  readonly host: string;
  readonly port: number;
}

const addressLengthMax = 300;

/** Null: it is none. */
export function parseAddress(text: string): Place | null {
  if (text.length > addressLengthMax) return null;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, six, name, port] = match;
  const number = Number(port);
  return number > 0 && number <= 65_535 ? { host: (six ?? name) as string, port: number } : null;
}

export function formatAddress({ host, port }: Place): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
