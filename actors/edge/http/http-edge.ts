/**
 * The HTTP listeners of a node: /healthz, /readyz and /metrics for probes and Prometheus, and beside them the API.
 *
 * Promises: /healthz answers as long as this thread lives; /readyz says 200 only while the core says that it serves, and
 * else 503 with the reasons; neither they nor /metrics change anything or show mail; a listener of `implicit` TLS says no
 * byte in clear; a client that sends or takes nothing is cut off; whatever one client elsewhere does, probes on this
 * machine get through.
 * Leaves to others: the values (`core.inspect('health')`: a `HealthReport`, `core.inspect('metrics')`: text), and all of
 * the API (`v1/api.ts`), which looks after log-ins, limits of its requests and TLS itself.
 */
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { Clock } from '../../../runtime/base/clock.ts';
import { errorData, tryLater } from '../../../runtime/base/errors.ts';
import type { HealthReport } from '../../../runtime/observe/health.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { ConnectionPlaces, defaultPlaces, type PlaceLimits } from './connection-places.ts';
import { inTime } from './in-time.ts';
import { type ClosableServer, closeServer, connectionsOf } from './server-close.ts';

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte. */
  readonly tls: 'none' | 'implicit';
}

export interface EdgeLimits {
  readonly places: PlaceLimits;
  /** From the first byte to the end of the handshake, and to that of the headers. */
  readonly headersMsMax: number;
}

export interface HttpEdgeOptions {
  readonly core: Pick<CoreApi, 'inspect'>;
  readonly listeners: readonly HttpListener[];
  /** For the listeners that have TLS. */
  readonly tls: CertificatePem;
  readonly clock: Clock;
  /** What answers everything else; null: nothing does. */
  readonly api: Hono<any> | null;
  /** Others than the usual ones in tests. */
  readonly limits?: EdgeLimits;
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
const defaultLimits: EdgeLimits = { places: defaultPlaces, headersMsMax: 10_000 };
/** How often Node looks whose time for headers or request is up: by itself every 30 s only. */
const lateLookMs = 1_000;
/** To the end of a request. The API cuts off a slow body long before (`v1/receive.ts`). */
const requestMsMax = 300_000;
/** Without a byte either way. The API's slowest answer comes sooner. */
const silenceMsMax = 60_000;

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
      const server = makeServer(app, listener, options);
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

function makeServer(app: Hono, { tls }: HttpListener, edge: HttpEdgeOptions): ClosableServer {
  const { places, headersMsMax } = edge.limits ?? defaultLimits;
  const bounds = {
    headersTimeout: headersMsMax,
    requestTimeout: requestMsMax,
    connectionsCheckingInterval: lateLookMs,
  };
  const secured = {
    createServer: createTlsServer,
    serverOptions: { ...bounds, ...tlsOptionsOf(edge.tls), handshakeTimeout: headersMsMax },
  };
  const options = { fetch: app.fetch, ...(tls === 'implicit' ? secured : { serverOptions: bounds }) };
  // The adaptor's type allows for HTTP/2 too, of which nothing was asked.
  const server = createAdaptorServer(options) as ClosableServer;
  server.setTimeout(silenceMsMax);
  admitBy(new ConnectionPlaces(places), server);
  return server;
}

/** Before the handshake: a refusal says nothing and costs little. */
function admitBy(places: ConnectionPlaces, server: ClosableServer): void {
  server.on('connection', (socket: Socket) => {
    const leave = places.enter(socket.remoteAddress ?? '');
    if (leave === null) socket.destroy();
    else socket.once('close', leave);
  });
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

function httpApp({ core, clock, api, bug }: HttpEdgeOptions): Hono {
  const app = new Hono();
  const inspected = <Value>(topic: string): Promise<Value> =>
    inTime(clock, answerMsMax, core.inspect(topic) as Promise<Value>, noAnswer);
  app.use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
  });
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', async (c) => {
    const health = await inspected<HealthReport>('health').catch(asUnready);
    if (health.isReady) return c.json({ status: 'ready' });
    const reasons = health.conditions.filter(({ isMet }) => !isMet).map(({ name, text }) => `${name}: ${text}`);
    return problem(c, 503, 'not ready', reasons.join('; '), { reasons });
  });
  app.get('/metrics', async (c) => {
    const text = await inspected<string>('metrics').catch((error: unknown) => error);
    if (typeof text !== 'string') return problem(c, 503, 'no metrics', errorData(text).text);
    // The exposition format's own media type: https://prometheus.io/docs/instrumenting/exposition_formats/
    return c.body(text, 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  });
  if (api !== null) app.route('/', api);
  app.notFound((c) => problem(c, 404, 'not found', 'there are /healthz, /readyz, /metrics and /openapi.json here'));
  app.onError((error, c) => {
    bug('HTTP edge', error);
    return problem(c, 503, 'internal error', errorData(error).text);
  });
  return app;
}

const noAnswer = () => tryLater('noAnswer', `the core did not answer within ${answerMsMax} ms`);

const asUnready = (error: unknown): HealthReport => ({
  isReady: false,
  conditions: [{ name: 'core', isMet: false, text: errorData(error).text }],
});

/** RFC 9457. */
function problem(c: Context, status: 404 | 503, title: string, detail: string, more: object = {}): Response {
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, ...more });
  return c.body(body, status, { 'content-type': 'application/problem+json' });
}
