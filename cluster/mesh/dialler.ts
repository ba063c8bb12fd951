/**
 * When and where to look for one peer: links if it is this node's turn to dial, else probes and knocks.
 *
 * Promises: one try at a time; after a sound link broke the next try is at once, then back-off; "nobody listens" is told
 * when every address of a round said so, and so within milliseconds of a process's death.
 * Leaves to others: one try (`dial-attempt.ts`, `probe.ts`), whom to look for (`websocket-transport.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { DialOutcome } from './dial-attempt.ts';
import type { MeshSettings } from './settings.ts';

export interface Cancellable {
  cancel(): void;
}

export interface DiallerOptions {
  /** Whether this node dials, or is dialled. */
  readonly dials: boolean;
  readonly settings: MeshSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the peer should be, the likeliest first; asked anew for each try. */
  addresses(): readonly string[];
  /** Where it may be too: tried as well, but a refusal there says nothing of it. */
  elsewhere(): readonly string[];
  attempt(address: string, isKnock: boolean, done: (outcome: DialOutcome) => void): Cancellable;
  /** @param done whether the peer's machine refused */
  probe(address: string, done: (isRefused: boolean) => void): Cancellable;
  linked(outcome: DialOutcome & { kind: 'linked' }): void;
  nobodyListens(): void;
  failed(address: string, outcome: DialOutcome): void;
}

export class Dialler {
  readonly #options: DiallerOptions;
  #isOn = false;
  #running: Cancellable | null = null;
  readonly #probes = new Set<Cancellable>();
  #wakes: (() => void)[] = [];
  /** Since the last sound link. */
  #failures = 0;
  /** Where the last link was made, or the next address to try. */
  #next = 0;
  /** Of the round under way: how many were tried, and where nobody listens. */
  #tried = 0;
  readonly #refusedAt = new Set<string>();

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** The peer is not linked: look for it, if nobody does yet. */
  start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#failures = 0;
    if (this.#options.dials) this.#round();
    else this.#probeAndKnock();
  }

  /** The link is gone. @param stoodMs for how long it stood */
  lost(stoodMs: number): void {
    if (stoodMs >= this.#options.settings.steadyMs) return this.start();
    if (this.#isOn) return;
    this.#isOn = true;
    if (!this.#options.dials) return this.#probeAndKnock();
    // A link that breaks as soon as it stands is a failure like others: no storm.
    this.#after(this.#backOffMs(), () => this.#round());
  }

  /** A reason to try at once: a new address, or a knock. */
  hurry(): void {
    if (!this.#isOn || !this.#options.dials || this.#running !== null) return;
    this.#cancelWakes();
    this.#round();
  }

  stop(): void {
    this.#isOn = false;
    this.#cancelWakes();
    this.#running?.cancel();
    this.#running = null;
    for (const probe of this.#probes) probe.cancel();
    this.#probes.clear();
  }

  #round(): void {
    this.#tried = 0;
    this.#refusedAt.clear();
    this.#try();
  }

  #try(): void {
    const places = this.#places();
    if (places.length === 0) return this.#retry(this.#backOffMs());
    const address = places[this.#next % places.length]!;
    this.#running = this.#options.attempt(address, false, (outcome) => {
      this.#running = null;
      if (outcome.kind === 'linked') {
        this.#isOn = false;
        return this.#options.linked(outcome);
      }
      this.#failed(address, places.length, outcome);
    });
  }

  #failed(address: string, of: number, outcome: DialOutcome): void {
    const { settings, failed, nobodyListens, addresses } = this.#options;
    this.#tried++;
    this.#next++;
    if (outcome.kind === 'nobodyListens' && addresses().includes(address) && !this.#refusedAt.has(address)) {
      this.#refusedAt.add(address);
      if (addresses().every((one) => this.#refusedAt.has(one))) nobodyListens();
    }
    failed(address, outcome);
    // Whoever was told may have stopped this.
    if (!this.#isOn) return;
    if (this.#tried < of) this.#try();
    else this.#retry(outcome.kind === 'refused' ? settings.refusedRetryMs : this.#backOffMs());
  }

  #places(): readonly string[] {
    const addresses = this.#options.addresses();
    return [...addresses, ...this.#options.elsewhere().filter((one) => !addresses.includes(one))];
  }

  #retry(delayMs: number): void {
    this.#after(this.#jittered(delayMs), () => this.#round());
  }

  #backOffMs(): number {
    const { retryMsMin, retryMsMax } = this.#options.settings;
    return Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#failures++, 20));
  }

  /** The peer dials. Whether its machine refuses is asked at once; later it is told where this node is, should it not find it. */
  #probeAndKnock(): void {
    const { settings } = this.#options;
    for (const delayMs of settings.probeDelaysMs) {
      if (delayMs === 0) this.#probeAll();
      else this.#after(delayMs, () => this.#probeAll());
    }
    this.#knockLater(settings.knockMsMin);
  }

  #probeAll(): void {
    const addresses = this.#options.addresses();
    let refusedBy = 0;
    for (const address of addresses) {
      const probe = this.#options.probe(address, (isRefused) => {
        this.#probes.delete(probe);
        if (isRefused) refusedBy++;
        if (refusedBy === addresses.length && this.#isOn) this.#options.nobodyListens();
      });
      this.#probes.add(probe);
    }
  }

  #knockLater(delayMs: number): void {
    this.#after(this.#jittered(delayMs), () => {
      const again = (): void => this.#knockLater(Math.min(this.#options.settings.knockMsMax, delayMs * 2));
      const places = this.#places();
      if (places.length === 0) return again();
      const address = places[this.#next++ % places.length]!;
      this.#running = this.#options.attempt(address, true, (outcome) => {
        this.#running = null;
        if (outcome.kind === 'refused') this.#options.failed(address, outcome);
        if (this.#isOn) again();
      });
    });
  }

  /** From a half of it up to the whole: nodes that fell out at once do not come back at once. */
  #jittered(delayMs: number): number {
    const [byte = 0] = this.#options.random.bytes(1);
    return delayMs * (0.5 + byte / 510);
  }

  #after(delayMs: number, wake: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#wakes = this.#wakes.filter((other) => other !== cancel);
      wake();
    });
    this.#wakes.push(cancel);
  }

  #cancelWakes(): void {
    for (const cancel of this.#wakes.splice(0)) cancel();
  }
}
