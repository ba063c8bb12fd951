/**
 * What a node says of itself that others may pass on, and how it travels. Hints: whoever acts on a wrong one loses a try.
 *
 * Promises: what `decodeNews` gives is of the right shape in every field and within bounds, whoever sent it.
 */
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';

export interface NodeNews {
  readonly node: NodeId;
  readonly incarnation: number;
  /** Counts a node's news within its incarnation. */
  readonly seq: number;
  /** Where its mesh is, `host:port`; '' when nobody can dial it. */
  readonly address: string;
  readonly version: string;
  /** What it means is for whoever places leaders. */
  readonly load: number;
}

/** More nodes than a cluster may have. */
export const newsMax = 64;
const addressMax = 300;
const nameMax = 64;
/** Starts and news of one node: nobody comes near, and a lie of more would silence the node that it is about for ever. */
const countMax = 2 ** 40;

const frameVersion = 1;

export function encodeNews(news: readonly NodeNews[]): readonly unknown[] {
  const items = news.map(({ node, incarnation, seq, address, version, load }) => {
    return [node, incarnation, seq, address, version, load];
  });
  return [frameVersion, items];
}

/** @returns the news, or (a text) why the whole frame is refused */
export function decodeNews(frame: unknown): readonly NodeNews[] | string {
  const [version, items] = Array.isArray(frame) ? (frame as unknown[]) : [];
  if (version !== frameVersion) return `news of version ${String(version).slice(0, 20)}`;
  if (!Array.isArray(items) || items.length > newsMax) return `no list of news, or of more than ${newsMax}`;
  const news: NodeNews[] = [];
  for (const item of items) {
    const one = decodeOne(item);
    if (one === null) return 'news that lack a field, or have one that does not fit';
    news.push(one);
  }
  return news;
}

function decodeOne(item: unknown): NodeNews | null {
  if (!Array.isArray(item)) return null;
  const [node, incarnation, seq, address, version, load] = item as unknown[];
  if (!isText(node, nameMax) || node === '' || !isText(address, addressMax) || !isText(version, nameMax)) return null;
  if (!isCount(incarnation) || !isCount(seq)) return null;
  if (typeof load !== 'number' || !Number.isFinite(load) || load < 0) return null;
  return { node: nodeId(node), incarnation, seq, address, version, load };
}

const isText = (value: unknown, lengthMax: number): value is string => {
  return typeof value === 'string' && value.length <= lengthMax;
};

const isCount = (value: unknown): value is number => {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= countMax;
};

/** Whether the first is newer. */
export function isNewer(a: NodeNews, than: NodeNews): boolean {
  return a.incarnation !== than.incarnation ? a.incarnation > than.incarnation : a.seq > than.seq;
}
