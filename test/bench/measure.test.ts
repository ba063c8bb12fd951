import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, ratio, spread } from '../../bench/measure/medians.ts';
import { processTree, processTreeCost } from '../../bench/measure/processes.ts';
import { formatCell, formatTable } from '../../bench/measure/table.ts';
import { parseSettings, UsageError } from '../../bench/settings.ts';

void test('median: the middle one of an odd number, the mean of two of an even number', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

void test('median: the rounds that were given stay in their order', () => {
  const rounds = [3, 1, 2];
  median(rounds);
  assert.deepEqual(rounds, [3, 1, 2]);
});

void test('spread and ratio: against the median, and never infinite', () => {
  assert.equal(spread([90, 100, 110]), 0.2);
  assert.equal(ratio(300, 200), 1.5);
  assert.ok(Number.isNaN(ratio(1, 0)));
});

void test('table: text stands left, numbers right, and three digits count', () => {
  const text = formatTable(
    ['server', 'mails/s'],
    [
      ['bare', 5212.4],
      ['postfix', 0.51234],
    ],
  );
  assert.deepEqual(text.split('\n'), ['server   mails/s', '-------  -------', 'bare        5212', 'postfix    0.512']);
});

void test('table: a number that is missing is a dash', () => {
  assert.equal(formatCell(Number.NaN), '-');
  assert.equal(formatCell(12.345), '12.3');
  assert.equal(formatCell(7), '7');
});

void test('processes: the tree of this process holds it, with memory and CPU', () => {
  assert.equal(processTree(process.pid)[0], process.pid);
  const cost = processTreeCost(process.pid);
  assert.ok(cost.rssAnonBytes > 1e6 && cost.cpuMs > 0 && cost.processCount >= 1);
});

void test('processes: one that is gone costs nothing', () => {
  assert.deepEqual({ ...processTreeCost(2 ** 30), processCount: 0 }, { cpuMs: 0, rssAnonBytes: 0, processCount: 0 });
});

const defaults = { sessions: [1], sizesKib: [10], modes: ['open'] } as const;
const known = (name: string) => (name === 'smtp-in' ? defaults : undefined);

void test('settings: flags are lists, peers may be given twice, the rest has defaults', () => {
  const settings = parseSettings(['smtp-in', '--sessions', '1,50', '--peer', 'bare', '--peer', 'postfix'], known);
  assert.deepEqual(settings.sessions, [1, 50]);
  assert.deepEqual(settings.peers, ['bare', 'postfix']);
  assert.deepEqual(settings.sizesKib, [10]);
  assert.equal(settings.rounds, 5);
});

void test('settings: what cannot be meant is refused, with the flag named', () => {
  const wrong = (args: string[], text: RegExp): void =>
    assert.throws(
      () => parseSettings(args, known),
      (error) => error instanceof UsageError && text.test(error.message),
    );
  wrong(['no-such'], /no scenario "no-such"/);
  wrong(['smtp-in', '--rounds', 'many'], /--rounds wants a number/);
  wrong(['smtp-in', '--peer', 'exim'], /--peer is one of postfix, bare/);
  wrong(['smtp-in', '--fast'], /--fast/);
  wrong(['smtp-in', '--without-ringpost'], /needs a --peer/);
});

void test('settings: nodes are whole numbers, and only a scenario that has some by default takes them', () => {
  const of = (name: string) => (name === 'smtp-in' ? { ...defaults, nodes: [1], seconds: 10 } : known('smtp-in'));
  assert.deepEqual(parseSettings(['smtp-in', '--nodes', '3'], of).nodes, [3]);
  assert.deepEqual(parseSettings(['smtp-in'], of).nodes, [1]);
  assert.deepEqual(parseSettings(['restart'], of).nodes, [1]);
  const wrong = (args: string[], text: RegExp): void =>
    assert.throws(
      () => parseSettings(args, of),
      (error) => error instanceof UsageError && text.test(error.message),
    );
  wrong(['smtp-in', '--nodes', '2.5'], /--nodes wants whole nodes, not 2\.5/);
  wrong(['smtp-in', '--nodes', '0'], /--nodes wants a number from 1 to 9/);
  wrong(['restart', '--nodes', '3'], /--nodes: restart has nodes of its own/);
});

void test('settings: the length of a round is that of the scenario, until it is given', () => {
  const of = () => ({ ...defaults, seconds: 30 });
  assert.equal(parseSettings(['cluster-idle'], of).seconds, 30);
  assert.equal(parseSettings(['cluster-idle', '--seconds', '5'], of).seconds, 5);
  assert.equal(parseSettings(['smtp-in'], known).seconds, 4);
});
