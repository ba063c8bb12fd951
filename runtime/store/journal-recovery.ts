/**
 * What a journal holds that is not in the tree yet, found at start.
 *
 * Promises: a record that was acknowledged and is not whole any more is noticed wherever another one follows: then the node
 * does not start, rather than begin with a shorter memory. A last record that is not whole was never acknowledged: each is
 * durable before the next is begun, and before anybody hears of it. (After a power loss, a rotten last record cannot be told
 * from that; after a crash it can, by what the files say was acknowledged.)
 */
import { alignBytes, decodeAcknowledged, decodeRecord, firstRecordAt, type JournalRecord } from './journal-record.ts';

/**
 * @param parts the bytes of both files
 * @param applied the last record that is in the tree
 * @returns the records behind it, in order
 * @throws {JournalHoleError}
 */
export function recordsBehind(parts: readonly Buffer[], id: Uint8Array, applied: number): JournalRecord[] {
  const found: JournalRecord[] = [];
  for (const part of parts) {
    for (let at = firstRecordAt; at < part.length; ) {
      const record = decodeRecord(part, at, id);
      at += record?.bytes ?? alignBytes;
      if (record !== null && record.sequence > applied) found.push(record);
    }
  }
  found.sort((a, b) => a.sequence - b.sequence);
  const acknowledged = Math.max(applied, ...parts.map((part) => decodeAcknowledged(part, id)));
  const last = Math.max(acknowledged, found.at(-1)?.sequence ?? 0);
  for (let sequence = applied + 1; sequence <= last; sequence++) {
    if (found[sequence - applied - 1]?.sequence !== sequence) throw new JournalHoleError(sequence);
  }
  return found;
}

/** Acknowledged writes are gone. */
export class JournalHoleError extends Error {
  override readonly name = 'JournalHoleError';

  constructor(missing: number) {
    super(`record ${missing} of the journal was acknowledged and is not whole`);
  }
}
