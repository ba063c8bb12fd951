/**
 * What a process and its descendants cost, from /proc (Linux only).
 *
 * Memory is `RssAnon`: a map of LMDB's file is the page cache's, not ours (plan §17). CPU counts the dead too: a
 * server of many short-lived processes, such as Postfix, leaves their time with the parent that reaped them.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface ProcessCost {
  /** User and system time since the start, of all threads, with that of children that ended. */
  readonly cpuMs: number;
  readonly rssAnonBytes: number;
  readonly processCount: number;
}

/** The cost of `rootPid` and all that descend from it; zeros when it is gone. */
export function processTreeCost(rootPid: number): ProcessCost {
  let cpuMs = 0;
  let rssAnonBytes = 0;
  const pids = processTree(rootPid);
  for (const pid of pids) {
    cpuMs += cpuMsOf(pid);
    rssAnonBytes += rssAnonBytesOf(pid);
  }
  return { cpuMs, rssAnonBytes, processCount: pids.length };
}

export function totalCost(costs: readonly ProcessCost[]): ProcessCost {
  return {
    cpuMs: costs.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    rssAnonBytes: costs.reduce((sum, { rssAnonBytes }) => sum + rssAnonBytes, 0),
    processCount: costs.reduce((sum, { processCount }) => sum + processCount, 0),
  };
}

/** `rootPid` and every living descendant, parents first. */
export function processTree(rootPid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(statFields(pid)?.[1]);
    const siblings = childrenOf.get(parent);
    if (siblings === undefined) childrenOf.set(parent, [pid]);
    else siblings.push(pid);
  }
  const found = [rootPid];
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []));
  return found;
}

/** CPU that the whole machine has used since it started, all cores, waiting for a disk not counted. */
export function machineCpuMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  // proc(5): user nice system idle iowait irq softirq steal; guest time is in user already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return ((user + nice + system + irq + softirq + steal) * 1000) / ticksPerSecond;
}

function cpuMsOf(pid: number): number {
  const fields = statFields(pid);
  if (fields === undefined) return 0;
  // proc(5): utime, stime, cutime and cstime are fields 14 to 17; `fields` starts at the third.
  const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
  return (ticks * 1000) / ticksPerSecond;
}

function rssAnonBytesOf(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readProc(pid, 'status') ?? '');
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** The fields of /proc/<pid>/stat from the third (state) on; the second, the name, may itself hold blanks. */
function statFields(pid: number): string[] | undefined {
  const stat = readProc(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Undefined when the process ended meanwhile. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
