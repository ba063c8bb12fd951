/**
 * A disk that is slow or broken: strace between the node and the kernel.
 *
 * `-D` makes the node our child and strace its grandchild, so that kill and exit status are the node's own;
 * `--seccomp-bpf` leaves all other calls at full speed.
 */
import { findTool } from './tools.ts';

function strace(...words: readonly string[]): string[] {
  return [findTool('strace') ?? 'strace', '-D', '-f', '-qq', '--seccomp-bpf', ...words];
}

/** Every fdatasync begins `delayMs` late. */
export function slowSync(delayMs: number): string[] {
  return strace('-o', '/dev/null', '-e', `inject=fdatasync:delay_enter=${delayMs * 1000}`, '-e', 'trace=fdatasync');
}

/** Each thread's fdatasync fails with EIO from its `nth` on. */
export function failingSync(nth: number): string[] {
  return strace('-o', '/dev/null', '-e', `inject=fdatasync:error=EIO:when=${nth}+`, '-e', 'trace=fdatasync');
}

/** Writes each call of `calls` with its wall-clock time to `logPath`. */
export function tracedCalls(calls: readonly string[], logPath: string): string[] {
  return strace('-ttt', '-y', '-o', logPath, '-e', `trace=${calls.join(',')}`);
}
