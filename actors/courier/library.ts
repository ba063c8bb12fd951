/**
 * The only importer of nodemailer. What is taken from it: the way from a connection to a session - greeting, EHLO or HELO,
 * STARTTLS with all that must be thrown away around it (RFC 3207 §4.2), AUTH. Transactions are ours (`transaction.ts`): the
 * library's put one ORCPT on all recipients, cannot be asked before the final dot, and are sent one verb at a time.
 */
import type { Socket } from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

/** What of it is not in its types and is needed here. Held by the tests of hostile servers. */
interface Insides {
  readonly _onSocketData: () => void;
  readonly _onSocketError: () => void;
  readonly _onSocketClose: () => void;
  readonly _onSocketEnd: () => void;
  readonly _onSocketTimeout: () => void;
  readonly _onConnectionSocketError: () => void;
  _destroyed: boolean;
  _responseQueue: string[];
  _clearPhase(): void;
  _onData(chunk: Buffer): void;
  _onError(error: Error, type: string, data: false, command: string): void;
}

/** All that a server says until mail may be sent. A usual one needs 1 KiB. */
const bytesMax = 32 * 1024;

/**
 * The library bounds a reply, but not their number: a server that says `CRLF` for ever has it queue each of them, and
 * work that queue off long after the connection is gone.
 */
export class OpeningConnection extends SMTPConnection {
  #bytes = 0;

  _onData(chunk: Buffer): void {
    const insides = SMTPConnection.prototype as unknown as Insides;
    this.#bytes += chunk.length;
    if (this.#bytes <= bytesMax) return insides._onData.call(this, chunk);
    (this as unknown as Insides)._responseQueue = [];
    insides._onError.call(this, new Error('the server says more than a greeting'), 'EPROTOCOL', false, 'CONN');
  }
}

/** The socket (after STARTTLS the TLS one), which the library then no longer listens to. It does not flow. */
export function takeSocket(connection: OpeningConnection): Socket {
  const socket = connection._socket as Socket;
  const insides = connection as unknown as Insides;
  socket.pause();
  socket.off('data', insides._onSocketData);
  socket.off('timeout', insides._onSocketTimeout);
  socket.off('close', insides._onSocketClose);
  socket.off('end', insides._onSocketEnd);
  socket.off('error', insides._onSocketError);
  socket.off('error', insides._onConnectionSocketError);
  socket.setTimeout(0);
  insides._clearPhase();
  insides._responseQueue = [];
  insides._destroyed = true;
  return socket;
}
