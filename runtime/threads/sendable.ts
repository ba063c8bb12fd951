/**
 * Values made fit to cross a thread by structured clone.
 *
 * Two traps are closed here. A `Buffer` is often a window on a shared pool, and a clone copies the whole pool: slow,
 * and it would show one session's bytes to another thread. And one function anywhere in a batch would fail the whole
 * batch: it is refused here, at the call that brought it.
 */
import { isMarkedAsUntransferable } from 'node:worker_threads';
import { limits } from '../base/limits.ts';
import { notSendable } from './codes.ts';

/**
 * `value` itself, or a copy in which every byte string owns its buffer.
 * @throws {OperationError} `notSendable`
 */
export function sendable(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'object':
      break;
    case 'function':
    case 'symbol':
      throw notSendable(`a ${typeof value}`);
    default:
      return value;
  }
  if (value === null) return value;
  if (depth > limits.valueDepthMax) throw notSendable(`a value nested more than ${limits.valueDepthMax} deep`);
  if (Array.isArray(value)) return sendableArray(value, depth);
  // Not `slice`: that of a Buffer is a window too.
  if (value instanceof Uint8Array) return ownsItsBuffer(value) ? value : new Uint8Array(value);
  if (value instanceof Promise) throw notSendable('a promise');
  return sendableObject(value as Record<string, unknown>, depth);
}

function sendableArray(values: readonly unknown[], depth: number): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < values.length; i++) {
    const before = values[i];
    const after = sendable(before, depth + 1);
    if (after === before) continue;
    copy ??= [...values];
    copy[i] = after;
  }
  return copy ?? values;
}

function sendableObject(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const key in value) {
    const before = value[key];
    const after = sendable(before, depth + 1);
    if (after === before) continue;
    copy ??= { ...value };
    copy[key] = after;
  }
  return copy ?? value;
}

function ownsItsBuffer(bytes: Uint8Array): boolean {
  return bytes.byteLength === bytes.buffer.byteLength;
}

/**
 * Bytes that may be given away with their buffer: `bytes` itself where it owns all of its buffer, else a copy.
 * Buffers of native add-ons and the pool are marked as not transferable.
 */
export function transferable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isMovable = buffer instanceof ArrayBuffer && ownsItsBuffer(bytes) && !isMarkedAsUntransferable(buffer);
  return isMovable ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
