/** Where the three nodes of a trial keep their data and listen: all on this machine, next to each other. */
import { join } from 'node:path';

export interface TrialNode {
  readonly id: string;
  readonly dataDirectory: string;
  /** What the node writes. */
  readonly logPath: string;
  readonly smtpPort: number;
  readonly submissionPort: number;
  readonly httpPort: number;
  readonly meshPort: number;
}

export interface LayoutOptions {
  readonly directory: string;
  /** Added to every port: for a second trial at the same time. */
  readonly offset: number;
}

const nodes = 3;
const firstPorts = { smtp: 2525, submission: 2587, http: 8025, mesh: 2580 } as const;
/** Beyond it, the highest port would be none. */
export const offsetMax = 65_535 - firstPorts.http - nodes;

export function layoutOf({ directory, offset }: LayoutOptions): readonly TrialNode[] {
  return Array.from({ length: nodes }, (_, i): TrialNode => {
    const id = `n${i + 1}`;
    return {
      id,
      dataDirectory: join(directory, id),
      logPath: join(directory, `${id}.log`),
      smtpPort: firstPorts.smtp + offset + i,
      submissionPort: firstPorts.submission + offset + i,
      httpPort: firstPorts.http + offset + i,
      meshPort: firstPorts.mesh + offset + i,
    };
  });
}

export const meshAddressOf = ({ meshPort }: TrialNode): string => `127.0.0.1:${meshPort}`;

/** The words of `init` and `join` that a node keeps in its `ringpost.toml`. */
export function setsOf(node: TrialNode): readonly string[] {
  const sets = [
    `smtp.listen=127.0.0.1:${node.smtpPort}`,
    `submission.listen=127.0.0.1:${node.submissionPort}`,
    `http.listen=127.0.0.1:${node.httpPort}`,
    `mesh.listen=${meshAddressOf(node)}`,
    `hostname=${node.id}.localhost.localdomain`,
  ];
  return sets.flatMap((set) => ['--set', set]);
}
