/** Rotten disks: what is lost is missing, never unsaid, and comes back from those who have it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparedEvery } from '../../../cluster/groups/state-hashes.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { shardId } from '../../../runtime/base/ids.ts';
import { encodeRow } from '../../../runtime/codec/row.ts';
import { bodyHash, readBody } from '../../../runtime/store/body-rows.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import type { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { GroupsWorld } from '../../support/groups-world.ts';

const zero = shardId(0);
const names = ['n1', 'n2', 'n3'];
const row = (name: string) => ({ key: rowKey(['s', 0, name]), value: encodeRow(1, name) });

async function ledBy(name: string, batchesKept?: number): Promise<GroupsWorld> {
  const world = new GroupsWorld({ nodes: names, shardCount: 1, ...(batchesKept === undefined ? {} : { batchesKept }) });
  await world.settle();
  await world.elect(name);
  return world;
}

/** Flips a byte of the last row that `is` says. */
function rot(disk: MemoryDisk, is: (parts: readonly unknown[], value: Uint8Array) => boolean): RowKey {
  const { start, end } = below(rowKey([keyspace.log]));
  const found = disk.range(start, end, 10_000, true).find(({ key, value }) => is(keyParts(key), value));
  assert.ok(found !== undefined, 'there is such a row');
  const value = new Uint8Array(found.value);
  value[value.length - 1]! ^= 1;
  disk.apply([{ key: found.key, value }]);
  return found.key;
}

const isData = (parts: readonly unknown[]) => parts.length === 3;
const isHead = (parts: readonly unknown[]) => parts.length === 2;
const holds = (text: string) => (parts: readonly unknown[], value: Uint8Array) =>
  isData(parts) && Buffer.from(value).includes(text);

void test('damage: an entry that rotted keeps its place, is not acked and does not campaign, and the leader repairs it', async () => {
  const world = await ledBy('n1');
  const bytes = Buffer.from('a mail');
  const hash = bodyHash(bytes);
  world.append('n1', 0, { rows: [row('before')] });
  await world.settle();
  world.append('n1', 0, {
    rows: [row('rotten')],
    holds: [{ hash, owner: [0, 'k', 'a', 't'], held: true }],
    bodies: [{ hash, bytes }],
  });
  await world.settle();
  world.append('n1', 0, { rows: [row('behind')] });
  await world.settle();
  world.crash('n3');
  rot(world.node('n3').disk, holds('rotten'));
  world.suspect('n3');
  world.start('n3');
  const [state] = world.host('n3').status();
  assert.equal(state!.last, 4, 'the log ends where it ended');
  assert.equal(state!.damagedFrom, 3);
  world.host('n3').campaign([zero]);
  assert.equal(world.host('n3').status()[0]!.role, 'follower');
  world.lives('n3');
  await world.settle();
  world.append('n1', 0, { rows: [row('more')] });
  await world.settle();
  await world.pass(1_000);
  assert.equal(world.host('n3').status()[0]!.damagedFrom, null);
  for (const name of ['rotten', 'behind', 'more']) assert.ok(world.node('n3').store.has(row(name).key), name);
  assert.equal(Buffer.from(readBody(world.node('n3').store, hash)!).toString(), 'a mail');
  assert.equal(world.host('n3').status()[0]!.hash, world.host('n1').status()[0]!.hash);

  world.crash('n3');
  world.start('n3');
  assert.equal(world.host('n3').status()[0]!.damagedFrom, null, 'and it stays repaired');
});

void test('damage: where heads are rotten nobody knows where the log ended: no vote, and a copy of all', async () => {
  const world = await ledBy('n1');
  world.append('n1', 0, { rows: [row('a')] });
  await world.settle();
  world.crash('n3');
  rot(world.node('n3').disk, isHead);
  world.start('n3');
  assert.ok(world.host('n3').status()[0]!.isInstalling);
  // Alone with a candidate that it cannot judge, it does not make a leader.
  world.crash('n1');
  world.suspect('n1');
  await world.elect('n2');
  assert.notEqual(world.host('n2').status()[0]!.role, 'leader');
  world.start('n1');
  world.lives('n1');
  world.exchangeClaims();
  await world.settle();
  await world.elect('n1');
  await world.pass(1_000);
  if (!world.host('n1').serves(zero)) await world.elect('n2');
  await world.pass(3_000);
  assert.ok(!world.host('n3').status()[0]!.isInstalling);
  assert.ok(world.node('n3').store.has(row('a').key));
});

void test('damage: a lone voter stops with an error that names the cure', async () => {
  for (const [is, code] of [
    [holds('committed'), 'entryDamaged'],
    [isHead, 'logDamaged'],
  ] as const) {
    const world = new GroupsWorld({ nodes: ['n1'], shardCount: 1 });
    await world.settle();
    world.append('n1', 0, { rows: [row('committed')] });
    await world.settle();
    world.crash('n1');
    rot(world.node('n1').disk, is);
    assert.throws(
      () => world.start('n1'),
      (error: unknown) => {
        assert.ok(error instanceof OperationError);
        assert.equal(error.code, code);
        assert.match(error.message, /restore a backup/);
        return true;
      },
    );
  }
});

void test('damage: an old entry that the leader cannot read any more costs its follower a copy, not its place', async () => {
  const world = await ledBy('n1');
  world.crash('n3');
  world.suspect('n3');
  for (let i = 0; i < 20; i++) {
    world.append('n1', 0, { rows: [row(`${i}`)] });
    await world.settle();
  }
  await world.pass(2_000);
  world.crash('n1');
  rot(world.node('n1').disk, holds('13'));
  world.start('n1');
  world.exchangeClaims();
  await world.elect('n1');
  assert.ok(world.host('n1').serves(zero));
  world.framesSent = [];
  world.start('n3');
  world.lives('n3');
  await world.settle();
  await world.pass(3_000);
  assert.ok(
    world.framesSent.some(({ to, frame }) => to === 'n3' && hasKind(frame, 35)),
    'a copy',
  );
  for (let i = 0; i < 20; i++) assert.ok(world.node('n3').store.has(row(`${i}`).key), `${i}`);
  assert.ok(!world.host('n3').status()[0]!.isInstalling);
});

void test('damage: a row of the state that rotted at the leader is not handed on in a copy: it takes one itself', async () => {
  const world = await ledBy('n1', 4);
  world.crash('n3');
  world.suspect('n3');
  for (let i = 0; i < 100; i++) {
    world.append('n1', 0, { rows: [row(`${i % 10}`)] });
    await world.settle();
    if (i % 20 === 0) await world.pass(1_000);
  }
  await world.pass(1_000);
  const { disk } = world.node('n1');
  const value = new Uint8Array(disk.get(row('7').key)!);
  value[value.length - 1]! ^= 1;
  disk.apply([{ key: row('7').key, value }]);
  world.start('n3');
  world.lives('n3');
  await world.settle();
  assert.deepEqual(world.node('n1').roles.slice(-1), ['lost 0']);
  world.exchangeClaims();
  await world.elect('n2');
  await world.pass(5_000);
  for (const name of names) {
    assert.ok(!world.host(name).status()[0]!.isInstalling, name);
    assert.deepEqual(Buffer.from(world.node(name).store.get(row('7').key)!), row('7').value, name);
  }
});

/** Entries up to the index at which hashes are compared. */
async function compared(world: GroupsWorld): Promise<void> {
  while (world.host('n1').lastIndex(zero) < comparedEvery) world.append('n1', 0, {});
  await world.settle();
}

void test('hashes: equal replicas are left in peace', async () => {
  const world = await ledBy('n1');
  await compared(world);
  assert.ok(
    world.framesSent.some(({ frame }) => hasKind(frame, 37)),
    'they were compared',
  );
  assert.ok(!world.framesSent.some(({ frame }) => hasKind(frame, 38)));
});

const hasKind = (frame: unknown, kind: number) => (frame as [number, [number][]])[1].some(([of]) => of === kind);

void test('hashes: the one against the majority is reinstalled', async () => {
  const world = await ledBy('n1');
  world.append('n1', 0, { rows: [row('a')] });
  await world.settle();
  world.intercept((sent) => {
    if (sent.from !== 'n3') return sent.frame;
    return forged(sent.frame);
  });
  await compared(world);
  world.intercept(undefined);
  assert.ok(world.framesSent.some(({ to, frame }) => to === 'n3' && hasKind(frame, 38)));
  assert.ok(world.host('n1').serves(zero));
  world.append('n1', 0, { rows: [row('b')] });
  await world.settle();
  await world.pass(3_000);
  assert.ok(
    world.framesSent.some(({ to, frame }) => to === 'n3' && hasKind(frame, 35)),
    'a copy',
  );
  assert.ok(!world.host('n3').status()[0]!.isInstalling);
  assert.equal(world.host('n3').status()[0]!.hash, world.host('n1').status()[0]!.hash);
  assert.ok(world.node('n3').store.has(row('a').key));
});

void test('hashes: who is reinstalled gives no vote by less than it has acked', async () => {
  const world = await ledBy('n1');
  world.cut('n1', 'n2');
  let isMuffled = false;
  // Once n3 has acked, it hears no more of commits.
  world.intercept(({ from, to, frame }) => {
    if (from === 'n3') isMuffled = true;
    return isMuffled && to === 'n3' ? undefined : frame;
  });
  world.append('n1', 0, { rows: [row('acked')] });
  await world.settle();
  assert.ok(world.node('n1').store.has(row('acked').key), 'committed with n3');
  const { applied, last } = world.host('n3').status()[0]!;
  assert.ok(applied < last);
  world.intercept(undefined);
  world.deliver('n1', 'n3', [1, [[38, 0, applied]]]);
  await world.settle();
  world.crash('n1');
  world.suspect('n1');
  await world.elect('n2');
  assert.notEqual(world.host('n2').status()[0]!.role, 'leader');
});

void test('hashes: a leader against the majority steps aside and is reinstalled', async () => {
  const world = await ledBy('n1');
  world.intercept(({ to, frame }) => (to === 'n1' ? forged(frame) : frame));
  await compared(world);
  world.intercept(undefined);
  assert.ok(world.node('n1').roles.includes('lost 0'));
  world.exchangeClaims();
  await world.elect('n2');
  assert.ok(world.host('n2').serves(zero));
  world.append('n2', 0, { rows: [row('b')] });
  await world.settle();
  await world.pass(3_000);
  assert.ok(!world.host('n1').status()[0]!.isInstalling);
  assert.equal(world.host('n1').status()[0]!.hash, world.host('n2').status()[0]!.hash);
});

void test('hashes: one against one stops the shard', async () => {
  const world = new GroupsWorld({ nodes: ['n1', 'n2'], shardCount: 1 });
  await world.settle();
  await world.elect('n1');
  world.intercept(({ to, frame }) => (to === 'n1' ? forged(frame) : frame));
  await compared(world);
  assert.ok(!world.host('n1').serves(zero));
  assert.ok(world.node('n1').roles.includes('lost 0'));
});

/** Its hashes say something else. */
function forged(frame: unknown): unknown {
  const [version, messages] = frame as [number, unknown[][]];
  return [version, messages.map((of) => (of[0] === 37 ? [of[0], of[1], of[2], 12_345] : of))];
}
