/** Ends an HTTP server in an orderly way. */
import type { Server } from 'node:http';
import type { Clock } from '../../../runtime/base/clock.ts';

/** Takes no new requests, lets those under way end, and cuts the rest after `graceMs`. */
export function closeServer(server: Server, clock: Clock, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(graceMs, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
