/**
 * From an address to a session on which mail may be sent: connection, greeting, EHLO, STARTTLS, AUTH.
 *
 * Promises: settles within the limits whatever the server does; a failure says which step it was.
 * Leaves to others: which address comes next, and whether the same one is tried without TLS (`dialer.ts`).
 */
import { connect, isIP, type Socket } from 'node:net';
import type { Clock } from '../../runtime/base/clock.ts';
import { extensionsOf } from './extensions.ts';
import { OpeningConnection, takeSocket } from './library.ts';
import type { CourierLimits } from './limits.ts';
import { noReply, parseReply, printable, type Reply } from './reply.ts';
import { Session } from './session.ts';
import type { TlsDecision } from './tls-policy.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface OpenTarget {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly tls: TlsDecision;
  /** What to write into the result when TLS is left out on purpose; null: TLS as decided. */
  readonly inClearBecause: string | null;
  readonly auth: Credentials | null;
}

export interface OpenContext {
  /** For EHLO. */
  readonly hostname: string;
  readonly clock: Clock;
  readonly limits: CourierLimits;
  /** Whether the way to an address is within this machine. */
  readonly isLoopback: (ip: string) => boolean;
  /** Told what may be cut off meanwhile, and null when nothing more. */
  readonly holds: (cut: (() => void) | null) => void;
}

/** `connect`: nothing answered; `tls`: STARTTLS or the handshake failed; `refused`: the server does not want us now. */
export type OpenFailure = { readonly step: 'connect' | 'tls' | 'auth' | 'refused'; readonly reply: Reply };

export async function openSession(target: OpenTarget, context: OpenContext): Promise<Session | OpenFailure> {
  const socket = await connected(target, context);
  return socket instanceof Error
    ? { step: 'connect', reply: noReply('4.4.1', `${target.host} [${target.ip}]: ${socket.message}`) }
    : await introduced(socket, target, context);
}

function connected({ ip, port }: OpenTarget, { clock, limits, holds }: OpenContext): Promise<Socket | Error> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port, noDelay: true, keepAlive: true });
    const settle = (result: Socket | Error): void => {
      cancel();
      holds(null);
      // One that comes later must not be thrown at nobody.
      socket.on('error', () => {});
      resolve(result);
    };
    const fail = (error: Error): void => {
      socket.destroy();
      settle(error);
    };
    const cancel = clock.after(limits.connectMsMax, () => fail(new Error('no connection in time')));
    holds(() => fail(new Error('no connection in time, and others wait')));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      settle(socket);
    });
  });
}

function introduced(socket: Socket, target: OpenTarget, context: OpenContext): Promise<Session | OpenFailure> {
  const { clock, limits, holds } = context;
  const connection = libraryConnection(socket, target, context);
  return new Promise((resolve) => {
    let ehlo = '';
    let isSettled = false;
    const settle = (result: Session | OpenFailure): void => {
      if (isSettled) return;
      isSettled = true;
      cancel();
      holds(null);
      if (!(result instanceof Session)) {
        connection.close();
        socket.destroy();
      }
      resolve(result);
    };
    const fail = (error: Error): void => {
      settle(withCure(failure(error, target, connection.upgrading === true), target));
    };
    const ready = (): void => settle(sessionOf(connection, ehlo, target, context));
    const cancel = clock.after(limits.openMsMax, () => fail(new Error('the server did not come to mail in time')));
    holds(() => fail(new Error('no greeting in time, and others wait')));
    connection.on('error', fail);
    connection.on('end', () => fail(new Error('the server closed the connection')));
    connection.connect((error) => {
      if (error != null) return fail(error);
      ehlo = connection.lastServerResponse || '';
      if (target.auth === null) return ready();
      // A handshake with an unverified one would have failed.
      const mayLogIn = context.isLoopback(target.ip) || (connection.secure && target.tls.isVerified);
      if (!mayLogIn) return settle(passwordInClear);
      const { user, password: pass } = target.auth;
      connection.login({ user, pass }, (error) => {
        if (error != null) settle({ ...failure(error, target), step: 'auth' });
        else ready();
      });
    });
  });
}

/** Nobody listens between us and ourselves; elsewhere a password is not for everybody on the way. */
export function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(?:::ffff:)?127\./.test(ip);
}

const passwordInClear: OpenFailure = {
  step: 'auth',
  reply: noReply(
    '4.7.0',
    'no TLS with the relay, and a password is not sent in clear: set relay.tls and a relay that offers it, or clear relay.user',
  ),
};

function libraryConnection(socket: Socket, target: OpenTarget, { hostname, limits }: OpenContext): OpeningConnection {
  const { host, tls, inClearBecause } = target;
  const isInClear = tls.mode === 'none' || inClearBecause !== null;
  const name = host.replace(/\.$/, '');
  return new OpeningConnection({
    connection: socket,
    host: name,
    port: target.port,
    name: hostname,
    ignoreTLS: isInClear,
    requireTLS: !isInClear && tls.mode === 'required',
    tls: { rejectUnauthorized: tls.isVerified, ...(isIP(name) === 0 ? { servername: name } : {}) },
    connectionTimeout: limits.openMsMax,
    greetingTimeout: limits.greetingMsMax,
    socketTimeout: limits.commandMsMax,
    maxResponseSize: limits.replyBytesMax,
  });
}

function sessionOf(connection: OpeningConnection, ehlo: string, target: OpenTarget, context: OpenContext): Session {
  const { host, tls, inClearBecause } = target;
  const socket = takeSocket(connection);
  const outcome = connection.secure ? tlsOutcome(socket) : (inClearBecause ?? 'none');
  return new Session({
    socket,
    host,
    extensions: extensionsOf(ehlo),
    tls: { policy: tls.name, outcome },
    clock: context.clock,
    limits: context.limits,
  });
}

function tlsOutcome(socket: Socket): string {
  const secured = socket as Partial<{ getProtocol(): string | null; getCipher(): { name: string } }>;
  return `${secured.getProtocol?.() ?? 'TLS'} ${secured.getCipher?.().name ?? ''}`.trim();
}

function failure(error: Error, { host }: OpenTarget, isUpgrading = false): OpenFailure {
  const { code, response, command } = error as Error & Partial<{ code: string; response: string; command: string }>;
  const step = isUpgrading || code === 'ETLS' ? 'tls' : 'refused';
  if (typeof response === 'string' && /^[2-5]\d\d(?:[ -]|$)/.test(response)) {
    const reply = parseReply(response.split('\n'), 1_000);
    return { step: command === 'STARTTLS' ? 'tls' : step, reply };
  }
  return { step, reply: noReply(step === 'tls' ? '4.7.5' : '4.4.2', printable(`${host}: ${error.message}`, 500)) };
}

/** For a host whose certificate must be valid. */
const cureOfTls =
  'no valid TLS, so nothing was sent. Name the host as its certificate does; for a CA of your own start the node with NODE_EXTRA_CA_CERTS=<its PEM file>';

function withCure({ step, reply }: OpenFailure, { tls, host }: OpenTarget): OpenFailure {
  if (step !== 'tls' || !tls.isVerified) return { step, reply };
  // Behind its semicolon Node gives advice for those who start it by hand.
  const why = reply.text.startsWith(`${host}: `) ? reply.text : `${host}: ${reply.text}`;
  return { step, reply: { ...reply, text: `${why.replace(/;.*/, '').slice(0, 120)}: ${cureOfTls}` } };
}
