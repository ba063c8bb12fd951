import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf, spoolFingerprintOf } from '../../../actors/mail/fingerprint.ts';

const parts = { reversePath: 'bob@example.net', recipient: 'ann@example.org', messageId: 'id@x', contentHash: 'hash' };

void test('the same parts give the same fingerprint, and each part counts', () => {
  const print = fingerprintOf(parts);
  assert.match(print ?? '', /^[\w-]{43}$/);
  assert.equal(fingerprintOf({ ...parts }), print);
  for (const name of ['reversePath', 'recipient', 'messageId', 'contentHash'] as const) {
    assert.notEqual(fingerprintOf({ ...parts, [name]: `${parts[name]}x` }), print, name);
  }
});

void test('text that moves from one part to the next is another fingerprint', () => {
  const one = fingerprintOf({ ...parts, reversePath: 'ab', recipient: 'c' });
  assert.notEqual(fingerprintOf({ ...parts, reversePath: 'a', recipient: 'bc' }), one);
  assert.notEqual(fingerprintOf({ ...parts, reversePath: '', recipient: '2:ab1:c' }), one);
});

void test('a mail without Message-ID has none', () => {
  assert.equal(fingerprintOf({ ...parts, messageId: null }), null);
  assert.equal(spoolFingerprintOf({ ...parts, recipients: ['a'], messageId: null }), null);
});

void test('the fingerprint of a whole mail does not hang on the order of recipients, but on who they are', () => {
  const print = spoolFingerprintOf({ ...parts, recipients: ['b', 'a'] });
  assert.equal(spoolFingerprintOf({ ...parts, recipients: ['a', 'b', 'a'] }), print);
  assert.notEqual(spoolFingerprintOf({ ...parts, recipients: ['a'] }), print);
  assert.notEqual(spoolFingerprintOf({ ...parts, recipients: ['ab'] }), print);
});

void test('recipients at other servers count, and are not taken for those here', () => {
  const print = spoolFingerprintOf({ ...parts, recipients: ['a'], remote: ['b', 'c'] });
  assert.equal(spoolFingerprintOf({ ...parts, recipients: ['a'], remote: ['c', 'b'] }), print);
  assert.notEqual(spoolFingerprintOf({ ...parts, recipients: ['a', 'b', 'c'] }), print);
  assert.notEqual(spoolFingerprintOf({ ...parts, recipients: ['a'], remote: ['b'] }), print);
  assert.equal(
    spoolFingerprintOf({ ...parts, recipients: ['a'], remote: [] }),
    spoolFingerprintOf({ ...parts, recipients: ['a'] }),
  );
});
