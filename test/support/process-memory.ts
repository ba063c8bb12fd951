/** What a process holds in memory of its own: a map of the store's file is the page cache's, not ours. */
import { processTreeCost } from '../../bench/measure/processes.ts';

export function rssAnonBytes(pid: number): number {
  return processTreeCost(pid).rssAnonBytes;
}
