/**
 * What must hold of a group at all times, seen from outside by somebody who knows everything [R Figure 3.2]:
 * election safety, log matching, leader completeness, state machine safety, and reads that see all that was committed.
 */
import { strict as assert } from 'node:assert';
import type { NodeId } from '../../../runtime/base/ids.ts';
import type { Effects } from '../../../cluster/raft/protocol.ts';
import type { SimpleHost } from './simple-host.ts';

export class RandomOracle {
  /** Index -> the entry that was ever committed there, and the term of the leader that committed it. */
  readonly committed = new Map<number, { term: number; inTerm: number }>();
  committedMax = 0;
  readonly #leaders = new Map<number, NodeId>();
  /** `index/term` -> the term before it and what it holds: equal places have equal pasts, by induction. */
  readonly #entries = new Map<string, { before: number; payload: unknown }>();
  readonly #reads = new Map<number, number>();
  readonly #terms = new Map<NodeId, { term: number; committed: number }>();

  readAsked(token: number): void {
    this.#reads.set(token, this.committedMax);
  }

  restarted(host: SimpleHost): void {
    this.#terms.set(host.id, { term: host.group.term, committed: host.group.committedIndex });
  }

  stepped(hosts: readonly SimpleHost[], host: SimpleHost, effects: Effects, isRotten: boolean): void {
    this.#neverBack(host);
    this.#logMatching(hosts, host, effects);
    if (effects.role?.role === 'leader') this.#electionSafety(host);
    if (host.group.role === 'leader' && effects.messages.length > 0) this.#witnessNeverAhead(hosts, host, effects);
    if (effects.committed !== null) this.#stateMachineSafety(hosts, host, isRotten);
    for (const { token, index } of effects.reads) {
      assert.ok(index >= this.#reads.get(token)!, `read ${token} at ${index} missed what was committed before it`);
    }
  }

  #neverBack(host: SimpleHost): void {
    const { term, committedIndex: committed } = host.group;
    const before = this.#terms.get(host.id) ?? { term: 0, committed: 0 };
    assert.ok(term >= before.term && committed >= before.committed, `${host.id} went back`);
    this.#terms.set(host.id, { term, committed });
  }

  #electionSafety({ id, group }: SimpleHost): void {
    const leader = this.#leaders.get(group.term) ?? id;
    assert.equal(id, leader, `two leaders in term ${group.term}`);
    this.#leaders.set(group.term, leader);
    assert.notEqual(group.configuration.witness, id, 'the witness leads');
    assert.ok(!group.isInstalling && group.damagedFrom === null, `${id} leads and is not whole`);
    // [R §3.6.3] Leader completeness: in all later terms. Below its base all is committed anyhow.
    for (const [index, { term, inTerm }] of this.committed) {
      if (index <= group.base.index || inTerm >= group.term) continue;
      assert.equal(group.log.termAt(index), term, `leader ${id} of term ${group.term} lacks committed entry ${index}`);
    }
  }

  #logMatching(hosts: readonly SimpleHost[], host: SimpleHost, { append }: Effects): void {
    for (const { index, term, kind, payload } of append) {
      const before = host.group.log.termAt(index - 1);
      if (before === null) continue;
      const key = `${index}/${term}`;
      const known = this.#entries.get(key);
      // A lone voter that loses its power forgets a whole term, which nobody else has heard of.
      const isKept = hosts.some((other) => other !== host && other.group.log.termAt(index) === term);
      const isForgotten = host.group.role === 'leader' && !isKept && !this.committed.has(index);
      if (known === undefined || isForgotten) {
        this.#entries.set(key, { before, payload: kind === 'data' ? payload : null });
      } else {
        assert.equal(before, known.before, `logs differ before ${key}`);
        if (payload !== null && known.payload !== null) assert.equal(payload, known.payload, `two entries at ${key}`);
        known.payload ??= payload;
      }
    }
  }

  #stateMachineSafety(hosts: readonly SimpleHost[], host: SimpleHost, isRotten: boolean): void {
    const { group } = host;
    for (let index = Math.max(group.base.index, 1); index <= group.committedIndex; index++) {
      const term = group.log.termAt(index)!;
      const known = this.committed.get(index);
      if (known !== undefined) assert.equal(term, known.term, `${host.id} commits another entry at ${index}`);
      else this.#newlyCommitted(hosts, host, index, term, isRotten);
    }
    this.committedMax = Math.max(this.committedMax, group.committedIndex);
  }

  /** Plan §8. What it holds of this leader's log, or is sent, each other full voter that lives has on its disk. */
  #witnessNeverAhead(hosts: readonly SimpleHost[], { id, group }: SimpleHost, { messages, append }: Effects): void {
    const { witness, voters } = group.configuration;
    const sent = messages.find(({ to, message }) => to === witness && message.kind === 'append')?.message;
    const isNew = append.some(({ kind, index }) => {
      return kind === 'configuration' && group.log.configurationAt(index - 1).witness !== witness;
    });
    let end = sent?.kind === 'append' ? (sent.entries.at(-1)?.index ?? 0) : 0;
    if (witness !== null && isNew) end = Math.max(end, group.followers.get(witness)?.match ?? 0);
    for (const host of hosts) {
      const progress = group.followers.get(host.id);
      const counts = host.id !== id && host.id !== witness && voters.includes(host.id) && progress?.isAlive === true;
      if (!counts || progress.state === 'snapshot' || progress.isInstalling) continue;
      const { base, entries } = host.durable;
      assert.ok(end <= base.index + entries.length, `${witness} knows of entry ${end} before ${host.id} has it`);
    }
  }

  /** A majority holds it on its disks, whole, before anybody says so. */
  #newlyCommitted(
    hosts: readonly SimpleHost[],
    host: SimpleHost,
    index: number,
    term: number,
    isRotten: boolean,
  ): void {
    this.committed.set(index, { term, inTerm: host.group.term });
    // A leader that has removed itself is none any more once that is committed.
    const isLeader = host.group.role === 'leader' || !host.group.isVoter(host.id);
    assert.ok(isLeader, 'the leader is the first to know what is committed');
    if (isRotten) return;
    const { voters } = host.group.configuration;
    const holders = hosts.filter(({ id, durable }) => {
      if (!voters.includes(id) || durable.isInstalling) return false;
      return index <= durable.base.index || durable.entries[index - durable.base.index - 1]?.term === term;
    });
    assert.ok(holders.length > voters.length / 2, `entry ${index} is committed on ${holders.length} disks only`);
  }
}
