/** Where the straight way to the leader is cut, a third node hands a call on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kind } from '../../../cluster/routing/wire.ts';
import { refused } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { codeOf, framesOf, RoutingWorld } from './routing-world.ts';

void test('where two nodes do not reach each other a third one hands the command on, once', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.mesh.cut('n1', 'n2');
  world.pass(5);
  const asked = world.ask('n1', 0);
  world.pass(150);
  assert.equal(codeOf(asked), 'ok');
  assert.deepEqual(framesOf(world, kind.ask), ['n1>n3', 'n3>n2']);
  const asks = world.mesh.sent.filter(({ frame }) => (frame as unknown[])[0] === kind.ask);
  assert.deepEqual(
    asks.map(({ frame }) => (frame as unknown[])[2]),
    ['n2', null],
  );
});

void test('a command is handed on once at most: the second node does not pass it further', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3', 'n4']);
  world.lead(0, 'n4', ['n3', 'n4']);
  world.believe('n1', 0, 'n3');
  world.believe('n2', 0, 'n3');
  world.mesh.cut('n1', 'n3');
  world.mesh.cut('n1', 'n4');
  world.pass(5);
  const asked = world.ask('n1', 0, { timeoutMs: 1_000 });
  world.pass(100);
  // n2 hands it to n3, which does not lead and does not hand it on; its word about n4 goes back to n1.
  assert.ok(!framesOf(world, kind.ask).includes('n3>n4'));
  world.pass(500);
  assert.equal(codeOf(asked), 'ok', 'with that word it is handed on to the right one');
});

void test('a third node that loses the link to the leader does not know either: a refusal after that is none', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.commitMs = () => 100;
  world.mesh.cut('n1', 'n2');
  world.pass(5);
  const asked = world.ask('n1', 0);
  world.pass(60);
  assert.equal(world.node('n2').taken.length, 1);
  world.mesh.cut('n3', 'n2');
  world.pass(5);
  world.node('n1').refuses = refused('overQuota', 'the mailbox is full').data;
  world.leaders.set(0, nodeId('n1'));
  world.believe('n1', 0, 'n1');
  world.pass(10);
  assert.equal(codeOf(asked), 'outcomeUnknown');
  world.pass(100);
  assert.deepEqual([...world.effects.values()], [1], 'it happened after all');
});

void test('a suspect leader that a third node reaches is asked over that one', () => {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  world.lead(0, 'n2');
  world.mesh.stall('n1', 'n2');
  const asked = world.ask('n1', 0);
  world.pass(20);
  world.suspect('n1', 'n2');
  world.pass(200);
  assert.equal(codeOf(asked), 'ok');
  world.mesh.unstall('n1', 'n2');
  world.pass(20);
  assert.deepEqual([...world.effects.values()], [1]);
});
