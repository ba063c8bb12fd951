/**
 * The admin API of a node: POST /admin/<row>, JSON or raw bytes, over a unix socket in the data directory.
 *
 * Promises: nobody but the owner of the data directory can connect (mode 0600 from the first moment on); an error comes
 * as `ErrorData` with 400, 404, 409 or 503; nothing is answered without the row's permission.
 * Leaves to others: what the rows do (`actors/admin/`), the client (`runtime/cli/admin-client.ts`).
 */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { Principal } from '../../../runtime/actor/actor.ts';
import { errorData, type OperationError, refused } from '../../../runtime/base/errors.ts';
import type { AdminContext, AdminRow, Permission } from '../../../runtime/cli/admin-row.ts';
import { listenPrivately } from './private-socket.ts';
import { readBody } from './request-body.ts';
import { closeServer } from './server-close.ts';

export interface AdminApiOptions extends Omit<AdminContext, 'principal'> {
  readonly rows: readonly AdminRow[];
  /** `adminSocketPath(dataDirectory)`. */
  readonly socketPath: string;
  /** An error that is no refusal: a bug, for the node's log. */
  bug(what: string, error: unknown): void;
}

export interface AdminApi {
  /** Lets requests end, and cuts what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

const argumentBytesMax = 8 * 1024 * 1024;
/** A batch of an import, or one mail that is larger than a batch. */
const uploadBytesMax = 300 * 1024 * 1024;

/** @throws {OperationError} `alreadyRunning`, `socketPathTooLong` */
export async function startAdminApi(options: AdminApiOptions): Promise<AdminApi> {
  const rows = new Map(options.rows.map((row) => [row.name, row]));
  const app = new Hono();
  app.post('/admin/:name', (c) => answer(c, rows.get(c.req.param('name')), options));
  app.notFound((c) => errorResponse(c, unknownCommand(new URL(c.req.url).pathname)));
  app.onError((error, c) => {
    options.bug('admin API', error);
    return errorResponse(c, error);
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const closeSocket = await listenPrivately(server, options.socketPath, options.random);
  return {
    async stop(graceMs) {
      await closeServer(server, options.clock, graceMs);
      await closeSocket();
    },
  };
}

/** Whoever can open the socket owns the data; later doors (TLS) will name others, with roles. */
const localOperator: Principal = { kind: 'operator', id: 'local' };

/** The one place where a permission is looked at. */
function mayUse(principal: Principal, _permission: Permission): boolean {
  return principal.kind === 'operator' && principal.id === localOperator.id;
}

async function answer(c: Context, row: AdminRow | undefined, options: AdminApiOptions): Promise<Response> {
  const principal = localOperator;
  if (row === undefined) return errorResponse(c, unknownCommand(c.req.path));
  if (!mayUse(principal, row.permission)) return errorResponse(c, notAllowed(row));
  try {
    const isUpload = row.transfer === 'upload';
    const body = await readBody(c.req.raw, isUpload ? uploadBytesMax : argumentBytesMax);
    const text = isUpload ? (c.req.query('arguments') ?? '{}') : Buffer.from(body).toString('utf8');
    const result = await row.handle({ ...options, principal }, parseJson(text), isUpload ? body : new Uint8Array(0));
    if (row.transfer !== 'download') return c.json(result ?? null);
    const pieces = (result as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    // What fails before the first piece is an error like any other.
    const first = await pieces.next();
    const bytes = ReadableStream.from(reported(first, pieces, row, options));
    return c.body(bytes, 200, { 'content-type': 'application/octet-stream' });
  } catch (error) {
    if (errorData(error).code === 'internal') options.bug(`admin API, ${row.name}`, error);
    return errorResponse(c, error);
  }
}

/** An answer that has begun cannot turn into an error: it ends short, and the log says why. */
async function* reported(
  first: IteratorResult<Uint8Array>,
  pieces: AsyncIterator<Uint8Array>,
  row: AdminRow,
  options: AdminApiOptions,
) {
  try {
    for (let piece = first; !piece.done; piece = await pieces.next()) yield piece.value;
  } catch (error) {
    options.bug(`admin API, ${row.name}, while it was sent`, error);
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    throw refused('badArguments', 'the arguments are no JSON. Cure: use the ringpost command');
  }
}

const unknownCommand = (path: string): OperationError =>
  refused('unknownCommand', `this node knows no ${path}. Cure: use a ringpost command of the same version as the node`);

const notAllowed = (row: AdminRow): OperationError =>
  refused('notAllowed', `${row.name} needs the permission ${row.permission}. Cure: ask an operator who has it`);

function errorResponse(c: Context, error: unknown): Response {
  const data = errorData(error);
  return c.json(data, statusOf(data));
}

function statusOf({ code, transient }: { readonly code: string; readonly transient: boolean }): 400 | 404 | 409 | 503 {
  if (transient) return 503;
  if (code === 'badArguments' || code === 'badAddress') return 400;
  return code.startsWith('noSuch') || code.startsWith('unknown') ? 404 : 409;
}
