/** What a number was measured on: without this beside it, it means nothing. */
import { readFileSync, statfsSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  /** File system under the data directories. On `tmpfs` an fsync costs nothing, and no number is worth quoting. */
  readonly fileSystem: string;
  /** One-minute load before the run: other work on the machine spoils the numbers. */
  readonly loadBefore: number;
  readonly ringpost: string;
}

/** statfs(2), `f_type`. */
const fileSystems: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x01021994, 'tmpfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
]);

/** @param dataRoot the directory that the servers' data directories are made in */
export function describeMachine(dataRoot: string): Machine {
  const processors = cpus();
  const type = statfsSync(dataRoot).type;
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${release()} ${arch()}`,
    node: process.version,
    fileSystem: fileSystems.get(type) ?? `0x${type.toString(16)}`,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    ringpost: ringpostVersion(),
  };
}

export function ringpostVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
