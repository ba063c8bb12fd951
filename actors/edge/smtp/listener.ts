/**
 * One listening address: smtp-server with our sessions, and the door that refuses before a session is made.
 *
 * Leaves to others: who may enter (`admission.ts`), when it opens and closes (`server.ts`).
 */
import type { AddressInfo, Socket } from 'node:net';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import type { Admission } from './admission.ts';
import { isLoopback } from '../../../runtime/config/listeners.ts';
import type { Edge, ListenerRole } from './dialogue.ts';
import { SMTPServer, type SMTPConnectionOptions } from './library.ts';
import { type Reply, replyText } from './replies.ts';
import { SmtpSession } from './session.ts';
import { countIn } from './stats.ts';
import { tlsOptionsOf } from './tls.ts';

export interface SmtpListener {
  /** IP address, `::` for all of both families. */
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the first byte (RFC 8314), as on port 465; port 25 has no such thing. */
  readonly tls: 'none' | 'starttls' | 'implicit';
  /** `mx` when left out. */
  readonly role?: ListenerRole;
  /** Passwords are taken in clear, if `host` is a loopback address. */
  readonly allowsClearAuth?: boolean;
  /** Addresses of proxies that send a PROXY v1 line in front of each session; empty for none. */
  readonly proxiesTrusted?: readonly string[];
  /** Several workers share the port. */
  readonly reusePort?: boolean;
}

export class SmtpListenerServer extends SMTPServer {
  readonly edge: Edge;
  readonly offersTls: boolean;
  readonly role: ListenerRole;
  readonly allowsClearAuth: boolean;
  readonly sessions = new Set<SmtpSession>();
  readonly #listener: SmtpListener;
  readonly #admission: Admission;

  constructor(listener: SmtpListener, edge: Edge, admission: Admission, certificate: CertificatePem | null) {
    super({
      ...(certificate === null ? {} : tlsOptionsOf(certificate)),
      logger: false,
      name: edge.hostname,
      secure: listener.tls === 'implicit',
      authOptional: true,
      disableReverseLookup: true,
      hideENHANCEDSTATUSCODES: false,
      useProxy: [...(listener.proxiesTrusted ?? [])],
      socketTimeout: edge.limits.silenceMsMax,
      // A client may close its side behind a pipelined mail and still wants the reply. Passed on to node:net.
      ...{ allowHalfOpen: true },
    });
    this.edge = edge;
    this.offersTls = listener.tls === 'starttls' && certificate !== null;
    this.role = listener.role ?? 'mx';
    this.allowsClearAuth = listener.allowsClearAuth === true && isLoopback(listener.host);
    this.#listener = listener;
    this.#admission = admission;
    // A session's broken connection is its own affair; without a listener it would end the process.
    this.on('error', (error) => edge.log.debug({ err: error }, 'SMTP connection failed'));
  }

  /** @throws what the system says, e.g. EADDRINUSE */
  open(): Promise<AddressInfo> {
    const { host, port, reusePort = false } = this.#listener;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.listen({ host, port, reusePort, backlog: 1024 }, () => {
        this.server.removeListener('error', reject);
        resolve(this.server.address() as AddressInfo);
      });
    });
  }

  /** The door: a plain refusal in clear, silence where TLS should have come first. */
  override _acceptSocket(socket: Socket, handshake: boolean): (() => void) | false {
    if (!this._expectsProxyHeader(socket) && !this.#enter(socket, socket.remoteAddress ?? '', !handshake)) return false;
    return super._acceptSocket(socket, handshake);
  }

  override _handleProxy(socket: Socket, callback: Parameters<SMTPServer['_handleProxy']>[1]): void {
    // Without a proxy the library only makes an id, by way of big numbers and a loop turn.
    if (this._expectsProxyHeader(socket)) super._handleProxy(socket, callback);
    else callback(null, { id: `${this.edge.sessionPrefix}${this.edge.stats.sessionsTotal}` });
  }

  override connect(socket: Socket, options?: SMTPConnectionOptions | null): void {
    const proxied = options?.remoteAddress;
    if (proxied !== undefined && !this.#enter(socket, proxied, true)) return;
    const session = new SmtpSession(this, socket, options ?? {});
    this.connections.add(session);
    this.sessions.add(session);
    this.edge.stats.sessions++;
    this.edge.stats.sessionsTotal++;
    session.on('error', (error) => this._onError(error));
    session.init();
  }

  /** Called by the session when its socket is gone. */
  forget(session: SmtpSession): void {
    if (this.sessions.delete(session)) this.edge.stats.sessions--;
  }

  #enter(socket: Socket, address: string, canSpeak: boolean): boolean {
    const refusal = this.#admission.enter(address);
    if (refusal === null) {
      socket.once('close', () => this.#admission.leave(address));
      return true;
    }
    refuseSocket(socket, canSpeak ? refusal : null);
    countIn(this.edge.stats.connectionsRefused, refusal.lines[0] ?? '');
    return false;
  }
}

function refuseSocket(socket: Socket, reply: Reply | null): void {
  socket.on('error', () => {});
  if (reply === null) {
    socket.destroy();
    return;
  }
  // Read on, since a close with unread bytes would be a reset that takes the reply with it.
  socket.end(replyText(reply), () => socket.destroySoon());
}
