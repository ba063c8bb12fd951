/**
 * A shard and what is known of the nodes, in a few words, so that a rule of the mover is one line of a table.
 *
 *   is: '1 2 | 3 4~'   voters n1 (the leader) and n2; learners n3, which keeps up, and n4, which does not yet
 *   want: '1 2 3'      who should vote; behind a `|` who should learn
 *   when: 'dead3 …'    see `circumstances`
 */
import type { Goals } from '../../../cluster/placement/desired.ts';
import type { Circumstances, GroupView, Move, NodesView } from '../../../cluster/placement/next-move.ts';
import { logIndex, type NodeId, nodeId, shardId, term } from '../../../runtime/base/ids.ts';

export const n = (number: string | number): NodeId => nodeId(`n${number}`);

/** `dead3`: n3 is suspect; `weak`: this node should lead nothing; `stuck2`: the voter n2 does not keep up. */
const circumstances = [
  ...['dead', 'gone', 'unknown', 'unfit', 'fresh', 'full', 'stuck', 'assigned', 'witness'],
  ...['changing', 'unserved', 'handing', 'weak', 'new', 'tried', 'overdue'],
];

export interface Said {
  readonly group: GroupView;
  readonly goals: Goals;
  readonly nodes: NodesView;
  readonly at: Circumstances;
}

const committed = 100;

export function shardOfWords(is: string, want: string, when = ''): Said {
  const said = when.split(' ').filter((word) => word !== '');
  for (const word of said) {
    if (!circumstances.includes(word.replace(/\d+$/, ''))) throw new Error(`no such circumstance: ${word}`);
  }
  const isSaid = (word: string, node: NodeId | '' = ''): boolean => said.includes(`${word}${node.slice(1)}`);
  const [voters, learners] = nodesOf(is);
  const [goalVoters, goalLearners] = nodesOf(want);
  const self = voters[0]!;
  const late = is.split(/[ |]+/).filter((word) => word.endsWith('~'));
  const isLate = (node: NodeId): boolean => late.includes(`${node.slice(1)}~`) || isSaid('stuck', node);
  const isAlive = (node: NodeId): boolean => !isSaid('dead', node);
  const assigned = said.find((word) => word.startsWith('assigned'))?.slice('assigned'.length);
  return {
    group: {
      shard: shardId(0),
      role: 'leader',
      term: term(1),
      leader: self,
      isServed: !isSaid('unserved'),
      committed: logIndex(committed),
      configuration: { voters, learners, witness: voters.find((node) => isSaid('witness', node)) ?? null },
      isChanging: isSaid('changing'),
      transferTo: isSaid('handing') ? voters[1]! : null,
      followers: [...voters, ...learners]
        .filter((node) => node !== self)
        .map((node) => ({
          node,
          match: isLate(node) ? 0 : committed,
          state: isLate(node) ? 'snapshot' : 'replicate',
          isAlive: isAlive(node),
          isInstalling: isLate(node),
        })),
    },
    goals: {
      metadataShard: shardId(1),
      goal: () => ({
        voters: goalVoters,
        learners: goalLearners,
        assigned: assigned === undefined ? null : n(assigned),
      }),
      candidates: (_, nodes) => [...nodes].sort(),
      isKnown: (node) => !isSaid('unknown', node),
      isGone: (node) => isSaid('gone', node),
    },
    nodes: {
      self,
      mayLead: !isSaid('weak'),
      isAlive,
      isSteady: (node) => isAlive(node) && !isSaid('fresh', node),
      isFit: (node) => !isSaid('unfit', node),
    },
    at: {
      lagEntriesMax: 10,
      isSettled: !isSaid('new'),
      mayTransfer: !isSaid('tried'),
      isPairOverdue: isSaid('overdue'),
      mayCopyTo: (node) => !isSaid('full', node),
    },
  };
}

function nodesOf(words: string): [NodeId[], NodeId[]] {
  const [first = '', second = ''] = words.split('|');
  const read = (part: string): NodeId[] =>
    part
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => n(word.replace('~', '')));
  return [read(first), read(second)];
}

export function wordsOf(move: Move): string {
  switch (move.kind) {
    case 'change':
      return `${move.change.kind} ${move.change.node.slice(1)}`;
    case 'transfer':
      return `transfer ${move.to.slice(1)}`;
    case 'wait':
    case 'rest':
      return move.kind;
  }
}
