/** What no sound peer sends, and what no sound peer should be sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kind } from '../../../cluster/routing/wire.ts';
import { codeOf, RoutingWorld } from './routing-world.ts';

void test('what would break the link is refused, and the link lives', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  let deep: unknown = 'x';
  for (let depth = 0; depth < 60; depth++) deep = [deep];
  const asked = world.ask('n1', 0, { command: { kind: 'add', deep } as never });
  assert.equal(codeOf(asked), 'doesNotFit');
  const large = world.ask('n1', 0, { command: { kind: 'add', text: 'x'.repeat(7 * 1024 * 1024) } as never });
  assert.equal(codeOf(large), 'doesNotFit');
  assert.equal(world.mesh.sent.length, 0);
});

void test('frames that are none are refused by name, and calls go on', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  world.lead(0, 'n2');
  const garbage: unknown[] = [
    ...[null, 7, 'x', {}, [], [99, 1], [kind.ask], [kind.ask, 'x'], [kind.ask, 1, 5], [kind.ask, 1, null, 'counter']],
    ...[
      [kind.answer, -1, 0],
      [kind.answer, 1, 'x', [1], null],
      [kind.refusal, 1, 'code'],
      [kind.piece, 1, 'short'],
    ],
    ...[[kind.query, 1, null, 'counter', '0.a', 'no query', 0, 'x', false], Array.from({ length: 1_000 }, () => 0)],
    ...[
      [kind.changed, 7, null],
      [kind.inspect, 1, 'health', new Uint8Array(0)],
    ],
  ];
  for (const frame of garbage) world.mesh.deliver('n1', 'n2', frame);
  world.pass(5);
  assert.ok(world.node('n2').refusedFrames.length >= garbage.length - 4);
  assert.deepEqual([...new Set(world.node('n2').refusedFrames)], ['frameRefused']);
  const asked = world.ask('n1', 0);
  world.pass(10);
  assert.equal(codeOf(asked), 'ok');
});

void test('a peer that answers what it was not asked settles nothing', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.commitMs = () => 50;
  const asked = world.ask('n1', 0);
  world.pass(5);
  for (let id = 0; id < 5; id++) world.mesh.deliver('n3', 'n1', [kind.answer, id, 'forged', null, null]);
  assert.equal(codeOf(asked), 'none');
  world.pass(60);
  assert.deepEqual(asked.outcome, { ok: true, answer: 'done edge 1', copies: [2, 3] });
});
