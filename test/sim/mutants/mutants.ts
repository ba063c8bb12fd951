/**
 * Bugs that the simulator must find. Each replaces pieces of sources at load time (`plant.ts`); the pieces are as they stand
 * in the file, so an edit that is out of date says so.
 */
import type { Given } from '../plan.ts';

export interface Edit {
  readonly file: string;
  /** Exactly once in the file. */
  readonly find: string;
  readonly put: string;
}

export interface Mutant {
  readonly name: string;
  readonly given: Given;
  /** What the oracle says of this bug. A seed that breaks in another way does not count. */
  readonly seenAs: RegExp;
  readonly edits: readonly Edit[];
}

const lone: Given = { nodes: 1 };
const three: Given = { nodes: 3 };
/** Who votes is changed by hand; of three one is a witness. */
const byHand: Given = { nodes: 4, forming: 'mapless' };
const withWitness: Given = { nodes: 3, forming: 'mapless' };
/** Nodes join one that began alone. */
const joined: Given = { nodes: 3, forming: 'founded' };

/** What was answered is not so after all. */
const lostAnswer =
  /accepted and is not there|was given twice|and is back|promised and did not happen|shown after one of|is not any more|it neither left/;
const committedTwice = /begins to serve at|is committed already/;
const either = (...of: readonly RegExp[]): RegExp => new RegExp(of.map(({ source }) => source).join('|'));

export const mutants: readonly Mutant[] = [
  {
    name: 'dedup skipped',
    given: lone,
    seenAs: /happened \d+ times|the sum is|is there twice|left for .* times/,
    edits: [
      {
        file: 'runtime/actor/commands.ts',
        find: 'const known = state.dedup.lookup(request.id);',
        put: "const known = { state: 'new', answer: null } as { state: string; answer: unknown };",
      },
      {
        file: 'runtime/actor/dedup.ts',
        find: "invariant(!records.answers.has(id.seq), 'a dedup key is written once');",
        put: '',
      },
    ],
  },
  {
    name: 'ack before fsync',
    given: lone,
    seenAs: either(lostAnswer, committedTwice, /had acked/),
    edits: [
      {
        file: 'cluster/groups/writer.ts',
        find: 'const settled = tree.write(ops).then(() => {',
        // A copy, since a row's bytes may be used again for the next one.
        put: 'void tree.write(ops.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) }))).catch(fatal);\n    const settled = Promise.resolve().then(() => {',
      },
    ],
  },
  {
    name: 'output before commit',
    given: lone,
    seenAs: lostAnswer,
    edits: [
      {
        file: 'runtime/actor/gate.ts',
        find: 'if (index <= this.#committed && this.#waiting.length === 0) {',
        put: 'if (index >= 0) {',
      },
    ],
  },
  {
    name: 'query that sees the overlay',
    given: lone,
    seenAs: /shown after one of|is not any more|the sum is/,
    edits: [
      {
        file: 'cluster/groups/host.ts',
        find: 'const payload = payloadOf(writeSet);',
        put: 'const payload = payloadOf(writeSet);\n    this.#o.store.apply(writeSet.rows);',
      },
    ],
  },
  {
    name: 'applied index outside the transaction',
    given: lone,
    seenAs: either(lostAnswer, /differ in|happened \d+ times|every|strictly|was given twice/),
    edits: [
      {
        file: 'cluster/groups/checkpoints.ts',
        find: 'if (!isLast) return ops;\n    this.#isLastSlice = true;',
        put: 'this.#isLastSlice = isLast;',
      },
    ],
  },
  {
    name: 'timer fired twice',
    given: lone,
    seenAs: /fired .* happened \d+ times/,
    edits: [
      {
        file: 'runtime/actor/timers.ts',
        find: 'if (turn.timerDue(name) !== dueMs) return;',
        put: '',
      },
    ],
  },
  {
    name: 'body swept between append and apply',
    given: three,
    seenAs: /every referenced body is present|body .*missing|is not what was sent/,
    edits: [
      {
        file: 'runtime/store/bodies.ts',
        find: 'if (this.#entries.has(hash)) {\n      this.#suspects.add(hash);\n      return ops;\n    }',
        put: '',
      },
    ],
  },
  {
    name: 'command ids colliding after a worker restart',
    given: lone,
    seenAs: either(lostAnswer, /the sum|nobody sent|given twice|was not for it/),
    edits: [
      {
        file: 'runtime/threads/command-ids.ts',
        find: 'this.caller = randomText(random, 26);',
        put: 'this.caller = randomText({ bytes: () => new Uint8Array(26) } satisfies typeof random, 26);',
      },
    ],
  },
  {
    name: 'inbox gap accepted',
    given: three,
    seenAs: /told .* (was promised and did not happen)|notice \d+ behind/,
    edits: [{ file: 'runtime/actor/inbox.ts', find: 'if (seq > last + 1) return undefined;', put: '' }],
  },
  {
    name: 'vote not persisted',
    given: { nodes: 3, profile: 'elections' },
    seenAs: / voted for .* and for /,
    edits: [
      {
        file: 'cluster/groups/stepping.ts',
        find: 'votedFor: hardState.votedFor };',
        put: 'votedFor: null };',
      },
    ],
  },
  {
    name: 'commit of an old-term entry by counting',
    given: three,
    seenAs: /before an entry of its own/,
    edits: [
      {
        file: 'cluster/raft/commit.ts',
        find: 'if (index <= group.committedIndex || index < group.firstOwnIndex) return;',
        put: 'if (index <= group.committedIndex) return;',
      },
      {
        file: 'cluster/raft/commit.ts',
        find: "invariant(group.log.termAt(index) === group.term, 'a leader counts entries of its own term only [R §3.6.2]');",
        put: '',
      },
    ],
  },
  {
    name: 'no PreVote with a returning node',
    given: three,
    seenAs: /nobody could hear it ask/,
    edits: [
      {
        file: 'cluster/raft/election.ts',
        find: "group.role = 'preCandidate';\n  group.leader = null;\n  openPoll(group, out);",
        put: 'becomeCandidate(group, out, false);',
      },
    ],
  },
  {
    name: 'two configuration changes at once',
    given: byHand,
    seenAs: /changes the members twice/,
    edits: [
      {
        file: 'cluster/raft/configuration.ts',
        find: "if (!group.serves || group.isChanging) return 'changePending';",
        put: '',
      },
      {
        file: 'cluster/raft/configuration.ts',
        find: "invariant(!group.isChanging, 'there is one pending configuration change [R §4.1]');",
        put: '',
      },
    ],
  },
  {
    name: 'ReadIndex without confirmation',
    given: { nodes: 3, profile: 'elections' },
    seenAs: /shown after one of|was there and is not any more|went back/,
    edits: [
      {
        file: 'cluster/groups/host.ts',
        find: 'if (!isServed || group.isAlone) return done(isServed);',
        put: 'return done(isServed);',
      },
    ],
  },
  {
    name: 'snapshot taken as caught up too early',
    given: byHand,
    seenAs: /while it was being copied/,
    edits: [
      {
        file: 'cluster/raft/progress.ts',
        find: 'return this.isInstalling ? 0 : this.match;',
        put: 'return this.match;',
      },
    ],
  },
  {
    name: 'ack without the body',
    given: three,
    seenAs: /every referenced body is present|body/,
    edits: [
      {
        file: 'cluster/groups/append-intake.ts',
        find: 'return this.#o.bodies.isExpected(hash) || this.#o.staging.isWhole(hash);',
        put: 'return hash.length > 0;',
      },
    ],
  },
  {
    name: 'witness ahead of the survivor',
    given: withWitness,
    seenAs: /tells the witness/,
    edits: [
      {
        file: 'cluster/raft/witness.ts',
        find: 'return progress.isWitness ? witnessLimit(group) : group.log.lastIndex;',
        put: 'return group.log.lastIndex;',
      },
    ],
  },
  {
    name: 'damaged entry read as a shorter log',
    given: three,
    seenAs: either(committedTwice, /had acked|its log ends/),
    edits: [
      {
        file: 'cluster/groups/restoring.ts',
        find: 'return new HostedGroup({ ...from, raft: raftOf(damaged[0]) });',
        put: '(entries as KeptEntry[]).splice(entries.indexOf(damaged[0]!));\n  return new HostedGroup({ ...from, raft: raftOf(undefined) });',
      },
    ],
  },
  {
    // A leader counts as heard while its node lives, whether it knows that it leads or not.
    name: 'quiet group left leaderless after a fast restart',
    given: { nodes: 3, profile: 'quiet' },
    seenAs: /have no leader for/,
    edits: [
      {
        file: 'cluster/liveness/group.ts',
        find: 'if (leader !== null && judge(leader))',
        put: 'if (leader !== null && peers.get(leader)?.isAlive === true)',
      },
      {
        file: 'cluster/raft/votes.ts',
        find: '(hearsLeader && group.ledBy !== from)',
        put: 'hearsLeader',
      },
    ],
  },
  {
    // What this node takes itself for, by claims, instead of what a majority confirms.
    name: 'a claim believed over the log',
    given: { nodes: 3, profile: 'elections' },
    seenAs: /shown after one of|was there and is not any more|went back/,
    edits: [
      {
        file: 'cluster/cluster.ts',
        find: 'query: (request, settle) => this.#engine!.query(request, settle),',
        put: 'query: (request, settle) => this.#engine!.query(this.#leaders.of(shardOf(request.kind, request.key, shardCount)) === self ? { ...request, local: true } : request, settle),',
      },
    ],
  },
  {
    name: 'a hint followed without looking who leads',
    given: { nodes: 3, profile: 'elections' },
    seenAs: /shown after one of|was there and is not any more|went back/,
    edits: [
      {
        file: 'cluster/routing/serving.ts',
        find: 'return this.#elsewhere(from, shard, of, onTo, leftMs, reply);\n    }',
        put: "if (of.is !== 'query') return this.#elsewhere(from, shard, of, onTo, leftMs, reply);\n      of = { is: 'query', request: { ...of.request, local: true } };\n    }",
      },
    ],
  },
  {
    name: 'a ring from who is heard instead of the committed list',
    given: joined,
    seenAs: /(make something else|makes .*) of map/,
    edits: [
      {
        file: 'cluster/cluster.ts',
        find: 'this.#desired = desiredOf(map, this.#desired);',
        put: 'const heard = map.nodes.filter(({ id }) => this.liveness.isAlive(id));\n    this.#desired = desiredOf({ ...map, nodes: heard }, this.#desired);',
      },
    ],
  },
  {
    name: 'a node that joins makes a cluster of its own',
    given: joined,
    seenAs: either(committedTwice, lostAnswer, /both lead|voted for/),
    edits: [{ file: 'cluster/cluster.ts', find: 'voters: found === undefined ? [] : [self]', put: 'voters: [self]' }],
  },
  {
    name: 'a name given twice',
    given: joined,
    seenAs: /was let in as/,
    edits: [
      {
        file: 'cluster/metadata/cluster-rules.ts',
        find: 'if (known !== undefined) return known.keyHash === keyHash && known.started === null ? null : nodeIdTaken(node);',
        put: 'if (known !== undefined) return null;',
      },
    ],
  },
  {
    name: 'an old disk believed',
    given: three,
    seenAs: /has an older disk, and .* lets it in/,
    edits: [
      {
        file: 'cluster/identity/marks.ts',
        find: 'let newest = 0;',
        put: 'if (remembered.number > 0) return false;\n  let newest = 0;',
      },
      {
        file: 'cluster/mesh/hello.ts',
        find: 'return incarnation < newest ?',
        put: 'return incarnation < 0 ?',
      },
    ],
  },
  {
    // It was a bug: who leads the metadata may be nobody that a node has heard of, and then no newer map comes.
    name: 'none but members of an old map heard',
    given: { nodes: null },
    seenAs: /gets no answer of shard|not done/,
    edits: [
      {
        file: 'cluster/heard-nodes.ts',
        find: '!members.includes(peer) && !this.#isRemoved(peer)',
        put: '!members.includes(peer) && this.#isRemoved(peer) && false',
      },
    ],
  },
];
