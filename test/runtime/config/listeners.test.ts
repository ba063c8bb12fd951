import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Misfit } from '../../../runtime/config/fields.ts';
import { parseListeners } from '../../../runtime/config/listeners.ts';

const short = (value: unknown, protocol: 'smtp' | 'http' = 'smtp'): string[] =>
  parseListeners(value, protocol).map(({ host, port, tls }) => `${host} ${port} ${tls}`);

void test('the short form is an address, several with commas, or off', () => {
  assert.deepEqual(short('127.0.0.1:2525'), ['127.0.0.1 2525 starttls']);
  assert.deepEqual(short('[::1]:25'), ['::1 25 starttls']);
  assert.deepEqual(short(':25'), [':: 25 starttls']);
  assert.deepEqual(short('localhost:0'), ['127.0.0.1 0 starttls']);
  assert.deepEqual(short('127.0.0.1:25, [::1]:25'), ['127.0.0.1 25 starttls', '::1 25 starttls']);
  assert.deepEqual(short(['127.0.0.1:25', '[::1]:25']), ['127.0.0.1 25 starttls', '::1 25 starttls']);
  assert.deepEqual(short('off'), []);
});

void test('HTTP is in clear on loopback and in TLS elsewhere, unless told', () => {
  assert.deepEqual(short('127.0.0.1:80', 'http'), ['127.0.0.1 80 none']);
  assert.deepEqual(short(':443', 'http'), [':: 443 implicit']);
  assert.deepEqual(short([{ address: ':80', tls: 'none' }], 'http'), [':: 80 none']);
});

void test('the long form has TLS and trusted proxies, as TOML or as JSON', () => {
  const long = [{ address: '10.0.0.1:25', tls: 'none', proxyProtocol: true, trusted: ['10.0.0.7'] }];
  const expected = [{ host: '10.0.0.1', port: 25, tls: 'none', proxyProtocol: true, trusted: ['10.0.0.7'] }];
  assert.deepEqual(parseListeners(long, 'smtp'), expected);
  assert.deepEqual(parseListeners(JSON.stringify(long), 'smtp'), expected);
});

void test('what is no listener is refused, and so is a proxy that nobody vouches for', () => {
  const refused = [
    ...['25', '127.0.0.1', '::1:25', 'mail.example.org:25', ':65536', '', '[{"address"', 5, [5], [null], [{}]],
    ...[[{ address: ':25', tls: 'yes' }], [{ address: ':25', port: 25 }], [{ address: ':25', proxyProtocol: true }]],
    [{ address: ':25', proxyProtocol: true, trusted: ['everybody'] }],
  ];
  for (const value of refused) {
    assert.throws(() => parseListeners(value, 'smtp'), Misfit, JSON.stringify(value));
  }
  assert.throws(() => parseListeners([{ address: ':443', tls: 'starttls' }], 'http'), Misfit);
});
