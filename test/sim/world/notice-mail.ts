/**
 * Notices between nodes, over the mesh: to whoever this node takes for the leader of the target, with the bodies that it
 * says it lacks.
 */
import type { ReceivedNotice, NoticeOutcome, NoticeRoute } from '../../../runtime/actor/notice-route.ts';
import type { BodyAttachment } from '../../../runtime/actor/actor.ts';
import type { NodeId, ShardId } from '../../../runtime/base/ids.ts';
import type { Transport } from '../../../cluster/mesh/transport.ts';

type Notice = ReceivedNotice['notice'];

type NoticeFrame =
  | readonly [
      'notice',
      id: number,
      target: ShardId,
      source: ShardId,
      seq: number,
      notice: Notice,
      bodies: readonly BodyAttachment[],
    ]
  | readonly ['noticed', id: number, outcome: NoticeOutcome | 'bodyNotHere'];

interface Sent {
  readonly to: NodeId;
  readonly target: ShardId;
  readonly source: ShardId;
  readonly seq: number;
  readonly notice: Notice;
  readonly done: (outcome: NoticeOutcome) => void;
}

export interface NoticeMailOptions {
  readonly self: NodeId;
  readonly transport: Transport;
  readonly leaderOf: (shard: ShardId) => NodeId | null;
  readonly body: (hash: string) => Uint8Array | undefined;
  readonly receive: (notice: ReceivedNotice) => void;
}

export const isNoticeFrame = (frame: unknown): frame is NoticeFrame =>
  Array.isArray(frame) && (frame[0] === 'notice' || frame[0] === 'noticed');

export class NoticeMail implements NoticeRoute {
  readonly #o: NoticeMailOptions;
  readonly #sent = new Map<number, Sent>();
  #lastId = 0;

  constructor(options: NoticeMailOptions) {
    this.#o = options;
  }

  deliver(target: ShardId, source: ShardId, seq: number, notice: Notice, done: (outcome: NoticeOutcome) => void): void {
    const { leaderOf, transport, self } = this.#o;
    const to = leaderOf(target);
    if (to === null || to === self || !transport.isLinked(to)) return done('notLeader');
    this.#send({ to, target, source, seq, notice, done }, []);
  }

  received(from: NodeId, frame: NoticeFrame): void {
    const { receive, transport } = this.#o;
    if (frame[0] === 'notice') {
      const [, id, target, source, seq, notice, bodies] = frame;
      const done = (outcome: NoticeOutcome | 'bodyNotHere'): void =>
        transport.send(from, 'log', ['noticed', id, outcome]);
      return receive({ target, source, seq, notice, bodies, done });
    }
    const [, id, outcome] = frame;
    const sent = this.#sent.get(id);
    if (sent === undefined || sent.to !== from) return;
    this.#sent.delete(id);
    if (outcome === 'bodyNotHere') this.#send(sent, this.#bodiesOf(sent));
    else sent.done(outcome);
  }

  unlinked(peer: NodeId): void {
    for (const [id, sent] of this.#sent) {
      if (sent.to !== peer) continue;
      this.#sent.delete(id);
      sent.done('notLeader');
    }
  }

  #send(sent: Sent, bodies: readonly BodyAttachment[]): void {
    const id = ++this.#lastId;
    this.#sent.set(id, sent);
    const { to, target, source, seq, notice } = sent;
    this.#o.transport.send(to, 'log', ['notice', id, target, source, seq, notice, bodies] satisfies NoticeFrame);
  }

  #bodiesOf({ notice }: Sent): BodyAttachment[] {
    return notice.bodies.flatMap(({ hash }) => {
      const bytes = this.#o.body(hash);
      return bytes === undefined ? [] : [{ hash, bytes }];
    });
  }
}
