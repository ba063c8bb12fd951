/**
 * One try to link with a peer at one address: three sockets at once, hello on each.
 *
 * Promises: exactly one outcome, unless it is cancelled; whatever it opened is closed when that is not a link.
 * Leaves to others: when and where to try (`dialler.ts`).
 *
 *      dials           hello ─────────────────> accepts (when all three are here)
 *                      <───────────── hello, or refused
 *      link stands     ready, or refused ─────> link stands (when all three are ready)
 */
import type { SecureContext } from 'node:tls';
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { pack } from '../../runtime/codec/codec.ts';
import { parseAddress } from './addresses.ts';
import { type LinkRefusal, linkRefusals } from './codes.ts';
import { decodeHandshake, encodeHandshake, type Handshake, type Hello } from './hello.ts';
import { dialLane, type LaneSocket, WrongNameError } from './lane-socket.ts';
import { byLane, type Greeted, laneNames } from './link.ts';
import { decodeValue } from './message-decoding.ts';
import { isNobodyListening } from './probe.ts';
import type { MeshSettings } from './settings.ts';
import type { Lane } from './transport.ts';

export type DialOutcome =
  | { readonly kind: 'linked'; readonly greeted: Greeted }
  /** The peer's machine says that nobody listens. */
  | { readonly kind: 'nobodyListens' }
  /** @param by whose verdict it is */
  | { readonly kind: 'refused'; readonly refusal: LinkRefusal; readonly by: 'us' | 'them' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface AttemptOptions {
  readonly peer: NodeId;
  readonly address: string;
  readonly context: SecureContext;
  readonly settings: MeshSettings;
  readonly clock: Clock;
  hello(lane: Lane): Hello;
  judge(hello: Hello, certificateName: string): LinkRefusal | null;
  done(outcome: DialOutcome): void;
}

export class DialAttempt {
  readonly #options: AttemptOptions;
  readonly #sockets = new Map<Lane, LaneSocket>();
  readonly #hellos = new Map<Lane, Hello>();
  readonly #cancelDeadline: () => void;
  #isOver = false;

  /** @param isKnock only to say where this node is; its outcome is never `linked` */
  constructor(options: AttemptOptions, isKnock = false) {
    this.#options = options;
    const { connectMsMax } = options.settings;
    this.#cancelDeadline = options.clock.after(connectMsMax, () => {
      this.#fail({ kind: 'failed', reason: `no answer within ${connectMsMax} ms` });
    });
    const place = parseAddress(options.address);
    if (place === null) {
      options.clock.soon(() => this.#fail({ kind: 'failed', reason: `${options.address} is not host:port` }));
      return;
    }
    for (const lane of isKnock ? (['control'] as const) : laneNames)
      this.#dial(lane, place, isKnock ? 'knock' : 'hello');
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#close();
  }

  #dial(lane: Lane, place: { host: string; port: number }, kind: 'hello' | 'knock'): void {
    const { peer, context, settings, hello } = this.#options;
    const { messageBytesMax, connectMsMax: timeoutMs } = settings;
    const socket = dialLane({ ...place, context, name: peer, messageBytesMax, timeoutMs }, () => {
      socket.send(pack(encodeHandshake({ kind, hello: hello(lane) })));
    });
    this.#sockets.set(lane, socket);
    socket.listen({
      message: (bytes) => this.#heard(lane, bytes),
      closed: (error) => this.#fail(outcomeOf(error, peer, this.#options.address)),
    });
  }

  #heard(lane: Lane, bytes: Uint8Array): void {
    if (this.#isOver) return;
    const said = readHandshake(bytes, this.#options.settings);
    if (typeof said === 'string') return this.#refuse(linkRefusals.badHello(this.#options.peer, said));
    if (said.kind === 'refused') return this.#fail({ kind: 'refused', refusal: said.refusal, by: 'them' });
    if (said.kind !== 'hello') return this.#refuse(linkRefusals.badHello(this.#options.peer, 'no hello'));
    this.#judge(lane, said.hello);
  }

  #judge(lane: Lane, hello: Hello): void {
    const { peer, judge } = this.#options;
    const refusal = judge(hello, peer) ?? this.#mismatch(lane, hello);
    if (refusal !== null) return this.#refuse(refusal);
    this.#hellos.set(lane, hello);
    if (this.#hellos.size < laneNames.length) return;
    const ready = pack(encodeHandshake({ kind: 'ready' }));
    for (const socket of this.#sockets.values()) socket.send(ready);
    this.#isOver = true;
    this.#cancelDeadline();
    const sockets = byLane((name) => this.#sockets.get(name)!);
    const early = byLane(() => []);
    this.#options.done({
      kind: 'linked',
      greeted: { hello: this.#hellos.get('control')!, sockets, early, address: this.#options.address },
    });
  }

  #mismatch(lane: Lane, hello: Hello): LinkRefusal | null {
    const { linkId } = this.#options.hello(lane);
    const [other] = this.#hellos.values();
    const isSame = other === undefined || other.incarnation === hello.incarnation;
    if (isSame && hello.linkId === linkId && hello.lane === lane && !this.#hellos.has(lane)) return null;
    return linkRefusals.badHello(hello.node, 'its lanes do not fit together');
  }

  /** The peer hears why. */
  #refuse(refusal: LinkRefusal): void {
    const said = pack(encodeHandshake({ kind: 'refused', refusal }));
    for (const socket of this.#sockets.values()) socket.send(said);
    this.#fail({ kind: 'refused', refusal, by: 'us' }, true);
  }

  #fail(outcome: DialOutcome, isPolite = false): void {
    if (this.#isOver) return;
    this.#close(isPolite);
    this.#options.done(outcome);
  }

  #close(isPolite = false): void {
    this.#isOver = true;
    this.#cancelDeadline();
    const sockets = [...this.#sockets.values()];
    if (!isPolite) return sockets.forEach((socket) => socket.terminate());
    for (const socket of sockets) void socket.end();
    this.#options.clock.after(this.#options.settings.farewellMsMax, () =>
      sockets.forEach((socket) => socket.terminate()),
    );
  }
}

/** @returns what was said, or (a text) what is wrong with it */
export function readHandshake(bytes: Uint8Array, settings: MeshSettings): Handshake | string {
  try {
    const bounds = { bytesMax: settings.helloBytesMax, depthMax: 4, valuesMax: 4 * settings.helloMarksMax };
    return decodeHandshake(decodeValue(bytes, bounds), settings.helloMarksMax);
  } catch (error) {
    // Out of bounds: refused in words like anything else that is no hello.
    return (error as Error).message;
  }
}

const timeCodes = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
const chainCodes =
  /^(SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|CERT_|HOSTNAME_|ERR_SSL_|ERR_TLS_CERT_|INVALID_|PATH_LENGTH_)/;

function outcomeOf(error: Error | null, peer: NodeId, address: string): DialOutcome {
  if (error === null) return { kind: 'failed', reason: 'the peer closed it' };
  if (isNobodyListening(error)) return { kind: 'nobodyListens' };
  if (error instanceof WrongNameError) {
    return { kind: 'refused', refusal: linkRefusals.otherNode(peer, address, error.shown), by: 'us' };
  }
  const { code = '' } = error as NodeJS.ErrnoException;
  if (timeCodes.has(code)) {
    return { kind: 'refused', refusal: linkRefusals.certificateTime(address, error.message), by: 'us' };
  }
  if (chainCodes.test(code)) {
    return { kind: 'refused', refusal: linkRefusals.foreignCertificate(address, code), by: 'us' };
  }
  if (/Unexpected server response: 403/.test(error.message)) {
    return { kind: 'refused', refusal: linkRefusals.certificateRefused(address), by: 'them' };
  }
  return { kind: 'failed', reason: error.message };
}
