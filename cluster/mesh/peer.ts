/** One other node as the transport knows it: where it may be, its link if there is one, and who looks for it. */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Dialler } from './dialler.ts';
import type { Link } from './link.ts';

/** Whom to keep a link with. */
export interface PeerPlaces {
  readonly node: NodeId;
  /** `host:port`, the likeliest first. */
  readonly addresses: readonly string[];
  /** Where it may be too (`mesh.seeds`): another node may be there, so what is refused there says nothing of this one. */
  readonly elsewhere?: readonly string[];
  /** Only there is it to be dialled, whatever it says of itself (`mesh.dial`). */
  readonly isFixed?: boolean;
}

export class Peer {
  readonly node: NodeId;
  readonly dialler: Dialler;
  link: Link | null = null;
  /** False: a guest, which holds a certificate of this cluster and is in no list yet. */
  isListed = false;
  lastFailure: string | null = null;
  #given: readonly string[] = [];
  #elsewhere: readonly string[] = [];
  #isFixed = false;
  /** What it said of itself when it was last heard. */
  #said: string | null = null;

  constructor(node: NodeId, dialler: (peer: Peer) => Dialler) {
    this.node = node;
    this.dialler = dialler(this);
  }

  /** @returns whether there is a new place to look for it */
  placesAre({ addresses, elsewhere = [], isFixed = false }: PeerPlaces): boolean {
    const before = this.addresses();
    this.#given = addresses;
    this.#elsewhere = elsewhere;
    this.#isFixed = isFixed;
    return this.addresses().some((address) => !before.includes(address));
  }

  /** @returns whether that is new */
  saidAddress(address: string): boolean {
    const before = this.addresses();
    this.#said = address === '' ? null : address;
    return this.addresses().some((known) => !before.includes(known));
  }

  addresses(): readonly string[] {
    if (this.#said === null || this.#isFixed || this.#given.includes(this.#said)) return this.#given;
    return [...this.#given, this.#said];
  }

  elsewhere(): readonly string[] {
    return this.#isFixed ? [] : this.#elsewhere;
  }
}
