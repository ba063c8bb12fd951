/** What a scenario found, and how it is shown: tables and verdicts for people, the same as JSON for scripts. */
import type { Machine } from './measure/machine.ts';
import { type Cell, formatTable } from './measure/table.ts';
import type { Settings } from './settings.ts';

export interface ReportTable {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A sentence that compares what was measured with what is aimed at. */
export interface Verdict {
  readonly holds: boolean;
  readonly text: string;
}

export interface Report {
  /** `name version` of every server that was under load. */
  readonly servers: readonly string[];
  readonly tables: readonly ReportTable[];
  readonly verdicts: readonly Verdict[];
  /** What a table has no room for: every round, in units that the names tell. */
  readonly data: unknown;
}

export function formatReport(machine: Machine, settings: Settings, report: Report): string {
  const parts = [
    `bench ${settings.scenario}  ringpost ${machine.ringpost}  node ${machine.node}`,
    `machine: ${machine.cores} cores ${machine.cpu}, ${machine.memoryGib} GiB, Linux ${machine.kernel}, ${machine.fileSystem}, load before ${machine.loadBefore}`,
    `servers: ${report.servers.join('; ')}`,
    `settings: ${formatSettings(settings)}`,
  ];
  if (machine.fileSystem === 'tmpfs')
    parts.push('WARNING: the data is on tmpfs, where an fsync costs nothing: use --root');
  for (const table of report.tables) parts.push('', table.title, formatTable(table.heads, table.rows));
  if (report.verdicts.length > 0) parts.push('');
  for (const verdict of report.verdicts) parts.push(`${verdict.holds ? 'holds ' : 'MISSED'}  ${verdict.text}`);
  return `${parts.join('\n')}\n`;
}

export function reportJson(machine: Machine, settings: Settings, report: Report): string {
  return `${JSON.stringify({ machine, settings, ...report }, null, 2)}\n`;
}

function formatSettings(settings: Settings): string {
  return Object.entries(settings)
    .filter(([name]) => name !== 'scenario' && name !== 'json')
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') || '-' : value}`)
    .join(' ');
}
