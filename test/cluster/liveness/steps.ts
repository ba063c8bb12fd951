/** One node's liveness by hand: the test is its clock, its peers and its host. */
import type { LivenessEffect, LivenessEvent, Ping, PingAnswer } from '../../../cluster/liveness/protocol.ts';
import { createLiveness, type LivenessState, step, wakeAtMs } from '../../../cluster/liveness/step.ts';
import { type NodeId, nodeId, type ShardId, shardId, term } from '../../../runtime/base/ids.ts';
import { Dice } from '../../sim/world/random.ts';

export class Steps {
  nowMs = 0;
  readonly state: LivenessState;
  readonly members: readonly NodeId[];
  /** Of the last step, frames apart. */
  readonly effects: LivenessEffect[] = [];
  readonly pings = new Map<NodeId, Ping>();
  pingsSent = 0;
  answer: PingAnswer | null = null;

  constructor(nodes: number) {
    this.members = Array.from({ length: nodes }, (_, i) => nodeId(`n${i + 1}`));
    this.state = createLiveness({
      self: nodeId('n1'),
      incarnation: 7,
      members: this.members,
      random: new Dice('steps'),
    });
    this.time();
  }

  take(event: LivenessEvent): LivenessEffect[] {
    const effects = step(this.state, event, this.nowMs);
    for (const effect of effects) {
      if (effect.kind !== 'send') this.effects.push(effect);
      else if (effect.frame.kind === 'ping') {
        this.pings.set(effect.to, effect.frame);
        this.pingsSent++;
      } else this.answer = effect.frame;
    }
    return effects;
  }

  time(): LivenessEffect[] {
    return this.take({ kind: 'time', wallMs: this.nowMs, commitMs: 0, turnMs: 0 });
  }

  /** Time passes, wakes come when they are asked for; each node of `answering` answers at once. */
  run(forMs: number, answering: readonly string[] = [], facts: Partial<PingAnswer> = {}): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      const atMs = wakeAtMs(this.state);
      if (atMs === null || atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.pings.clear();
      this.time();
      for (const name of answering) this.answers(name, facts);
    }
    this.nowMs = untilMs;
  }

  answers(name: string, facts: Partial<PingAnswer> = {}): LivenessEffect[] {
    const ping = this.pings.get(nodeId(name));
    if (ping === undefined) return [];
    return this.take({ kind: 'received', from: nodeId(name), frame: { ...answerTo(ping, this.nowMs), ...facts } });
  }

  pinged(name: string, facts: Partial<Ping>): LivenessEffect[] {
    return this.take({ kind: 'received', from: nodeId(name), frame: { ...pingOf(this.nowMs), ...facts } });
  }

  told(kind: LivenessEffect['kind']): LivenessEffect[] {
    return this.effects.filter((effect) => effect.kind === kind);
  }

  role(group: number, role: 'leader' | 'follower', inTerm: number, leader: string | null): void {
    const is = { role, term: term(inTerm), leader: leader === null ? null : nodeId(leader) };
    this.take({ kind: 'role', group: shardId(group), is });
  }

  replicas(group: number, candidates: readonly string[]): ShardId {
    this.take({ kind: 'replicas', group: shardId(group), candidates: candidates.map(nodeId) });
    return shardId(group);
  }
}

export const noClaims = { version: 0, digest: 0 };

export function pingOf(wallMs: number): Ping {
  return {
    kind: 'ping',
    seq: 1,
    incarnation: 1,
    wallMs,
    commitMs: 0,
    turnMs: 0,
    isFit: true,
    claims: noClaims,
    news: null,
  };
}

export function answerTo(ping: Ping, wallMs: number): PingAnswer {
  const facts = { incarnation: 1, wallMs, commitMs: 0, turnMs: 0, isFit: true, claims: noClaims };
  return {
    kind: 'pingAnswer',
    ...facts,
    to: { incarnation: ping.incarnation, seq: ping.seq },
    holds: ping.claims.version,
  };
}
