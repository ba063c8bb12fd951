/** The peer `bare`: what smtp-server and LMDB can do when nothing of ours is between them (`bare-server.ts`). */
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, freePort, nodeProgram, settleByCpu } from './child.ts';
import type { RunningServer, StartOptions } from './server.ts';

const entry = fileURLToPath(new URL('./bare-server.ts', import.meta.url));
const startMsMax = 20_000;

export async function startBare(options: StartOptions): Promise<RunningServer> {
  const smtpPort = await freePort();
  const child = new Child(nodeProgram(), [entry, String(smtpPort), options.dataDir], join(options.dataDir, 'bare.log'));
  const startMs = await child.ready('bare does not start', () => answersTcp(smtpPort), startMsMax);
  return {
    name: 'bare',
    version: 'smtp-server 3.21.6, lmdb 3.5.6',
    smtpPort,
    rootPids: [child.pid],
    startMs,
    settle: () => settleByCpu([child.pid]),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

/** True when something accepts connections on the port. */
export function answersTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
