/**
 * Liveness as one step: an event goes in, effects come out. No clock, no chance of its own, no I/O.
 *
 * The state is changed in place: it is the caller's only copy.
 * Leaves to others: the timer, the transport, and when a loop turn is over (`liveness.ts`).
 */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { Campaigns } from './campaign.ts';
import { Detector, type Moment } from './detector.ts';
import type { LivenessEffect, LivenessEvent } from './protocol.ts';
import { assertLivenessSettings, type LivenessSettings, livenessSettings } from './settings.ts';

export interface LivenessParts {
  readonly self: NodeId;
  /** Grows with each start of the node. */
  readonly incarnation: number;
  /** As they are known at the start: without them nobody could be waited for. */
  readonly members: readonly NodeId[];
  readonly random: Random;
  readonly settings?: LivenessSettings;
}

export interface LivenessState {
  readonly detector: Detector;
  readonly campaigns: Campaigns;
}

export function createLiveness(parts: LivenessParts): LivenessState {
  const { self, incarnation, random, settings = livenessSettings } = parts;
  assertLivenessSettings(settings);
  const campaigns = new Campaigns({ self, settings, random, detector: () => detector });
  const detector: Detector = new Detector({ self, incarnation, settings, random, events: campaigns });
  detector.members(parts.members, []);
  return { detector, campaigns };
}

/** For PreVote: whether this node hears a living leader of the group. */
export function hearsLeader(state: LivenessState, group: ShardId): boolean {
  return state.campaigns.hearsLeader(group);
}

/** When `time` should be told, by the monotonic clock; null: not before another event. */
export function wakeAtMs({ detector, campaigns }: LivenessState): number | null {
  const [pingMs, dueMs] = [detector.wakeAtMs, campaigns.wakeAtMs];
  if (pingMs === null && dueMs === null) return null;
  return detector.clockOf(Math.min(pingMs ?? Infinity, dueMs ?? Infinity));
}

/** @param nowMs by the monotonic clock */
export function step(state: LivenessState, event: LivenessEvent, nowMs: number): LivenessEffect[] {
  const out: LivenessEffect[] = [];
  const { detector, campaigns } = state;
  const now = detector.moment(nowMs);
  if (take(state, event, now, out)) {
    campaigns.settle(now.ownMs, out);
    detector.tellClaims(now);
  }
  return out;
}

/** @returns whether to judge at once; what the host tells is judged at the end of its turn */
function take(
  { detector, campaigns }: LivenessState,
  event: LivenessEvent,
  now: Moment,
  out: LivenessEffect[],
): boolean {
  switch (event.kind) {
    case 'received':
      detector.received(event.from, event.frame, now, out);
      return true;
    case 'time':
      detector.time(event, now, out);
      return true;
    case 'linked':
      detector.linked(event.node, now, out);
      return true;
    case 'unlinked':
      detector.unlinked(event.node);
      return true;
    case 'linkRefused':
      detector.linkRefused(event.node, now, out);
      return true;
    case 'members':
      detector.members(event.nodes, out);
      campaigns.judgeWanting();
      return false;
    case 'replicas':
      campaigns.replicas(event.group, event.candidates);
      return false;
    case 'role':
      campaigns.role(event.group, event.is, now.ownMs);
      return false;
    case 'forget':
      campaigns.forget(event.group);
      return false;
    case 'settle':
      return true;
  }
}
