/** `idle-connections`: what ten thousand SMTP connections that say nothing cost in memory and CPU. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProcessCost } from '../measure/processes.ts';
import { pause } from '../measure/wait.ts';
import { nodeProgram } from '../peers/child.ts';
import type { RunningServer, ServerName } from '../peers/server.ts';
import type { Settings } from '../settings.ts';
import { aims } from '../aims.ts';
import type { Scenario } from './scenario.ts';
import { costOf, serverLabel, withServer } from './servers.ts';

interface Held {
  readonly name: ServerName;
  readonly label: string;
  readonly opened: number;
  readonly lost: number;
  readonly openSeconds: number;
  readonly kibEach: number;
  readonly cpuMsPerSecond: number;
  readonly after: ProcessCost;
}

const entry = fileURLToPath(new URL('../load/idle.ts', import.meta.url));
/** Long enough for a collection of what opening them left behind, and to see what holding costs. */
const holdMs = 10_000;

export const idleConnections: Scenario = {
  what: 'memory of --connections idle connections',
  defaults: { sessions: [10], sizesKib: [1], modes: ['open'] },
  async run(settings, progress) {
    const names: ServerName[] = [...(settings.hasRingpost ? (['ringpost'] as const) : []), ...settings.peers];
    const held: Held[] = [];
    for (const name of names) {
      progress(`${settings.connections} connections to ${name}`);
      held.push(await withServer(settings, name, 1, (server) => hold(settings, server)));
    }
    return {
      servers: held.map(({ label }) => label),
      tables: [
        {
          title: `after ${holdMs / 1000} s of silence`,
          heads: ['server', 'opened', 'lost', 'opened in s', 'KiB each', 'RssAnon MiB', 'cpu ms/s while idle'],
          rows: held.map((h) => [
            ...[h.name, h.opened, h.lost, h.openSeconds, h.kibEach, h.after.rssAnonBytes / 2 ** 20, h.cpuMsPerSecond],
          ]),
        },
      ],
      verdicts: held
        .filter(({ name }) => name === 'ringpost')
        .map(({ opened, lost, kibEach }) => ({
          holds: opened === settings.connections && lost === 0 && kibEach < aims.idleConnectionKibMax,
          text: `${opened} idle connections held, ${lost} lost, ${kibEach.toFixed(1)} KiB each (aim: ${settings.connections}, 0, less than ${aims.idleConnectionKibMax})`,
        })),
      data: held,
    };
  },
};

async function hold(settings: Settings, server: RunningServer): Promise<Held> {
  await server.settle();
  const before = costOf(server);
  const options = JSON.stringify({ port: server.smtpPort, connections: settings.connections });
  const holder = spawn(nodeProgram(), [entry, options], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'close');
  const lines = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
  const first = await nextReport(lines);
  const opened = costOf(server);
  await pause(holdMs);
  const after = costOf(server);
  holder.stdin.end();
  const last = await nextReport(lines);
  await ended;
  return {
    name: server.name,
    label: serverLabel(server),
    opened: first.opened,
    lost: last.lost,
    openSeconds: first.seconds,
    kibEach: (after.rssAnonBytes - before.rssAnonBytes) / 1024 / first.opened,
    cpuMsPerSecond: ((after.cpuMs - opened.cpuMs) * 1000) / holdMs,
    after,
  };
}

async function nextReport(lines: AsyncIterator<string>): Promise<{ opened: number; lost: number; seconds: number }> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error('the process that holds the connections ended early');
  return JSON.parse(value);
}
