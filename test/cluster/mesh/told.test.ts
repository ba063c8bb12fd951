/** The order in which a transport's listener is told, and how refusals are kept. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAddress, parseAddress } from '../../../cluster/mesh/addresses.ts';
import { RefusalBook } from '../../../cluster/mesh/refusal-book.ts';
import { Told } from '../../../cluster/mesh/told.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const peer = nodeId('n2');

function listening(): { clock: FakeClock; told: Told; heard: string[] } {
  const clock = new FakeClock();
  const told = new Told(clock);
  const heard: string[] = [];
  told.listen({
    received: (_from, _lane, frame) => void heard.push(String(frame)),
    linked: () => void heard.push('linked'),
    unlinked: () => void heard.push('unlinked'),
  });
  return { clock, told, heard };
}

void describe('what is told', () => {
  void test('links and breaks in a turn of their own; frames at once, but never before what happened earlier', () => {
    const { clock, told, heard } = listening();
    told.received(peer, 'log', 1);
    assert.deepEqual(heard, ['1']);
    told.tell((events) => events.unlinked(peer));
    told.tell((events) => events.linked(peer));
    told.received(peer, 'log', 2);
    assert.deepEqual(heard, ['1']);
    clock.runSoon();
    assert.deepEqual(heard, ['1', 'unlinked', 'linked', '2']);
    told.received(peer, 'log', 3);
    assert.deepEqual(heard.at(-1), '3');
  });

  void test('what happens while somebody is told comes behind, in the same turn', () => {
    const { clock, told, heard } = listening();
    told.tell(() => {
      heard.push('first');
      told.received(peer, 'log', 'inside');
    });
    told.tell((events) => events.linked(peer));
    clock.runSoon();
    assert.deepEqual(heard, ['first', 'linked', 'inside']);
  });

  void test('nothing after the stop, also in the midst of telling', () => {
    const { clock, told, heard } = listening();
    told.tell(() => told.stop());
    told.tell((events) => events.linked(peer));
    clock.runSoon();
    told.received(peer, 'log', 1);
    told.tell((events) => events.linked(peer));
    clock.runSoon();
    assert.deepEqual(heard, []);
  });
});

void describe('refusals', () => {
  const removed = { code: 'nodeRemoved', text: 'a' };
  const older = { code: 'diskOlder', text: 'b' };

  void test('are logged once, again when they change, and again after a while', () => {
    const book = new RefusalBook(1_000);
    assert.equal(book.note('n2', removed, 'us', 10), true);
    assert.equal(book.note('n2', removed, 'us', 500), false);
    assert.equal(book.note('n2', older, 'us', 600), true);
    assert.equal(book.note('n2', older, 'them', 700), true);
    assert.equal(book.note('n2', older, 'them', 1_699), false);
    assert.equal(book.note('n2', older, 'them', 1_700), true);
    assert.deepEqual(book.lastOf('n2')?.times, 3);
    assert.equal(book.total, 6);
  });

  void test('have a bound', () => {
    const book = new RefusalBook(1_000);
    for (let i = 0; i < 1_000; i++) book.note(`n${i}`, removed, 'us', i);
    assert.deepEqual([book.list().length, book.lastOf('n0'), book.lastOf('n999')?.atMs], [128, null, 999]);
    book.forget('n999');
    assert.equal(book.lastOf('n999'), null);
  });
});

void test('addresses: names, IPv4 and IPv6, with a port', () => {
  for (const text of ['mail.example.org:2580', '10.0.0.1:1', '[2001:db8::1]:65535', 'localhost:80', 'n_1-a:2']) {
    assert.equal(formatAddress(parseAddress(text)!), text);
  }
  for (const text of [
    '',
    'host',
    'host:',
    'host:0',
    'host:65536',
    ':1',
    '::1:1',
    'a b:1',
    'u@h:1',
    'h/x:1',
    `${'x'.repeat(300)}:1`,
  ]) {
    assert.equal(parseAddress(text), null, text);
  }
});
