/**
 * Large buffers that are used again and again: a new one for each write would have its pages faulted in anew, which costs
 * more than filling them.
 */
const slabBytes = 4 * 1024 * 1024;
/** Free ones that are kept. */
const keptMax = 6;

export class Slabs {
  #free: Buffer[] = [];
  #current: Buffer | undefined;
  #used = 0;
  #taken: Buffer[] = [];

  /** Bytes of the caller's until what `endTurn` gave is handed back. */
  take(bytes: number): Buffer {
    if (bytes > slabBytes) return Buffer.allocUnsafeSlow(bytes);
    if (this.#current === undefined || this.#used + bytes > slabBytes) {
      this.#current = this.#free.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
      this.#taken.push(this.#current);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += bytes;
    return this.#current.subarray(from, this.#used);
  }

  /** Everything taken since the last call, to be handed back as one when nobody looks at it any more. */
  endTurn(): readonly Buffer[] {
    const taken = this.#taken;
    this.#taken = [];
    this.#current = undefined;
    return taken;
  }

  giveBack(slabs: readonly Buffer[]): void {
    this.#free = [...this.#free, ...slabs].slice(0, keptMax);
  }
}
