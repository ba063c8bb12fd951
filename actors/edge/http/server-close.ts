/** Ends an HTTP server in an orderly way, with TLS or without. */
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '../../../runtime/base/clock.ts';

export type ClosableServer = Server | TlsServer;

/**
 * The open connections of a server that does not listen yet, kept up to date. Node itself knows one of TLS only from the
 * end of its handshake on, and yet waits for all at the end: whoever connects and says nothing would hold it up.
 */
export function connectionsOf(server: ClosableServer): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return open;
}

/** Takes no new requests, lets those under way end, and cuts the rest, and all of `connections`, after `graceMs`. */
export function closeServer(
  server: ClosableServer,
  clock: Clock,
  graceMs: number,
  connections: Iterable<Socket> = [],
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(graceMs, () => {
      server.closeAllConnections();
      for (const socket of connections) socket.destroy();
    });
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
