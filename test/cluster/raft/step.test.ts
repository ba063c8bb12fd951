/** Single events that no honest conversation brings about easily, and promises that stop the node when broken. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type RaftGroup, restoreGroup } from '../../../cluster/raft/group.ts';
import type { Effects, Entry, Position, RaftEvent, RaftMessage, Restored } from '../../../cluster/raft/protocol.ts';
import { step } from '../../../cluster/raft/step.ts';
import { logIndex, nodeId, term } from '../../../runtime/base/ids.ts';

const settings = { windowBytesMax: 1000, appendBytesMax: 1000, retryMs: 100, transferMsMax: 1000 };
const [n1, n2, n3] = ['n1', 'n2', 'n3'].map(nodeId) as [ReturnType<typeof nodeId>, ...ReturnType<typeof nodeId>[]];

function place(index: number, inTerm: number): Position {
  return { index: logIndex(index), term: term(inTerm) };
}

function entries(first: number, ...terms: readonly number[]): Entry[] {
  return terms.map((inTerm, i) => ({
    ...place(first + i, inTerm),
    kind: 'data',
    bytes: 10,
    configuration: null,
    payload: `${first + i}/${inTerm}`,
  }));
}

function group(terms: readonly number[], facts: Partial<Restored> = {}): RaftGroup {
  return restoreGroup(
    {
      self: n1,
      hardState: { term: term(terms.at(-1) ?? 0), votedFor: null },
      base: place(0, 0),
      configuration: { voters: [n1, n2!, n3!], learners: [], witness: null },
      entries: entries(1, ...terms),
      committed: logIndex(0),
      isInstalling: false,
      damagedFrom: null,
      ...facts,
    },
    settings,
  );
}

function hears(of: RaftGroup, message: RaftMessage, from = n2!): Effects {
  return step(of, { kind: 'message', from, message, hearsLeader: true }, 0);
}

function append(inTerm: number, previous: Position, sent: readonly Entry[], committed = 0): RaftMessage {
  return { kind: 'append', term: term(inTerm), previous, entries: sent, committed: logIndex(committed) };
}

function answerOf(effects: Effects): Extract<RaftMessage, { kind: 'appendAnswer' }> {
  const message = effects.messages[0]?.message;
  assert.ok(message?.kind === 'appendAnswer');
  return message;
}

void test('a follower commits no further than a msg has shown the logs to be equal', () => {
  const follower = group([1, 2, 2, 3, 3]);
  const effects = hears(follower, append(4, place(1, 1), entries(2, 2), 5));
  assert.equal(effects.committed, 2);
  assert.equal(effects.truncateFrom, null, 'what is behind may still be equal');
  assert.deepEqual(answerOf(effects).at, place(2, 2));
});

void test('a late word about a truncated entry does not make the one at its place durable', () => {
  const node = group([1], { configuration: { voters: [n1, n2!], learners: [], witness: null } });
  hears(node, append(2, place(1, 1), entries(2, 2, 2)));
  hears(node, append(3, place(1, 1), entries(2, 3)));
  assert.equal(node.durable, 1);
  step(node, { kind: 'persisted', upTo: place(2, 2) }, 0);
  step(node, { kind: 'persisted', upTo: place(3, 2) }, 0);
  assert.equal(node.durable, 1);
  step(node, { kind: 'persisted', upTo: place(2, 3) }, 0);
  assert.equal(node.durable, 2);
});

void test('append: the same entries again, or older ones, are neither appended nor truncated', () => {
  const follower = group([1, 1, 1, 1], { base: place(2, 1), entries: entries(3, 1, 1), committed: logIndex(2) });
  for (const [previous, sent] of [
    [place(0, 0), entries(1, 1, 1, 1)],
    [place(2, 1), entries(3, 1)],
    [place(1, 1), entries(2, 1)],
  ] as const) {
    const effects = hears(follower, append(1, previous, sent));
    assert.equal(effects.append.length, 0);
    assert.equal(effects.truncateFrom, null);
    assert.ok(answerOf(effects).isTaken);
  }
});

void test('a rotten entry that conflicts is truncated, and the log is whole again', () => {
  const follower = group([1, 1, 2, 2], { damagedFrom: logIndex(3) });
  const effects = hears(follower, append(3, place(2, 1), entries(3, 3)));
  assert.equal(effects.truncateFrom, 3);
  assert.deepEqual(
    effects.append.map(({ term }) => term),
    [3],
  );
  assert.equal(follower.damagedFrom, null);
  assert.deepEqual(answerOf(effects).at, place(3, 3));
});

void test('a rotten entry comes again, and the one behind it conflicts', () => {
  const follower = group([1, 1, 2, 2], { damagedFrom: logIndex(3) });
  const effects = hears(follower, append(3, place(2, 1), entries(3, 2, 3)));
  assert.equal(effects.truncateFrom, 4);
  assert.deepEqual(
    effects.append.map(({ payload }) => payload),
    ['3/2', '4/3'],
  );
  assert.equal(answerOf(effects).at.index, 2, 'acked once it is repaired');
  const repaired = step(follower, { kind: 'repaired', damagedFrom: null }, 0);
  assert.deepEqual(answerOf(repaired).at, place(4, 3));
});

void test('a rotten follower takes no copy that would leave acked entries behind its base', () => {
  const install = (index: number): RaftMessage => ({
    kind: 'install',
    term: term(2),
    base: place(index, 1),
    configuration: { voters: [n1, n2!, n3!], learners: [], witness: null },
    committed: logIndex(index),
  });
  const follower = group([1, 1, 1, 1], { damagedFrom: logIndex(2) });
  const early = hears(follower, install(3));
  assert.equal(early.installing, null);
  assert.equal(answerOf(early).isTaken, false);
  assert.deepEqual(answerOf(early).at, place(1, 1));
  const late = hears(follower, install(4));
  assert.deepEqual(late.installing?.base, place(4, 1));
  assert.equal(follower.damagedFrom, null);
});

void test('an install that the log holds already is no copy, but tells what is committed', () => {
  const follower = group([1, 1, 1]);
  const configuration = follower.configuration;
  const message = { kind: 'install', term: term(1), base: place(2, 1), configuration, committed: logIndex(3) } as const;
  const effects = hears(follower, message);
  assert.equal(effects.installing, null);
  assert.equal(effects.committed, 2);
  assert.deepEqual(answerOf(effects).at, place(2, 1));
  assert.equal(answerOf(hears(follower, message)).isTaken, true, 'a late double is answered too');
});

void test('a leader takes back what a follower acked and then lost to a rotten disk', () => {
  const leader = group([1, 1, 1], { configuration: { voters: [n1, n2!, n3!], learners: [], witness: null } });
  step(leader, { kind: 'campaign' }, 0);
  const yes = { isGranted: true, last: place(3, 1), term: term(2) };
  step(leader, { kind: 'message', from: n2!, message: { kind: 'preVoteAnswer', ...yes }, hearsLeader: false }, 0);
  step(leader, { kind: 'message', from: n2!, message: { kind: 'voteAnswer', ...yes }, hearsLeader: false }, 0);
  const answer = { kind: 'appendAnswer', term: term(2), isInstalling: false } as const;
  hears(leader, { ...answer, isTaken: true, at: place(4, 2), refused: null });
  assert.equal(leader.followers.get(n2!)?.match, 4);
  step(leader, { kind: 'linkReset', node: n2! }, 0);
  hears(leader, { ...answer, isTaken: false, at: place(1, 1), refused: logIndex(4) });
  assert.equal(leader.followers.get(n2!)?.match, 1);
  // Its own disk alone is no majority.
  assert.equal(step(leader, { kind: 'persisted', upTo: place(4, 2) }, 0).committed, null);
});

void test('a follower that lost what it acked and needs a copy counts for what it acks anew', () => {
  const leader = group([1, 1, 1], { base: place(2, 1), entries: entries(3, 1), committed: logIndex(3) });
  step(leader, { kind: 'campaign' }, 0);
  const yes = { isGranted: true, last: place(3, 1), term: term(2) };
  step(leader, { kind: 'message', from: n2!, message: { kind: 'preVoteAnswer', ...yes }, hearsLeader: false }, 0);
  step(leader, { kind: 'message', from: n2!, message: { kind: 'voteAnswer', ...yes }, hearsLeader: false }, 0);
  const answer = { kind: 'appendAnswer', term: term(2), refused: null } as const;
  hears(leader, { ...answer, isTaken: true, at: place(4, 2), isInstalling: false });
  step(leader, { kind: 'linkReset', node: n2! }, 0);
  const lost = { isTaken: false, at: place(1, 1), refused: logIndex(4), isInstalling: true };
  assert.ok(hears(leader, { ...answer, ...lost }).snapshotFor);
  hears(leader, { ...answer, isTaken: true, at: place(3, 1), isInstalling: true });
  hears(leader, { ...answer, isTaken: true, at: place(3, 1), isInstalling: false });
  assert.equal(leader.followers.get(n2!)?.counts, 3);
  assert.equal(step(leader, { kind: 'persisted', upTo: place(4, 2) }, 0).committed, null);
});

void test('a vote is refused for a log that ends earlier, and given once a term', () => {
  const voter = group([1, 2]);
  const ask = (inTerm: number, last: Position, from: typeof n1): boolean => {
    const message = { kind: 'vote', term: term(inTerm), last, isTransfer: false } as const;
    const effects = step(voter, { kind: 'message', from, message, hearsLeader: false }, 0);
    const answer = effects.messages[0]!;
    assert.ok(answer.waits, 'a vote leaves after the disk has it');
    return answer.message.kind === 'voteAnswer' && answer.message.isGranted;
  };
  assert.equal(ask(3, place(9, 1), n2!), false);
  assert.equal(ask(3, place(2, 2), n3!), true);
  assert.equal(ask(3, place(5, 2), n2!), false);
  assert.equal(ask(3, place(2, 2), n3!), true, 'asked again, it says the same');
  assert.equal(voter.votedFor, n3);
});

void test('compaction: drops what is committed, with the rot in it', () => {
  const node = group([1, 1, 1, 2], { committed: logIndex(3), damagedFrom: logIndex(2) });
  step(node, { kind: 'compacted', upTo: logIndex(3) }, 0);
  assert.deepEqual(node.base, place(3, 1));
  assert.equal(node.damagedFrom, null);
  assert.equal(node.termAt(logIndex(2)), null);
  assert.equal(node.termAt(logIndex(4)), 2);
  step(node, { kind: 'compacted', upTo: logIndex(2) }, 0);
  assert.deepEqual(node.base, place(3, 1));
});

const broken: Readonly<Record<string, [() => RaftGroup, RaftEvent]>> = {
  'one leader a term': [
    () => {
      const node = group([1]);
      hears(node, append(2, place(1, 1), []));
      return node;
    },
    { kind: 'message', from: n3!, message: append(2, place(1, 1), []), hearsLeader: true },
  ],
  'no committed entry is truncated': [
    () => group([1, 1], { committed: logIndex(2) }),
    { kind: 'message', from: n2!, message: append(2, place(1, 1), entries(2, 2)), hearsLeader: true },
  ],
  'no compaction of what is not committed': [() => group([1]), { kind: 'compacted', upTo: logIndex(1) }],
  'no repair without damage': [() => group([1]), { kind: 'repaired', damagedFrom: null }],
  'no end of a copy that did not begin': [() => group([1]), { kind: 'installed' }],
};

for (const [promise, [make, event]] of Object.entries(broken)) {
  void test(`invariant: ${promise}`, () => {
    const node = make();
    assert.throws(() => step(node, event, 0), /broken invariant/);
  });
}

void test('invariant: a disk that contradicts itself is not opened', () => {
  assert.throws(() => group([1], { committed: logIndex(2) }), /known to be committed/);
  assert.throws(() => group([2], { hardState: { term: term(1), votedFor: null } }), /newer than the term/);
  assert.throws(() => group([1], { entries: entries(2, 1) }), /without a gap/);
});
