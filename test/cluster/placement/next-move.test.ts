import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsUp, nextMove } from '../../../cluster/placement/next-move.ts';
import { n, shardOfWords, wordsOf } from './shard-words.ts';

type Row = readonly [is: string, want: string, when: string, then: string];

/** Columns: how it is, who should vote | learn, circumstances, the next move. See `shard-words.ts`. */
const tables: Readonly<Record<string, readonly Row[]>> = {
  'one copy becomes three': [
    ['1', '1 2 3', '', 'addLearner 2'],
    ['1 | 2~', '1 2 3', '', 'addLearner 3'],
    ['1 | 2~ 3~', '1 2 3', '', 'wait'],
    ['1 | 2 3~', '1 2 3', '', 'wait'],
    ['1 | 2 3', '1 2 3', '', 'promote 2'],
    ['1 2 | 3', '1 2 3', '', 'promote 3'],
    ['1 2 3', '1 2 3', '', 'rest'],
  ],
  'a second learner that does not come is waited for, and not for ever': [
    ['1 | 2 3~', '1 2 3', 'overdue', 'promote 2'],
    ['1 | 2 3~', '1 2 3', 'dead3', 'promote 2'],
    ['1 | 2', '1 2 3', 'full3', 'wait'],
    ['1 | 2', '1 2 3', 'dead3', 'promote 2'],
    ['1 2 | 3~', '1 2 3', '', 'wait'],
    ['1 2 | 3~', '1 2 3', 'dead3', 'rest'],
  ],
  'two nodes: two voters are what is wanted': [
    ['1', '1 2', '', 'addLearner 2'],
    ['1 | 2~', '1 2', '', 'wait'],
    ['1 | 2', '1 2', '', 'promote 2'],
    ['1 2', '1 2', '', 'rest'],
    ['1 2 3', '1 2', '', 'remove 3'],
  ],
  'one copy becomes five, an even number at a time no longer than it takes': [
    ['1 | 2 3 4 5~', '1 2 3 4 5', '', 'promote 2'],
    ['1 2 | 3 4 5~', '1 2 3 4 5', '', 'promote 3'],
    ['1 2 3 | 4 5~', '1 2 3 4 5', '', 'wait'],
    ['1 2 3 | 4 5', '1 2 3 4 5', '', 'promote 4'],
    ['1 2 3 4 | 5', '1 2 3 4 5', '', 'promote 5'],
  ],
  'a copy moves: it comes before it goes': [
    ['1 2 3', '1 2 4', '', 'addLearner 4'],
    ['1 2 3 | 4~', '1 2 4', '', 'wait'],
    ['1 2 3 | 4', '1 2 4', '', 'promote 4'],
    ['1 2 3 4', '1 2 4', '', 'remove 3'],
    ['1 2 3 | 4 5', '1 4 5', '', 'promote 4'],
    ['1 2 3 4 | 5', '1 4 5', '', 'promote 5'],
    ['1 2 3 4 5', '1 4 5', '', 'remove 2'],
    ['1 3 4 5', '1 4 5', '', 'remove 3'],
  ],
  'one that should have a copy and is dead holds up nobody else': [
    ['1', '1 2 3', 'dead2', 'addLearner 3'],
    ['1 2 3', '1 4 5', 'dead4', 'addLearner 5'],
    ['1 2 3 | 4~ 5', '1 4 5', 'dead4', 'rest'],
    ['1 2 3 | 5', '1 4 5', '', 'addLearner 4'],
    ['1 2 3', '1 2 3', 'dead3', 'rest'],
  ],
  'a suspect is neither added nor removed, unless it was declared gone': [
    ['1 2 3', '1 2 4', 'dead4', 'rest'],
    ['1 2 3 4', '1 2 4', 'dead3', 'rest'],
    ['1 2 3 4', '1 2 4', 'dead3 gone3', 'remove 3'],
    ['1 2 3 | 4', '1 2 4', 'dead3', 'rest'],
    ['1 2 3 | 4', '1 2 4', 'dead3 gone3', 'promote 4'],
    ['1 2 3', '1 2', 'dead3 gone3', 'remove 3'],
    ['1 2 3 | 4', '1 2 3', 'dead4', 'rest'],
    ['1 2 3 | 4', '1 2 3', 'dead4 gone4', 'remove 4'],
  ],
  'a node that this map does not know was admitted later: it is left alone': [
    ['1 2 3 4', '1 2 3', 'unknown4', 'rest'],
    ['1 2 3 | 4', '1 2 3', 'unknown4', 'rest'],
  ],
  'a living voter goes only where what is left can lose as many as before': [
    ['1 2 3 4 5', '1 2 3', 'dead4', 'rest'],
    ['1 2 3 4 5', '1 2 3', 'dead4 gone4', 'remove 4'],
    ['1 2 3 4 5', '1 2 3', 'dead4 gone4 dead5', 'remove 4'],
    ['1 2 3 4 5', '1 2 3', '', 'remove 4'],
    ['1 2 3 4 5 6', '1 2 3', 'dead5 dead6', 'remove 4'],
    ['1 2 3 4', '1 2 3', 'dead2 dead3', 'rest'],
  ],
  'a learner that is not wanted goes at once': [
    ['1 2 3 | 4~', '1 2 3', '', 'remove 4'],
    ['1 | 4 2~', '1 2 3', '', 'remove 4'],
    ['1 2 3 | 4', '1 2 3 | 4', '', 'rest'],
  ],
  'the metadata: all others learn': [
    ['1 2 3', '1 2 3 | 4 5', '', 'addLearner 4'],
    ['1 2 3 | 4~', '1 2 3 | 4 5', 'full5', 'wait'],
    ['1 2 3 | 4~', '1 2 3 | 4 5', 'dead5', 'rest'],
    ['1 2 3 | 4~ 5', '1 2 3 | 4 5', '', 'rest'],
    ['1 2 3 | 4 5', '1 2 3 4 5', '', 'promote 4'],
    ['1 2 3 4', '1 2 4 | 3', '', 'remove 3'],
    ['1 2 4', '1 2 4 | 3', '', 'addLearner 3'],
  ],
  'a leader that should not vote hands over first, to one that lives, is fit and has all': [
    ['1 2 3 4', '2 3 4', '', 'transfer 2'],
    ['1 2 3 4', '2 3 4', 'assigned3 dead2', 'transfer 3'],
    ['1 2 3 4', '2 3 4', 'unfit2', 'transfer 3'],
    ['1 2 3 4', '2 3 4', 'stuck2', 'transfer 3'],
    ['1 2 3 4', '2 3 4', 'fresh2', 'transfer 2'],
    ['1 2 3 4', '2 3 4', 'tried', 'wait'],
    ['1 2 3 4', '2 3 4', 'unfit2 unfit3 unfit4', 'wait'],
    ['1 2', '2', 'dead2', 'rest'],
    ['1 2 3 4 5', '3 4 5', '', 'remove 2'],
  ],
  'in the end the right one leads': [
    ['1 2 3', '1 2 3', 'assigned1', 'rest'],
    ['1 2 3', '1 2 3', 'assigned2', 'transfer 2'],
    ['1 2 3', '1 2 3', 'assigned2 dead2', 'rest'],
    ['1 2 3', '1 2 3', 'assigned2 fresh2', 'wait'],
    ['1 2 3', '1 2 3', 'assigned2 unfit2', 'wait'],
    ['1 2 3', '1 2 3', 'assigned2 stuck2', 'wait'],
    ['1 2 3', '1 2 3', 'assigned2 new', 'wait'],
    ['1 2 3', '1 2 3', 'assigned2 tried', 'wait'],
    ['1 2 3', '1 2 3', 'assigned2 dead3', 'transfer 2'],
    ['1 2 3 | 4~', '1 2 4', 'assigned2', 'wait'],
    ['1 2 3', '1 2 4', 'assigned2 dead4', 'transfer 2'],
    ['1 2 3', '1 2 4', 'assigned4 dead4', 'rest'],
  ],
  'nothing is done while something is under way': [
    ['1', '1 2 3', 'changing', 'wait'],
    ['1', '1 2 3', 'unserved', 'wait'],
    ['1 2 3', '1 2 3', 'assigned3 handing', 'wait'],
  ],
  'a map by which nobody has started says nothing': [
    ['1 2 3', '', '', 'rest'],
    ['1 | 2', '', '', 'rest'],
  ],
  'a node that should lead nothing hands over, and moves nothing else': [
    ['1 2 3', '1 2 3', 'weak', 'transfer 2'],
    ['1 2 3', '1 2 3', 'weak assigned1 fresh2', 'transfer 2'],
    ['1 2 3', '1 2 3', 'weak dead2', 'transfer 3'],
    ['1 2 3', '1 2 3', 'weak witness2', 'transfer 3'],
    ['1 2 3', '1 2 3', 'weak unfit2 unfit3', 'wait'],
    ['1 2 3', '1 2 3', 'weak dead2 dead3', 'rest'],
    ['1 2', '1', 'weak', 'transfer 2'],
    ['1', '1 2 3', 'weak', 'rest'],
  ],
};

for (const [claim, rows] of Object.entries(tables)) {
  void test(claim, () => {
    const seen = rows.map(([is, want, when]): Row => {
      const { group, goals, nodes, at } = shardOfWords(is, want, when);
      return [is, want, when, wordsOf(nextMove(group, goals, nodes, at).move)];
    });
    assert.deepEqual(seen, rows);
  });
}

void test('a learner that is ready and waits for a second one is told to be pairing', () => {
  const isPairing = (is: string, want: string, when = ''): boolean => {
    const { group, goals, nodes, at } = shardOfWords(is, want, when);
    return nextMove(group, goals, nodes, at).isPairing;
  };
  assert.equal(isPairing('1 | 2 3~', '1 2 3'), true);
  assert.equal(isPairing('1 | 2', '1 2 3'), true, 'also while the second one is being added');
  assert.equal(isPairing('1 | 2~ 3~', '1 2 3'), false);
  assert.equal(isPairing('1 | 2 3', '1 2 3'), false);
});

void test('a follower keeps up when it lives, has a whole state, is sent entries as they come, and lacks only the last few', () => {
  const { group } = shardOfWords('1 2', '1 2');
  const [sound] = group.followers;
  assert.ok(sound !== undefined);
  const isSaidOf = (changes: Partial<typeof sound>): boolean =>
    keepsUp({ ...group, followers: [{ ...sound, ...changes }] }, n(2), 10);
  assert.equal(isSaidOf({ match: group.committed - 10 }), true);
  assert.equal(isSaidOf({ match: group.committed - 11 }), false);
  assert.equal(isSaidOf({ state: 'probe' }), false);
  assert.equal(isSaidOf({ state: 'snapshot' }), false);
  assert.equal(isSaidOf({ isInstalling: true }), false);
  assert.equal(isSaidOf({ isAlive: false }), false);
  assert.equal(keepsUp(group, n(3), 10), false);
});
