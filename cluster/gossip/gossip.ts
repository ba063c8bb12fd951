/**
 * What nodes have heard of each other: addresses, versions, load. Hints only: nothing here decides anything (plan §8).
 *
 *     say(own) ──┐                           ┌──> changed(node): whoever dials looks again
 *     a hello ───┼──> table: newest of each ─┤
 *     frames ────┘                           └──> linked peers, the changes of a while in one frame
 *
 * Promises: of each node the newest known, by incarnation and count; a node that is linked speaks for itself, and nobody else
 * for it; news of this node come from this node alone; bounded in nodes and bytes.
 * Leaves to others: who is a member (`metadata/`), who lives (`liveness/`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Lane, Transport, TransportEvents } from '../mesh/transport.ts';
import { decodeNews, encodeNews, isNewer, type NodeNews, newsMax } from './news.ts';

/** What a linked peer has said of itself. */
export type FirstHand = Pick<NodeNews, 'incarnation' | 'address' | 'version'>;

export interface GossipOptions {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly clock: Clock;
  /** Of channel `gossip`. */
  readonly transport: Pick<Transport, 'send'>;
  /** Its hello; null: it is not linked. */
  helloOf(peer: NodeId): FirstHand | null;
  /** There is something new about a node. Called in a turn of its own. */
  changed?(node: NodeId): void;
  /** A peer sent what cannot be. */
  refused?(from: NodeId, reason: string): void;
}

interface Known {
  readonly news: NodeNews;
  /** It said so itself. */
  readonly isFirstHand: boolean;
}

/** Changes of so long leave together: a hint that is late costs little, a frame for each costs more. */
const gatherMs = 100;

export class Gossip implements TransportEvents {
  readonly #options: GossipOptions;
  /** The one changed longest ago first. */
  readonly #table = new Map<NodeId, Known>();
  readonly #linked = new Set<NodeId>();
  #members: ReadonlySet<NodeId> = new Set();
  /** Of whom there is news that linked peers have not been sent, and from whom it came. */
  readonly #unsent = new Map<NodeId, NodeId | null>();
  #cancel: (() => void) | null = null;
  #seq = 0;

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  /** News of this node. The same again is no news. */
  say(own: Pick<NodeNews, 'address' | 'version' | 'load'>): void {
    const { self, incarnation } = this.#options;
    const before = this.newsOf(self);
    const isSame = before?.address === own.address && before.version === own.version && before.load === own.load;
    if (!isSame) this.#take({ node: self, incarnation, seq: ++this.#seq, ...own }, null);
  }

  /** Whom the map knows. Others are the first to be forgotten. */
  membersAre(nodes: readonly NodeId[]): void {
    this.#members = new Set(nodes);
  }

  /** Null: nothing is known of it. */
  newsOf(node: NodeId): NodeNews | null {
    return this.#table.get(node)?.news ?? null;
  }

  /** Where its mesh may be: none or one. */
  addressesOf(node: NodeId): readonly string[] {
    const address = this.newsOf(node)?.address ?? '';
    return address === '' ? [] : [address];
  }

  table(): readonly NodeNews[] {
    return [...this.#table.values()].map(({ news }) => news);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#unsent.clear();
    this.#linked.clear();
  }

  linked(peer: NodeId): void {
    this.#linked.add(peer);
    const hello = this.#options.helloOf(peer);
    if (hello !== null) this.#takeFirstHand(peer, hello);
    if (this.#table.size > 0) this.#options.transport.send(peer, 'control', encodeNews(this.table()));
  }

  unlinked(peer: NodeId): void {
    this.#linked.delete(peer);
  }

  received(from: NodeId, _lane: Lane, frame: unknown): void {
    const news = decodeNews(frame);
    if (typeof news === 'string') return this.#options.refused?.(from, news);
    for (const one of news) if (this.#isNews(one, from)) this.#take(one, from);
  }

  #isNews(one: NodeNews, from: NodeId): boolean {
    if (one.node === this.#options.self) return false;
    const known = this.newsOf(one.node);
    // Of what it says itself the later is newer, whatever others have said meanwhile.
    if (one.node === from) return known === null || one.incarnation !== known.incarnation || one.seq !== known.seq;
    return this.#options.helloOf(one.node) === null && (known === null || isNewer(one, known));
  }

  #takeFirstHand(node: NodeId, { incarnation, address, version }: FirstHand): void {
    const known = this.#table.get(node);
    // It has itself said more than its hello does.
    if (known?.isFirstHand === true && known.news.incarnation === incarnation) return;
    this.#take({ node, incarnation, seq: 0, address, version, load: known?.news.load ?? 0 }, node);
  }

  #take(news: NodeNews, from: NodeId | null): void {
    const { node } = news;
    if (!this.#table.has(node) && !this.#makeRoom()) return;
    this.#table.delete(node);
    this.#table.set(node, { news, isFirstHand: from === null || from === node });
    this.#unsent.set(node, from);
    this.#cancel ??= this.#options.clock.after(gatherMs, () => this.#spread());
    this.#options.clock.soon(() => this.#options.changed?.(node));
  }

  /** @returns whether one more has a place */
  #makeRoom(): boolean {
    if (this.#table.size < newsMax) return true;
    for (const known of this.#table.keys()) {
      if (known === this.#options.self || this.#members.has(known)) continue;
      this.#table.delete(known);
      this.#unsent.delete(known);
      return true;
    }
    // All are members, of which there are no more than places.
    return false;
  }

  #spread(): void {
    this.#cancel = null;
    const unsent = [...this.#unsent];
    this.#unsent.clear();
    for (const peer of this.#linked) {
      const news = unsent.flatMap(([node, from]) => {
        const known = from === peer || node === peer ? undefined : this.#table.get(node);
        return known === undefined ? [] : [known.news];
      });
      if (news.length > 0) this.#options.transport.send(peer, 'control', encodeNews(news));
    }
  }
}
