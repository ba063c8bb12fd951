import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostPort, parseHostPort } from '../../../actors/mail/host-port.ts';

void test('a name, an IPv4 address and an IPv6 address in brackets, each with its port', () => {
  assert.deepEqual(parseHostPort(' MX.Bücher.example:587 '), { host: 'mx.xn--bcher-kva.example', port: 587 });
  assert.deepEqual(parseHostPort('127.0.0.1:2526'), { host: '127.0.0.1', port: 2526 });
  assert.deepEqual(parseHostPort('[2001:DB8::1]:25'), { host: '2001:db8::1', port: 25 });
});

void test('what is none is null, and the port must be there', () => {
  const wrong = ['', 'mx.example', ':25', 'a:0', 'a:65536', 'a b:25', '[mx.example]:25', '2001:db8::1:25', 'a:b'];
  for (const text of wrong) assert.equal(parseHostPort(text), null, text);
});

void test('what is written is read as the same', () => {
  for (const text of ['mx.example:25', '127.0.0.1:2526', '[2001:db8::1]:25']) {
    assert.equal(formatHostPort(parseHostPort(text)!), text);
  }
});
