/**
 * The fields of a frame that a peer sent, taken one after another. A peer may be broken: what does not fit is refused by
 * name, and every list and text has a bound.
 */
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { frameRefused } from './codes.ts';

/** Node ids are names that people type. */
const nodeCharactersMax = 128;
/** SHA-256 in base64url. */
const hashPattern = /^[\w-]{43}$/;
/** More fields than any frame of this folder has. */
const fieldsMax = 24;

export class Fields {
  readonly #of: readonly unknown[];
  #at = 0;

  /** @throws {OperationError} `frameRefused` */
  constructor(frame: unknown) {
    if (!Array.isArray(frame) || frame.length > fieldsMax) throw frameRefused('it is no list of a few fields');
    this.#of = frame;
  }

  next(): unknown {
    return this.#of[this.#at++];
  }

  /** A whole number from 0 on. */
  count(name: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.next();
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
    throw frameRefused(`${name} is no number from 0 to ${max}`);
  }

  /** A finite number. */
  number(name: string): number {
    const value = this.next();
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw frameRefused(`${name} is no number`);
  }

  flag(name: string): boolean {
    const value = this.next();
    if (typeof value === 'boolean') return value;
    throw frameRefused(`${name} is neither true nor false`);
  }

  text(name: string, charactersMax: number): string {
    const value = this.next();
    if (typeof value === 'string' && value.length <= charactersMax) return value;
    throw frameRefused(`${name} is no text of at most ${charactersMax} characters`);
  }

  hash(): string {
    const value = this.next();
    if (typeof value === 'string' && hashPattern.test(value)) return value;
    throw frameRefused('a hash is not 43 characters of base64url');
  }

  bytes(name: string, bytesMax: number): Uint8Array {
    const value = this.next();
    if (value instanceof Uint8Array && value.byteLength <= bytesMax) return value;
    throw frameRefused(`${name} are no bytes, or more than ${bytesMax}`);
  }

  list(name: string, itemsMax: number): readonly unknown[] {
    const value = this.next();
    if (Array.isArray(value) && value.length <= itemsMax) return value;
    throw frameRefused(`${name} is no list of at most ${itemsMax}`);
  }

  nodeOrNull(name: string): NodeId | null {
    const value = this.next();
    if (value === null) return null;
    if (typeof value === 'string' && value !== '' && value.length <= nodeCharactersMax) return nodeId(value);
    throw frameRefused(`${name} names no node`);
  }

  /** A command, a query, a notice: an object that says its kind. */
  kinded(name: string): { readonly kind: string } {
    const value = this.next();
    const isKinded =
      typeof value === 'object' && value !== null && typeof (value as { readonly kind?: unknown }).kind === 'string';
    if (isKinded) return value as { readonly kind: string };
    throw frameRefused(`${name} is nothing that says its kind`);
  }
}
