/** Memory that requests under way may take together: whoever comes when it is spent is told to wait. */
import { busyWithUploads } from './codes.ts';

export class ByteBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Of one request. */
  open(): ByteShare {
    let own = 0;
    return {
      take: (bytes) => {
        // One request alone always fits: its own bound is smaller than what all have.
        if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) throw busyWithUploads();
        own += bytes;
        this.#bytes += bytes;
      },
      close: () => {
        this.#bytes -= own;
        own = 0;
      },
    };
  }
}

export interface ByteShare {
  /** @throws {OperationError} `busy` */
  take(bytes: number): void;
  /** Gives back all that was taken. */
  close(): void;
}
