/** What changed on one node is told to the others, before anybody there is answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HintSpread } from '../../../cluster/routing/hints.ts';
import { kind } from '../../../cluster/routing/wire.ts';
import { codeOf, RoutingWorld } from './routing-world.ts';

const kinds = ['address', 'account'];

function spread(world: RoutingWorld, name: string) {
  const hints = new HintSpread({
    calls: world.node(name).calls,
    clock: world.clock,
    linkedPeers: () => world.mesh.peersOf(name),
    kinds,
  });
  const heard: string[] = [];
  for (const of of [...kinds, 'mailbox']) hints.listen(of, (key) => heard.push(`${of} ${String(key)}`));
  return { hints, heard };
}

function threeNodes() {
  const world = new RoutingWorld(['n1', 'n2', 'n3']);
  return { world, of: ['n1', 'n2', 'n3'].map((name) => spread(world, name)) };
}

void test('changes of one turn reach all other nodes in a frame a kind, each key once', () => {
  const { world, of } = threeNodes();
  const { hints } = of[0]!;
  for (const key of ['a@x', 'b@x', 'a@x']) hints.changed('address', key);
  hints.changed('account', 'ann');
  world.pass(5);
  assert.deepEqual(
    of.map(({ heard }) => heard),
    [[], ['address a@x', 'address b@x', 'account ann'], ['address a@x', 'address b@x', 'account ann']],
  );
  assert.equal(world.mesh.sent.length, 4);
});

void test('kinds that are not on the list stay where they are, and nothing is sent where nothing changed', () => {
  const { world, of } = threeNodes();
  of[0]!.hints.changed('mailbox', 'm1');
  world.pass(5);
  assert.deepEqual(of[1]!.heard, []);
  assert.equal(world.mesh.sent.length, 0);
});

void test('too many keys in one turn: anything may have changed', () => {
  const { world, of } = threeNodes();
  for (let i = 0; i < 501; i++) of[0]!.hints.changed('address', `a${i}@x`);
  world.pass(5);
  assert.deepEqual(of[1]!.heard, ['address null']);
});

void test('a new link: whatever was said meanwhile was missed', () => {
  const { world, of } = threeNodes();
  world.mesh.cut('n1', 'n2');
  world.pass(5);
  of[0]!.hints.changed('address', 'a@x');
  world.pass(5);
  assert.deepEqual(of[1]!.heard, []);
  world.mesh.link('n1', 'n2');
  assert.deepEqual(of[1]!.heard, ['address null', 'account null']);
  assert.deepEqual(of[2]!.heard, ['address a@x']);
});

void test('who changes something by another node hears of the change before he has his answer', () => {
  const { world, of } = threeNodes();
  world.lead(0, 'n2');
  const node = world.node('n2');
  const engine = world.run.bind(world);
  world.run = (at, request, settle) => {
    engine(at, request, (outcome) => {
      // As the engine: watchers first, then the answer, in one turn.
      if (at === node) of[1]!.hints.changed('address', request.key);
      settle(outcome);
    });
  };
  const asked = world.ask('n1', 0);
  const order: string[] = [];
  of[0]!.hints.listen('address', () => order.push(`heard, and the answer: ${codeOf(asked)}`));
  world.pass(10);
  assert.equal(codeOf(asked), 'ok');
  assert.deepEqual(order, ['heard, and the answer: none']);
});

void test('it follows the engine, and listeners end', () => {
  const world = new RoutingWorld(['n1', 'n2']);
  const { hints } = spread(world, 'n1');
  const other = spread(world, 'n2');
  const watched = new Map<string, (key: string) => void>();
  const end = hints.follow({
    watchKind: (of, changed) => {
      watched.set(of, changed);
      return () => watched.delete(of);
    },
  });
  assert.deepEqual([...watched.keys()], kinds);
  let heard = 0;
  const endListening = other.hints.listen('address', () => heard++);
  watched.get('address')!('a@x');
  world.pass(5);
  endListening();
  watched.get('address')!('b@x');
  world.pass(5);
  assert.equal(heard, 1);
  end();
  assert.equal(watched.size, 0);
});

void test('a hint that is none is refused, and one of a kind that is not known here is left alone', () => {
  const { world, of } = threeNodes();
  const garbage = [
    [kind.changed, 'address', 'no list'],
    [kind.changed, 'address', [7]],
    [kind.changed, 'address', ['x'.repeat(400)]],
    [kind.changed, 'address', Array.from({ length: 501 }, () => 'a')],
    [kind.changed, 7, null],
  ];
  for (const frame of garbage) world.mesh.deliver('n1', 'n2', frame);
  assert.equal(world.node('n2').refusedFrames.length, garbage.length);
  world.mesh.deliver('n1', 'n2', [kind.changed, 'unheardOf', ['a']]);
  assert.deepEqual(of[1]!.heard, []);
});
