/** What is looked at when the drill fails: what happened when, and to which node each mail was given. */
import type { FaultRecord } from './fault-rounds.ts';
import type { Books } from './sending.ts';

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** The faults as JSON, with times in seconds since the start of the drill. */
export function timelineOf(records: readonly FaultRecord[], startMs: number): string {
  const rows = records.map(({ atMs, healedMs, backMs, probes, ...rest }) => ({
    ...rest,
    at: seconds(atMs - startMs),
    healed: seconds(healedMs - startMs),
    back: backMs === null ? null : seconds(backMs - startMs),
    probes: probes.map(({ ms, told, isServed }) => ({ after: seconds(ms), isServed, told })),
  }));
  return JSON.stringify(rows, null, 2);
}

/** A fault of the ledger that names a mail, with who took it, when, and the faults just before and after. */
export function annotated(fault: string, books: Books, records: readonly FaultRecord[], startMs: number): string {
  const number = /\bmail (\d+)\b/.exec(fault)?.[1];
  const taken = number === undefined ? undefined : books.takenBy.get(Number(number));
  if (taken === undefined) return fault;
  const before = records.findLast(({ atMs }) => atMs <= taken.atMs);
  const after = records.find(({ atMs }) => atMs > taken.atMs);
  const near = [before, after].flatMap((record) => {
    if (record === undefined) return [];
    const by = seconds(taken.atMs - record.atMs);
    return [
      `${by} s from fault ${record.nr} (${record.kind} ${record.text}, ${seconds(record.healedMs - record.atMs)} s long)`,
    ];
  });
  return [`${fault}; 250 from ${taken.node} at ${seconds(taken.atMs - startMs)} s`, ...near].join(', ');
}
