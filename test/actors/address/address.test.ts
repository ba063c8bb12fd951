import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address } from '../../../actors/address/address.ts';
import type { AddressTarget } from '../../../actors/address/protocol.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const bench = () => new ActorBench(address, { key: 'ann@example.org' });
const box = (mailboxId: string): AddressTarget => ({ type: 'mailbox', mailboxId, accountId: 'acc', primary: true });

void test('an address is unknown until it is claimed, and again when it is released', () => {
  const ann = bench();
  assert.deepEqual(ann.query({ kind: 'resolve' }), { known: false });
  assert.deepEqual(ann.ask({ kind: 'claim', target: box('m1') }), { created: true });
  assert.deepEqual(ann.query({ kind: 'resolve' }), { known: true, target: box('m1'), full: false });
  assert.deepEqual(ann.ask({ kind: 'release' }), { released: box('m1') });
  assert.deepEqual(ann.query({ kind: 'resolve' }), { known: false });
  assert.deepEqual(ann.ask({ kind: 'release' }), { released: null });
});

void test('an equal claim is a repetition, another one is refused', () => {
  const ann = bench();
  ann.ask({ kind: 'claim', target: box('m1') });
  assert.deepEqual(ann.ask({ kind: 'claim', target: box('m1') }), { created: false });
  assert.throws(() => ann.ask({ kind: 'claim', target: box('m2') }), refusal('addressExists'));
});

void test('the mailbox says when it is full; one that the address no longer leads to is not heard', () => {
  const ann = bench();
  ann.notify({ kind: 'quota', full: true, mailboxId: 'm1' });
  assert.deepEqual(ann.rows(), []);
  ann.ask({ kind: 'claim', target: box('m1') });
  ann.notify({ kind: 'quota', full: true, mailboxId: 'm1' });
  assert.deepEqual(ann.query({ kind: 'resolve' }), { known: true, target: box('m1'), full: true });
  ann.ask({ kind: 'retarget', target: { ...box('m1'), accountId: 'other' } as AddressTarget });
  assert.equal((ann.query({ kind: 'resolve' }) as { full?: boolean }).full, true);
  ann.ask({ kind: 'retarget', target: box('m2') });
  assert.equal((ann.query({ kind: 'resolve' }) as { full?: boolean }).full, false);
  ann.notify({ kind: 'quota', full: true, mailboxId: 'm1' });
  assert.equal((ann.query({ kind: 'resolve' }) as { full?: boolean }).full, false);
  ann.notify({ kind: 'quota', full: true, mailboxId: 'm2' });
  assert.equal((ann.query({ kind: 'resolve' }) as { full?: boolean }).full, true);
});

void test('a forward that keeps a copy is full when that mailbox is', () => {
  const ann = bench();
  ann.ask({ kind: 'claim', target: { type: 'forward', targets: ['x@example.net'], keepIn: 'm1' } });
  ann.notify({ kind: 'quota', full: true, mailboxId: 'm1' });
  assert.equal((ann.query({ kind: 'resolve' }) as { full?: boolean }).full, true);
});

void test('targets are addresses, some, not too many, and not the address itself', () => {
  const ann = bench();
  const claim = (targets: string[]) => () => ann.ask({ kind: 'claim', target: { type: 'alias', targets } });
  assert.throws(claim([]), refusal('badTarget'));
  assert.throws(claim(['b@example.org', 'ANN@example.org']), refusal('badTarget'));
  assert.throws(claim(['nonsense']), refusal('badAddress'));
  assert.throws(claim(Array.from({ length: 1001 }, (_, i) => `u${i}@example.org`)), refusal('badTarget'));
  assert.throws(() => ann.ask({ kind: 'retarget', target: box('m') }), refusal('noSuchAddress'));
  claim(['b@example.org'])();
});
