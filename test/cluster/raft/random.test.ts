/**
 * Seeds: each draws a group, a network and faults of its own; what Raft promises is checked after every step; then the
 * faults end, and the group must serve, agree, and fall silent.
 *
 * SEED=k runs one and tells its story. SEEDS=n FROM=k runs others.
 */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { NodeId } from '../../../runtime/base/ids.ts';
import type { RaftGroup } from '../../../cluster/raft/group.ts';
import { RandomWorld } from './random-world.ts';

const from = Number(process.env['SEED'] ?? process.env['FROM'] ?? 1);
const seeds = process.env['SEED'] === undefined ? Number(process.env['SEEDS'] ?? 300) : 1;

void test(`random: ${seeds} groups keep Raft's promises under faults, and serve again after them`, () => {
  const total: Record<string, number> = {};
  for (let seed = from; seed < from + seeds; seed++) {
    const world = new RandomWorld(seed, process.env['SEED'] !== undefined);
    try {
      for (let turn = 0; turn < 1200; turn++) world.act();
      serveAgain(world);
    } catch (error) {
      if (world.story.length > 0) process.stdout.write(`${world.story.slice(-400).join('\n')}\n${world.state()}\n`);
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
    for (const [what, count] of Object.entries(world.counts)) total[what] = (total[what] ?? 0) + count;
  }
  process.stdout.write(`${JSON.stringify(total)}\n`);
  // A run in which nothing happens proves nothing.
  if (seeds >= 100) for (const [what, count] of Object.entries(total)) assert.ok(count > seeds / 20, `few ${what}`);
});

function serveAgain(world: RandomWorld): void {
  world.heal(120);
  const leader = world.leader;
  assert.ok(leader?.group.serves, `nobody serves: ${world.hosts.map(({ group }) => group.role).join(' ')}`);
  for (const { id, group } of world.hosts) {
    // Nothing was written since: also in a quiet group nobody is left behind in another term.
    if (isCandidate(id, leader.group)) assert.equal(group.leader, leader.id, `${id} follows the leader`);
  }
  const before = leader.group.log.lastIndex;
  world.propose(leader);
  world.read(leader);
  world.heal(120);
  assert.equal(world.leader, leader, 'a healthy leader stays');
  const { group } = leader;
  assert.ok(group.committedIndex > before, 'what is proposed is committed');
  assert.equal(group.committedIndex, group.log.lastIndex);
  const { voters, learners } = group.configuration;
  for (const host of world.hosts) {
    if (![...voters, ...learners].includes(host.id)) continue;
    assert.equal(host.group.committedIndex, group.committedIndex, `${host.id} knows what is committed`);
    assert.deepEqual(host.group.lastPosition, group.lastPosition);
    assert.equal(host.group.isInstalling, false, `${host.id} is whole`);
    assert.equal(host.group.damagedFrom, null, `${host.id} is repaired`);
    assert.equal(host.group.wakeAtMs, null, `${host.id} is owed nothing`);
  }
}

/** The witness never asks for a vote, so it may be in a later term until the next write. */
function isCandidate(node: NodeId, { configuration }: RaftGroup): boolean {
  return configuration.voters.includes(node) && configuration.witness !== node;
}
