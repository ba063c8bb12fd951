/**
 * The process of the peer `bare`: smtp-server awaiting one LMDB put per mail, on one thread.
 *
 * Promises: `250` after the mail is fsynced (`overlappingSync: false`), as Ringpost has it; no greeting delay, since
 * one connection per mail would measure nothing else (`library-facts.md`). It checks no recipient and keeps no mailbox.
 * Arguments: port, data directory.
 */
import { join } from 'node:path';
import { open } from 'lmdb';
import { SMTPServer } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';

type ServerSocket = Parameters<SMTPServer['connect']>[0];

/** Greets at once; the stock one waits 100 ms for clients that talk too early. */
class PromptConnection extends SMTPConnection {
  override init(): void {
    this._setListeners(() => this.connectionReady());
  }
}

class PromptServer extends SMTPServer {
  override connect(socket: ServerSocket, options?: SMTPConnectionOptions | null): void {
    const connection = new PromptConnection(this, socket, options);
    this.connections.add(connection);
    // A client that hangs up is no event here.
    connection.on('error', () => {});
    connection.init();
  }
}

const port = Number(process.argv[2]);
const dataDir = process.argv[3] ?? '.';
const store = open<Buffer, number>({ path: join(dataDir, 'bare.lmdb'), encoding: 'binary', overlappingSync: false });
let mails = 0;

const server = new PromptServer({
  logger: false,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  size: 64 * 1024 * 1024,
  onData(stream, _session, callback) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      store.put(mails++, Buffer.concat(chunks)).then(
        () => callback(null, 'stored'),
        (error: Error) => callback(error),
      );
    });
  },
});
// Without a listener an error of one connection would end the process.
server.on('error', () => {});
server.listen(port, '127.0.0.1', 4096);

process.once('SIGTERM', () => {
  server.close();
  void store.close().then(() => process.exit(0));
});
