/** Who counts as one client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOf } from '../../../../runtime/base/client-network.ts';

void test('admission: an IPv4 address is one client, also when it comes by IPv6', () => {
  assert.equal(clientOf('192.0.2.1'), '192.0.2.1');
  assert.equal(clientOf('::ffff:192.0.2.1'), '192.0.2.1');
});

void test('admission: all addresses of an IPv6 /64 are one client', () => {
  assert.equal(clientOf('2001:db8:1:2:3:4:5:6'), clientOf('2001:db8:1:2::1'));
  assert.equal(clientOf('2001:db8::1'), clientOf('2001:db8:0:0:ffff::'));
  assert.notEqual(clientOf('2001:db8:1:2::1'), clientOf('2001:db8:1:3::1'));
  assert.equal(clientOf('fe80::1%eth0'), clientOf('fe80::2'));
  assert.equal(clientOf('::1'), '0:0:0:0');
});
