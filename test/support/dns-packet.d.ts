/** What we use of dns-packet, which brings no types. */
declare module 'dns-packet' {
  export interface Question {
    readonly type: string;
    readonly name: string;
  }

  export interface Packet {
    readonly type?: 'query' | 'response';
    readonly id?: number;
    readonly flags?: number;
    readonly questions?: readonly Question[];
    readonly answers?: readonly (Question & { readonly ttl: number; readonly data: unknown })[];
  }

  export const RECURSION_DESIRED: number;
  export const RECURSION_AVAILABLE: number;
  export function decode(bytes: Uint8Array): Packet;
  export function encode(packet: Packet): Buffer;
}
