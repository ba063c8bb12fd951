/**
 * The command line's end of the admin API: HTTP over the unix socket in a data directory.
 *
 * Promises: a refusal of the node arrives here as the same `OperationError`; a node that is not there, or that goes
 * away meanwhile, is a refusal with its cure.
 * Leaves to others: what can be asked (the rows), repeating a call that may be repeated.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type ErrorData, OperationError } from '../base/errors.ts';
import type { AdminRow } from './admin-row.ts';
import { adminSocketPath, bindableSocketPath } from './admin-socket.ts';
import { foreignAnswer, nodeWentAway, notPermitted, notRunning } from './codes.ts';

/** Calls of one command that run side by side (an export reads ahead). */
const socketsMax = 8;
/** A node that says nothing for so long hangs: its own limit for one ask is far below. */
const silenceMsMax = 300_000;

export class AdminClient {
  readonly #dataDirectory: string;
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: socketsMax });

  /** @throws {OperationError} `socketPathTooLong` */
  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory;
    this.#socketPath = bindableSocketPath(adminSocketPath(dataDirectory));
  }

  /** @throws {OperationError} what the node refused, `notRunning`, `notPermitted` or `nodeWentAway` */
  async call<Input, Answer>(row: AdminRow<Input, Answer>, args: Input): Promise<Answer> {
    const body = Buffer.from(JSON.stringify(args));
    const response = await this.#send(row.name, '', 'application/json', body);
    return (await readJson(response)) as Answer;
  }

  /** Sends raw bytes beside the arguments. Throws as `call` does. */
  async upload<Input, Answer>(row: AdminRow<Input, Answer>, args: Input, bytes: Uint8Array): Promise<Answer> {
    const query = `?arguments=${encodeURIComponent(JSON.stringify(args))}`;
    const response = await this.#send(row.name, query, 'application/octet-stream', bytes);
    return (await readJson(response)) as Answer;
  }

  /** The raw bytes of the answer as they come. Throws as `call` does, before the first byte or between two. */
  async *download<Input>(
    row: AdminRow<Input, AsyncIterable<Uint8Array>>,
    args: Input,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const body = Buffer.from(JSON.stringify(args));
    const response = await this.#send(row.name, '', 'application/json', body);
    try {
      for await (const chunk of response) yield chunk as Uint8Array;
    } catch (error) {
      throw nodeWentAway(error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(name: string, query: string, contentType: string, body: Uint8Array): Promise<IncomingMessage> {
    const response = await this.#exchange(name, query, contentType, body);
    if (response.statusCode === 200) return response;
    // An answer that is no JSON comes from something else than a node: said as `foreignAnswer`.
    const data = (await readJson(response).catch(() => null)) as ErrorData | null;
    if (typeof data?.code !== 'string') throw foreignAnswer(name);
    throw new OperationError(data);
  }

  #exchange(name: string, query: string, contentType: string, body: Uint8Array): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const ask: ClientRequest = request({
        socketPath: this.#socketPath,
        agent: this.#agent,
        method: 'POST',
        path: `/admin/${name}${query}`,
        headers: { host: 'localhost', 'content-type': contentType, 'content-length': body.byteLength },
        timeout: silenceMsMax,
      });
      ask.once('response', resolve);
      ask.once('timeout', () => ask.destroy(new Error('the node is silent')));
      ask.once('error', (error: NodeJS.ErrnoException) => reject(this.#failure(error)));
      ask.end(body);
    });
  }

  #failure(error: NodeJS.ErrnoException): OperationError {
    // ENOTDIR: a part of the path is a file. ENOTSOCK: admin.sock is something else.
    const absent = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'];
    if (absent.includes(error.code ?? '')) return notRunning(this.#dataDirectory);
    if (error.code === 'EACCES' || error.code === 'EPERM') return notPermitted(this.#socketPath);
    return nodeWentAway(error);
  }
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Uint8Array);
  } catch (error) {
    throw nodeWentAway(error);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
