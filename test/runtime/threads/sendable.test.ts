import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import { sendable, transferable } from '../../../runtime/threads/sendable.ts';

void test('a plain value is itself, not a copy', () => {
  const value = { kind: 'deliver', list: [1, 'x', null, undefined, true], bytes: new Uint8Array(3) };
  assert.equal(sendable(value), value);
});

void test('a window on a pool becomes bytes of its own, in a copy of what holds it', () => {
  const prefix = Buffer.from('Return-Path: <a@b.example>\r\n');
  const value = { recipients: [{ mailboxId: 'm', prefix }], other: { x: 1 } };
  const sent = sendable(value) as typeof value;
  const copy = sent.recipients[0]!.prefix;
  assert.deepEqual([...copy], [...prefix]);
  assert.equal(copy.buffer.byteLength, prefix.byteLength);
  assert.equal(value.recipients[0]!.prefix, prefix, 'the caller keeps what it had');
  assert.equal(sent.other, value.other);
});

void test('what is no plain data is refused with a code', () => {
  const deep: unknown[] = [];
  let inner = deep;
  for (let i = 0; i < 100; i++) inner.push((inner = []));
  for (const value of [() => 0, { a: [Symbol('x')] }, Promise.resolve(), deep]) {
    assert.throws(
      () => sendable(value),
      (error) => error instanceof OperationError && error.code === 'notSendable',
    );
  }
});

void test('only bytes that own their whole buffer are moved', () => {
  const own = new Uint8Array(10);
  const window = new Uint8Array(own.buffer, 2, 5);
  const shared = new Uint8Array(new SharedArrayBuffer(4));
  assert.equal(transferable(own), own);
  assert.notEqual(transferable(window), window);
  assert.ok(transferable(shared).buffer instanceof ArrayBuffer);
});
