/** What comes from peers: frames taken apart, each msg to the part that knows it; what cannot be is refused, never fatal. */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { Frame, Lane, TransportEvents } from '../mesh/transport.ts';
import type { AppendIntake } from './append-intake.ts';
import type { BodyFetching } from './body-fetching.ts';
import { frameRefused } from './codes.ts';
import type { CopyReceiving } from './copy-receiving.ts';
import type { CopySending } from './copy-sending.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import type { StateHashes } from './state-hashes.ts';
import type { Stepping } from './stepping.ts';
import { encodeHost, type HostMessage, type Incoming as Message } from './wire.ts';
import { decodeFrame } from './wire-decoding.ts';

export interface IncomingOptions {
  readonly groups: readonly HostedGroup[];
  readonly messagesMax: number;
  readonly stepping: Stepping;
  /** Whether this node hears a living leader of the shard's group. */
  readonly hearsLeader: (shard: ShardId) => boolean;
  readonly intake: AppendIntake;
  readonly fetching: BodyFetching;
  readonly copying: CopyReceiving;
  readonly giving: CopySending;
  readonly hashes: StateHashes;
  readonly outgoing: Outgoing;
  readonly quarantine: (group: HostedGroup) => void;
  /** Runs what came in as one event of the host. */
  readonly event: (act: () => void) => void;
  readonly refused: (from: NodeId, error: unknown) => void;
}

export class Incoming implements TransportEvents {
  readonly #o: IncomingOptions;

  constructor(options: IncomingOptions) {
    this.#o = options;
  }

  received(from: NodeId, _lane: Lane, frame: Frame): void {
    const { groups, messagesMax, event, refused } = this.#o;
    let messages: readonly Message[];
    try {
      messages = decodeFrame(frame, { shardCount: groups.length, messagesMax });
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      refused(from, error);
      return;
    }
    event(() => {
      for (const message of messages) this.#take(from, message);
    });
  }

  linked(peer: NodeId): void {
    const { groups, stepping, fetching, copying, event } = this.#o;
    event(() => {
      for (const group of groups) {
        if (group.hasMember(peer)) stepping.step(group, { kind: 'linkReset', node: peer });
      }
      fetching.linked(peer);
      copying.linked(peer);
    });
  }

  unlinked(_peer: NodeId): void {
    // Who is alive is for liveness to say; what was lost is asked again when the link is back.
  }

  #take(from: NodeId, of: Message): void {
    const { groups, stepping, hearsLeader, intake } = this.#o;
    const group = groups[of.shard]!;
    if (of.kind === 'host') return this.#takeHost(group, from, of.message);
    const { message } = of;
    if (message.kind === 'append') return intake.take(group, from, message, of.entries);
    // It does not know where its log ended, so it cannot say whose is as long.
    const isPoll = message.kind === 'vote' || message.kind === 'preVote';
    if (isPoll && group.mark.installing?.isMute === true) return;
    stepping.step(group, { kind: 'message', from, message, hearsLeader: hearsLeader(group.shard) });
  }

  #takeHost(group: HostedGroup, from: NodeId, message: HostMessage): void {
    const { fetching, copying, giving, hashes, outgoing, stepping, quarantine, refused } = this.#o;
    switch (message.kind) {
      case 'bodiesWanted': {
        const pieces = fetching.piecesFor(message.wanted);
        const bytes = pieces.reduce((sum, piece) => sum + piece.bytes.byteLength, 0);
        return outgoing.send(from, 'bulk', encodeHost(0, { kind: 'bodies', pieces }), bytes);
      }
      case 'bodies':
        return fetching.received(from, message.pieces);
      case 'copyWanted':
        return giving.wanted(group, from, message.base, message.after);
      case 'copy': {
        const { base, after, part } = message;
        if (copying.received(group, from, base, after, part)) return;
        return refused(from, frameRefused(`a copy of shard ${group.shard} brings rows of another`));
      }
      case 'copied':
        giving.ended(group, from);
        stepping.step(group, { kind: 'snapshotSent', to: from, isInstalled: true });
        return;
      case 'hash':
        return hashes.received(group, from, message.index, message.hash);
      case 'quarantine':
        // Who leads in this replica's term has compared all of them.
        if (from === group.raft.leader) quarantine(group);
    }
  }
}
