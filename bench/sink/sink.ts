/** Our own sink: an SMTP server that takes every mail as fast as it comes and keeps what it is told to. */
import { createServer, type Server, type Socket } from 'node:net';
import { type SinkRule, SinkRules } from './rules.ts';
import { converse, type SinkMail } from './sink-session.ts';

export interface SinkOptions {
  /** 0, or left out: a free one. */
  readonly port?: number;
  readonly rules?: readonly SinkRule[];
  readonly onMail: (mail: SinkMail) => void;
}

export class Sink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: SinkOptions) {
    const rules = new SinkRules(options.rules ?? []);
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      converse(socket, rules, options.onMail);
    });
  }

  static start(options: SinkOptions): Promise<Sink> {
    const sink = new Sink(options);
    return new Promise((resolve, reject) => {
      sink.#server.once('error', reject);
      sink.#server.listen({ port: options.port ?? 0, host: '127.0.0.1', backlog: 1000 }, () => resolve(sink));
    });
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Lets nobody in any more and drops whoever is there. */
  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
