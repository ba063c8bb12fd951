/**
 * One call to a member from a machine that is in no cluster yet: TLS first, then a look at who answers, then the request.
 *
 * Promises: nothing is sent before the other end has proved that the CA which the token pins signed its certificate; the
 * answer has a bound, and so has the time.
 * Leaves to others: what is asked and answered (`join-client.ts`).
 */
import type { X509Certificate } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../../runtime/base/clock.ts';
import type { Place } from '../mesh/addresses.ts';
import { caHash, isIssuedBy, nodeOfCertificate } from './certificates.ts';
import { clockOff, memberUnreachable, notAMember, otherCluster } from './codes.ts';
import { joinAnswerBytesMax, joinPath } from './join-protocol.ts';

export interface MemberCall {
  readonly to: Place;
  /** As the operator wrote it, for what is said of it. */
  readonly address: string;
  /** The token's. */
  readonly caHash: string;
  readonly body: unknown;
  readonly clock: Clock;
}

export interface MemberReply {
  readonly status: number;
  /** JSON, parsed. */
  readonly body: unknown;
}

/** Longer than the member waits for its own cluster. */
const callMsMax = 30_000;
const connectMsMax = 10_000;
/** Of a chain there are two. */
const chainMax = 4;

/** @throws {OperationError} `memberUnreachable`, `notAMember`, `otherCluster`, `clockOff` */
export async function callMember(call: MemberCall): Promise<MemberReply> {
  // The other end is nobody yet: this machine's own authorities know nothing of it, so its chain is looked at below.
  const socket = connect({ ...call.to, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  try {
    await within(call, connectMsMax, 'no answer', secured(socket, call));
    proveMember(socket, call);
    return await within(call, callMsMax, 'it took the request and does not answer', posted(socket, call));
  } finally {
    socket.destroy();
  }
}

function secured(socket: TLSSocket, { address }: MemberCall): Promise<void> {
  return new Promise((resolve, reject) => {
    let isReached = false;
    socket.once('connect', () => {
      isReached = true;
    });
    socket.once('secureConnect', resolve);
    // For as long as the socket lives: an error that nobody listens for would end the process.
    const failed = (error: Error & { readonly reason?: string }): void => {
      if (isReached) reject(notAMember(address, `it speaks no TLS there (${error.reason ?? error.message})`));
      else reject(memberUnreachable(address, error));
    };
    socket.on('error', failed);
    socket.once('close', () => failed(new Error('it hung up')));
  });
}

/** @throws {OperationError} `otherCluster`, `clockOff` */
function proveMember(socket: TLSSocket, { address, caHash: pinned, clock }: MemberCall): void {
  const leaf = socket.getPeerX509Certificate();
  const ca = leaf === undefined ? undefined : chainOf(leaf).find((each) => caHash(each) === pinned);
  if (leaf === undefined || ca === undefined || !isIssuedBy(leaf, ca)) throw otherCluster(address);
  nodeOfCertificate(leaf);
  requireInTime(leaf, `the certificate of ${address}`, clock.nowMs());
}

/** The certificates that the other end showed, as far as each is the issuer of the one before. */
function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain = [leaf];
  for (let at = leaf.issuerCertificate; at !== undefined && chain.length < chainMax; at = at.issuerCertificate) {
    if (chain.some((each) => each.raw.equals(at?.raw ?? Buffer.alloc(0)))) break;
    chain.push(at);
  }
  return chain;
}

/** @throws {OperationError} `clockOff`: certificates of a cluster are made for long, and a day ahead */
export function requireInTime(certificate: X509Certificate, what: string, nowMs: number): void {
  if (nowMs < certificate.validFromDate.getTime()) {
    throw clockOff(`${what} begins at ${certificate.validFromDate.toISOString()}`, nowMs);
  }
  if (nowMs > certificate.validToDate.getTime()) {
    throw clockOff(`${what} ended at ${certificate.validToDate.toISOString()}`, nowMs);
  }
}

function posted(socket: TLSSocket, { address, body }: MemberCall): Promise<MemberReply> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const request = httpRequest({
      createConnection: () => socket,
      method: 'POST',
      path: joinPath,
      headers: {
        host: address,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        connection: 'close',
      },
    });
    const failed = (cause: unknown): void => reject(memberUnreachable(address, cause));
    request.once('error', failed);
    request.once('response', (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= joinAnswerBytesMax) parts.push(part);
        else reject(notAMember(address, 'its answer has no end'));
      });
      response.once('error', failed);
      response.once('aborted', () => failed(new Error('the answer was cut off')));
      response.once('end', () => {
        const parsed = jsonOf(Buffer.concat(parts).toString('utf8'));
        if (parsed === undefined) reject(notAMember(address, `it answered ${response.statusCode} without JSON`));
        else resolve({ status: response.statusCode ?? 0, body: parsed });
      });
    });
    request.end(text);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever asks says what it means: there is no member behind that port.
    return undefined;
  }
}

function within<T>({ clock, address }: MemberCall, limitMs: number, what: string, act: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () =>
      reject(memberUnreachable(address, new Error(`${what} for ${limitMs / 1_000} s`))),
    );
    act.finally(cancel).then(resolve, reject);
  });
}
