/** Notices between nodes: to the leader of the target, once told as applied only when it is, with the bodies it lacks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoticeMail } from '../../../cluster/routing/notice-mail.ts';
import { inlineBytesMax } from '../../../cluster/routing/wire-bodies.ts';
import { noticedKind, noticeKind } from '../../../cluster/routing/wire-notices.ts';
import type { ReceivedNotice } from '../../../runtime/actor/notice-route.ts';
import type { OperationError } from '../../../runtime/base/errors.ts';
import { nodeId, type NodeId, shardId } from '../../../runtime/base/ids.ts';
import { RottenRowError } from '../../../runtime/codec/row.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeMesh } from './fake-mesh.ts';

type Notice = ReceivedNotice['notice'];

const noticeOf = (bodies: Notice['bodies'] = []): Notice => ({
  ...{ kind: 'mailbox', key: 'm1', notice: { kind: 'deliver', at: 7 } as never, bodies, trace: 'mail-1' },
});

class NoticeWorld {
  readonly clock = new FakeClock();
  readonly mesh = new FakeMesh(this.clock);
  readonly received = new Map<string, ReceivedNotice[]>();
  readonly mails = new Map<string, NoticeMail>();
  readonly refused: string[] = [];
  readonly undeliverable: unknown[] = [];
  readonly bodies = new Map<string, Uint8Array>();
  leader: NodeId | null = null;
  isRotten = false;

  constructor(names: readonly string[]) {
    for (const name of names) this.start(name);
    this.mesh.linkAll();
  }

  start(name: string): void {
    const received: ReceivedNotice[] = [];
    this.received.set(name, received);
    const mail = new NoticeMail({
      ...{ self: nodeId(name), transport: this.mesh.transport(name), clock: this.clock, shards: 8 },
      valueBounds: { bytesMax: 6 * 1024 * 1024, depthMax: 12 },
      leaderOf: () => this.leader,
      isAlive: () => true,
      linkedPeers: () => this.mesh.peersOf(name),
      serves: () => this.leader === name,
      bodies: {
        size: (hash) => this.bodies.get(hash)?.byteLength,
        read: (hash, offset, length) => {
          if (this.isRotten) throw new RottenRowError('rotten');
          return this.bodies.get(hash)?.subarray(offset, offset + length);
        },
      },
      receive: (notice) => void received.push(notice),
      reports: {
        refusedFrame: (_from, error) => void this.refused.push((error as OperationError).code),
        undeliverable: (error) => void this.undeliverable.push(error),
      },
    });
    this.mails.set(name, mail);
  }

  deliver(at: string, notice: Notice = noticeOf(), seq = 3): string[] {
    const outcomes: string[] = [];
    this.mails.get(at)!.deliver(shardId(5), shardId(2), seq, notice, (outcome) => outcomes.push(outcome));
    return outcomes;
  }

  body(sizeBytes: number): Notice['bodies'][number] {
    const bytes = new Uint8Array(sizeBytes).fill(sizeBytes);
    const hash = bodyHash(bytes);
    this.bodies.set(hash, bytes);
    return { hash, sizeBytes };
  }

  pass(ms = 10): void {
    for (let at = 0; at < ms; at++) {
      for (let turn = 0; turn < 4; turn++) this.clock.runSoon();
      this.clock.advance(1);
    }
  }
}

void test('a notice reaches the leader of its target as it is, and what came of it goes back', () => {
  for (const outcome of ['applied', 'notLeader', 'failed'] as const) {
    const world = new NoticeWorld(['n1', 'n2']);
    world.leader = nodeId('n2');
    const outcomes = world.deliver('n1');
    world.pass();
    const [received] = world.received.get('n2')!;
    const { done, ...of } = received!;
    assert.deepEqual(of, { target: 5, source: 2, seq: 3, notice: noticeOf(), bodies: [] });
    assert.deepEqual(outcomes, []);
    done(outcome);
    world.pass();
    assert.deepEqual(outcomes, [outcome]);
    assert.equal(world.mails.get('n1')!.underWay, 0);
  }
});

void test('without a leader, or a way to it, nobody knows', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  assert.deepEqual(world.deliver('n1'), ['notLeader']);
  world.leader = nodeId('n1');
  assert.deepEqual(world.deliver('n1'), ['notLeader']);
  world.leader = nodeId('n9');
  const outcomes = world.deliver('n1');
  world.pass();
  // The only other node does not lead it and has no way to it either.
  assert.deepEqual(outcomes, ['notLeader']);
});

void test('bodies go along only when the leader lacks them, large ones in pieces, and whole', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  world.leader = nodeId('n2');
  const bodies = [world.body(100), world.body(3 * inlineBytesMax + 1), world.body(0)];
  const outcomes = world.deliver('n1', noticeOf(bodies));
  world.pass();
  const [first] = world.received.get('n2')!;
  assert.deepEqual(first!.bodies, []);
  first!.done('bodyNotHere');
  world.pass(40);
  const second = world.received.get('n2')![1]!;
  assert.ok(second.bodies.every(({ hash, bytes }) => bodyHash(bytes) === hash));
  assert.deepEqual(new Set(second.bodies.map(({ hash }) => hash)), new Set(bodies.map(({ hash }) => hash)));
  assert.equal(second.bodies.length, bodies.length);
  second.done('applied');
  world.pass();
  assert.deepEqual(outcomes, ['applied']);
});

void test('a body that cannot be read here fails the notice for now, and is reported', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  world.leader = nodeId('n2');
  const missing = { hash: bodyHash(new Uint8Array(9)), sizeBytes: 9 };
  const outcomes = world.deliver('n1', noticeOf([missing]));
  world.pass();
  world.received.get('n2')![0]!.done('bodyNotHere');
  world.pass();
  assert.deepEqual(outcomes, ['failed']);
  for (const sizeBytes of [10, 2 * inlineBytesMax]) {
    const body = world.body(sizeBytes);
    const rotten = world.deliver('n1', noticeOf([body]));
    world.pass();
    world.isRotten = true;
    world.received.get('n2')!.at(-1)!.done('bodyNotHere');
    world.pass();
    world.isRotten = false;
    assert.deepEqual(rotten, ['failed']);
  }
  assert.equal(world.undeliverable.length, 2);
});

void test('a link that is lost: nobody knows, and an answer over the next one is not taken for another notice', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  world.leader = nodeId('n2');
  const old = world.deliver('n1');
  world.pass();
  const [received] = world.received.get('n2')!;
  world.mesh.kill('n1');
  world.start('n1');
  world.pass();
  world.mesh.link('n1', 'n2');
  // The new life counts from 1 again.
  const outcomes = world.deliver('n1', noticeOf(), 4);
  world.pass(1);
  received!.done('applied');
  world.pass();
  assert.deepEqual(outcomes, []);
  world.received.get('n2')!.at(-1)!.done('failed');
  world.pass();
  assert.deepEqual(outcomes, ['failed']);
  assert.deepEqual(old, []);
  world.mesh.cut('n1', 'n2');
  const cut = world.deliver('n1');
  world.pass();
  assert.deepEqual(cut, ['notLeader']);
});

void test('where the straight way is cut a third node hands the notice on, with its bodies', () => {
  const world = new NoticeWorld(['n1', 'n2', 'n3']);
  world.leader = nodeId('n2');
  world.mesh.cut('n1', 'n2');
  world.pass();
  const body = world.body(2 * inlineBytesMax);
  const outcomes = world.deliver('n1', noticeOf([body]));
  world.pass();
  assert.equal(world.received.get('n3')!.length, 0);
  world.received.get('n2')![0]!.done('bodyNotHere');
  world.pass(40);
  const again = world.received.get('n2')![1]!;
  assert.equal(bodyHash(again.bodies[0]!.bytes), body.hash);
  again.done('applied');
  world.pass();
  assert.deepEqual(outcomes, ['applied']);
});

void test('an answer that never comes is given up after a while', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  world.leader = nodeId('n2');
  const outcomes = world.deliver('n1');
  world.pass();
  world.clock.advance(20_000);
  assert.deepEqual(outcomes, ['failed']);
  world.received.get('n2')![0]!.done('applied');
  world.pass();
  assert.deepEqual(outcomes, ['failed']);
});

void test('a notice that would break the link waits here, and is reported', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  world.leader = nodeId('n2');
  let deep: unknown = 1;
  for (let depth = 0; depth < 60; depth++) deep = [deep];
  const outcomes = world.deliver('n1', { ...noticeOf(), notice: { kind: 'deliver', deep } as never });
  assert.deepEqual(outcomes, ['failed']);
  assert.equal(world.mesh.sent.length, 0);
  assert.equal(world.undeliverable.length, 1);
});

void test('frames that are none are refused by name, and notices go on', () => {
  const world = new NoticeWorld(['n1', 'n2']);
  world.leader = nodeId('n2');
  const tail = ['mailbox', 'm1', { kind: 'deliver' }, [], 't', null];
  const garbage: unknown[] = [
    ...[
      null,
      [],
      [77, 1],
      [noticeKind],
      [noticeKind, 1, 9, 1, 1, 1, ...tail],
      [noticeKind, 1, null, 99, 1, 1, ...tail],
    ],
    ...[
      [noticeKind, 1, null, 1, 1, 'x', ...tail],
      [noticedKind, 1, 9],
      [noticedKind, 'x', 1],
    ],
    [noticeKind, 1, null, 1, 1, 1, 'mailbox', 'm1', { kind: 'deliver' }, [['short', 1]], 't', null],
  ];
  for (const frame of garbage) world.mesh.deliver('n1', 'n2', frame);
  assert.equal(world.refused.length, garbage.length);
  assert.deepEqual(world.received.get('n2'), []);
  world.mesh.deliver('n1', 'n2', [noticedKind, 1, 0]);
  const outcomes = world.deliver('n1');
  world.pass();
  world.received.get('n2')![0]!.done('applied');
  world.pass();
  assert.deepEqual(outcomes, ['applied']);
});
