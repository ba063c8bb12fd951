/**
 * What a node shows to probes and to Prometheus: /healthz, /readyz, /metrics, and nothing else.
 *
 * Promises: /healthz answers as long as this thread lives; /readyz says 200 only while the core says that it serves, and
 * else 503 with the reasons; nothing here changes anything or shows mail; a listener of `implicit` TLS says no byte in
 * clear.
 * Leaves to others: the values (`core.inspect('health')`: a `HealthReport`, `core.inspect('metrics')`: text).
 */
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { Clock } from '../../../runtime/base/clock.ts';
import { errorData } from '../../../runtime/base/errors.ts';
import type { HealthReport } from '../../../runtime/observe/health.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { type ClosableServer, closeServer, connectionsOf } from './server-close.ts';

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte. */
  readonly tls: 'none' | 'implicit';
}

export interface HttpEdgeOptions {
  readonly core: Pick<CoreApi, 'inspect'>;
  readonly listeners: readonly HttpListener[];
  /** For the listeners that have TLS. */
  readonly tls: CertificatePem;
  readonly clock: Clock;
  bug(what: string, error: unknown): void;
}

export interface HttpEdge {
  /** Where it listens, in the order of the listeners; tells the port when 0 was asked for. */
  readonly addresses: readonly HttpListener[];
  /** For new handshakes; connections that are there keep theirs. @throws when it is none, and the old one then stays */
  reloadCertificate(pem: CertificatePem): void;
  stop(graceMs: number): Promise<void>;
}

/** A core that takes longer has lost its loop to something: a probe must hear of that rather than wait. */
const answerMsMax = 2_000;
const connectionsMax = 200;
/** From the first byte to the end of the handshake, of the headers, and of the request: probes are short. */
const requestMsMax = 10_000;

export async function startHttpEdge(options: HttpEdgeOptions): Promise<HttpEdge> {
  const app = httpApp(options);
  const servers = new Map<ClosableServer, Iterable<Socket>>();
  const stop = async (graceMs: number): Promise<void> => {
    const closed = [...servers].map(([server, open]) => closeServer(server, options.clock, graceMs, open));
    await Promise.all(closed);
  };
  const addresses: HttpListener[] = [];
  try {
    for (const listener of options.listeners) {
      const server = makeServer(app, listener, options.tls);
      const open = connectionsOf(server);
      addresses.push(await listen(server, listener));
      servers.set(server, open);
    }
  } catch (error) {
    await stop(0);
    throw error;
  }
  return {
    addresses,
    stop,
    reloadCertificate(pem) {
      for (const server of servers.keys()) if (server instanceof TlsServer) server.setSecureContext(tlsOptionsOf(pem));
    },
  };
}

function makeServer(app: Hono, { tls }: HttpListener, pem: CertificatePem): ClosableServer {
  const bounds = { headersTimeout: requestMsMax, requestTimeout: requestMsMax };
  const secured = {
    createServer: createTlsServer,
    serverOptions: { ...bounds, ...tlsOptionsOf(pem), handshakeTimeout: requestMsMax },
  };
  const options = { fetch: app.fetch, ...(tls === 'implicit' ? secured : { serverOptions: bounds }) };
  // The adaptor's type allows for HTTP/2 too, of which nothing was asked.
  const server = createAdaptorServer(options) as ClosableServer;
  server.maxConnections = connectionsMax;
  return server;
}

/** As `node:tls` names them. */
function tlsOptionsOf({ key, certificate }: CertificatePem): { readonly key: string; readonly cert: string } {
  return { key, cert: certificate };
}

/** @throws what the system says, e.g. EADDRINUSE */
function listen(server: ClosableServer, listener: HttpListener): Promise<HttpListener> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: listener.host, port: listener.port }, () => {
      server.off('error', reject);
      resolve({ ...listener, port: (server.address() as AddressInfo).port });
    });
  });
}

function httpApp({ core, clock, bug }: HttpEdgeOptions): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
  });
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', async (c) => {
    const health = await inTime(clock, core.inspect('health') as Promise<HealthReport>, asUnready);
    if (health.isReady) return c.json({ status: 'ready' });
    const reasons = health.conditions.filter(({ isMet }) => !isMet).map(({ name, text }) => `${name}: ${text}`);
    return problem(c, 503, 'not ready', reasons.join('; '), { reasons });
  });
  app.get('/metrics', async (c) => {
    const text = await inTime(clock, core.inspect('metrics') as Promise<string>, () => null);
    if (text === null) return problem(c, 503, 'no metrics', `the core gave none within ${answerMsMax} ms`);
    // The exposition format's own media type: https://prometheus.io/docs/instrumenting/exposition_formats/
    return c.body(text, 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  });
  app.notFound((c) => problem(c, 404, 'not found', 'there are /healthz, /readyz and /metrics here, by GET'));
  app.onError((error, c) => {
    bug('HTTP edge', error);
    return problem(c, 503, 'internal error', errorData(error).text);
  });
  return app;
}

const asUnready = (text: string): HealthReport => ({
  isReady: false,
  conditions: [{ name: 'core', isMet: false, text }],
});

/** The value, or what `otherwise` makes of the reason why there is none. */
function inTime<Value>(clock: Clock, value: Promise<Value>, otherwise: (why: string) => Value): Promise<Value> {
  return new Promise((resolve) => {
    const cancel = clock.after(answerMsMax, () =>
      resolve(otherwise(`the core did not answer within ${answerMsMax} ms`)),
    );
    value.then(
      (known) => {
        cancel();
        resolve(known);
      },
      (error: unknown) => {
        cancel();
        resolve(otherwise(errorData(error).text));
      },
    );
  });
}

/** RFC 9457. */
function problem(c: Context, status: 404 | 503, title: string, detail: string, more: object = {}): Response {
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, ...more });
  return c.body(body, status, { 'content-type': 'application/problem+json' });
}
