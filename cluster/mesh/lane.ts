/**
 * One lane of a link that stands: frames in one end, frames out of the other.
 *
 * Promises: frames that are sent without a pause between leave as one message, in order; what waits for the peer has a
 * bound.
 */
import { limits } from '../../runtime/base/limits.ts';
import { FrameBatch, FramePacker } from './frame-batch.ts';
import type { LaneSocket } from './lane-socket.ts';
import { decodeMessage, type MessageBounds } from './message-decoding.ts';
import type { MeshSettings } from './settings.ts';
import type { Lane } from './transport.ts';

/** Of one lane, all links of this life together. Bytes are those of messages: without TLS and the heads of WebSockets. */
export interface LaneCounts {
  framesOut: number;
  messagesOut: number;
  bytesOut: number;
  framesIn: number;
  messagesIn: number;
  bytesIn: number;
}

export const noCounts = (): LaneCounts => {
  return { framesOut: 0, messagesOut: 0, bytesOut: 0, framesIn: 0, messagesIn: 0, bytesIn: 0 };
};

export interface LinkLaneEvents {
  frames(lane: Lane, frames: readonly unknown[]): void;
  /** What the peer says beside frames. */
  pinged(lane: Lane, words: string): void;
  /** It cannot go on. Told in the midst of `send`, too. */
  broken(reason: string): void;
}

export class LinkLane {
  readonly name: Lane;
  readonly #socket: LaneSocket;
  readonly #settings: MeshSettings;
  readonly #counts: LaneCounts;
  readonly #events: LinkLaneEvents;
  readonly #bounds: MessageBounds;
  readonly #packer = new FramePacker();
  readonly #batch = new FrameBatch();
  #isOpen = true;
  #isFlushing = false;
  #read = 0;
  #readThere = 0;
  #silentLooksIn = 0;
  #silentLooksOut = 0;

  constructor(name: Lane, socket: LaneSocket, settings: MeshSettings, counts: LaneCounts, events: LinkLaneEvents) {
    this.name = name;
    this.#socket = socket;
    this.#settings = settings;
    this.#counts = counts;
    this.#events = events;
    this.#bounds = boundsOf(settings);
    socket.listen({
      message: (bytes) => this.take(bytes),
      pinged: (words) => events.pinged(name, words),
      closed: (error) => events.broken(error === null ? 'the peer closed it' : error.message),
    });
  }

  send(frame: unknown): void {
    const packed = this.#packer.pack(frame);
    const { frameBytesMax, frameMessagesMax } = limits;
    if (packed.bytes + 16 > this.#settings.messageBytesMax) {
      return this.#events.broken(`a frame of ${packed.bytes} bytes is more than a peer takes`);
    }
    if (this.#batch.count > 0 && this.#batch.bytes + packed.bytes > frameBytesMax) this.flush();
    this.#batch.add(packed);
    this.#counts.framesOut++;
    if (this.#batch.count >= frameMessagesMax) this.flush();
    if (this.bytesInFlight > this.#settings.queuedBytesMax[this.name]) {
      return this.#events.broken(`the peer does not read: ${this.bytesInFlight} bytes wait on its ${this.name} lane`);
    }
    if (this.#isFlushing || this.#batch.count === 0) return;
    this.#isFlushing = true;
    // After all that this callback of the loop still does. Waiting for the end of the turn would cost whoever sends at
    // its end a whole turn more; those who have much to say gather it themselves.
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }

  flush(): void {
    if (!this.#isOpen || this.#batch.count === 0) return;
    const message = this.#batch.take();
    this.#counts.messagesOut++;
    this.#counts.bytesOut += message.length;
    this.#socket.send(message);
  }

  get bytesInFlight(): number {
    return this.#batch.bytes + this.#socket.bytesWaiting;
  }

  take(message: Uint8Array): void {
    this.#counts.messagesIn++;
    this.#counts.bytesIn += message.length;
    let frames: readonly unknown[];
    try {
      frames = decodeMessage(message, this.#bounds);
    } catch (error) {
      // A peer that sends what cannot be is broken; only its link ends, and its next words may be sound.
      this.#events.broken((error as Error).message);
      return;
    }
    this.#counts.framesIn += frames.length;
    this.#events.frames(this.name, frames);
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /**
   * Some time has passed. Something has come meanwhile, and something has come over there: a ping each way at least, and
   * while a heap of bytes is under way, some of those.
   * @param readThere bytes that the peer says have come to it; null: it does not say
   * @returns false: one of the two ways has been silent for too long
   */
  look(readThere: number | null): boolean {
    const read = this.#socket.bytesRead;
    this.#silentLooksIn = read === this.#read ? this.#silentLooksIn + 1 : 0;
    this.#silentLooksOut = readThere === this.#readThere ? this.#silentLooksOut + 1 : 0;
    this.#read = read;
    this.#readThere = readThere ?? this.#readThere;
    return Math.max(this.#silentLooksIn, this.#silentLooksOut) < this.#settings.silentLooksMax;
  }

  ping(words: string): void {
    this.#socket.ping(words);
  }

  resume(): void {
    this.#socket.resume();
  }

  /** What was sent still leaves; settles when it is closed, so call `terminate` after a while. */
  end(): Promise<void> {
    this.flush();
    this.#isOpen = false;
    return this.#socket.end();
  }

  terminate(): void {
    this.#isOpen = false;
    this.#socket.terminate();
  }
}

function boundsOf({ messageBytesMax, messageValuesMax }: MeshSettings): MessageBounds {
  return {
    bytesMax: messageBytesMax,
    framesMax: limits.frameMessagesMax,
    depthMax: limits.frameDepthMax,
    valuesMax: messageValuesMax,
  };
}
