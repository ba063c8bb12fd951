import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressList } from '../../../actors/mail/address-list.ts';
import { authorsOf } from '../../../actors/mail/authors.ts';

void test('addresses are found in all forms of RFC 5322', () => {
  for (const [value, found] of [
    [' ann@example.org', ['ann@example.org']],
    [' Ann Other <ann@example.org>', ['ann@example.org']],
    [' "Other, Ann <x@y>" <ann@example.org> (or (so) \\) )', ['ann@example.org']],
    [' <ann@example.org>,\r\n\tbob@example.org', ['ann@example.org', 'bob@example.org']],
    [' , ann@example.org,, c@x ,', ['ann@example.org', 'c@x']],
    [' =?utf-8?q?J=C3=B6rg?= <jörg@bücher.example>', ['jörg@bücher.example']],
    [' "a b"@example.org', ['"a b"@example.org']],
    [' ann@example.org <ann@Example.org>', ['ann@Example.org']],
    [' ann@[192.0.2.1]', ['ann@[192.0.2.1]']],
    [' John Q. Public <jq@example.org>', ['jq@example.org']],
  ] as const) {
    assert.deepEqual(addressList(value), found, value);
  }
});

void test('what could be read in two ways is not read', () => {
  for (const value of [
    ...['', '   ', ',', 'Team:;', 'Team: ann@example.org', 'ann', 'Ann <ann>', '<>', 'Ann <>'],
    ...['Ann <ann@example.org', 'ann@example.org>', 'Ann <a@x> <b@x>', 'Ann <a@x> trailing', '<<a@x>>'],
    ...[
      'bob@example.org <ann@example.org>',
      'ann@example.org bob@example.org',
      'ann @example.org',
      'ann(c)@example.org',
    ],
    ...[
      'Team: ann@example.org;',
      'bob@example.org:ann@example.org;',
      'ann@example.org, Team: c@x;, d@x',
      'a@x;',
      ':a@x',
    ],
    ...['"Ann <ann@example.org>', '(Ann <ann@example.org>', 'ann@exam\0ple.org', 'a:b:ann@example.org;', '@a,@b:c@d'],
  ]) {
    assert.equal(addressList(value), null, value);
  }
});

void test('no value takes long, or throws', () => {
  assert.equal(addressList('('.repeat(60_000)), null);
  assert.equal(addressList(`${'a@b,'.repeat(15_000)}c@d`)?.length, 15_001);
  assert.equal(addressList('a'.repeat(70_000)), null);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a@b.<>,:;()"\\ [\r\n\té'.split('')) }), (value) => {
      for (const address of addressList(value) ?? []) assert.match(address, /^.+@.*$/s);
    }),
  );
});

const authors = (header: string): unknown => authorsOf(Buffer.from(header));

void test('the authors of a mail are those of its one From and its one Sender', () => {
  assert.deepEqual(authors('From: a@x,\r\n b@x\r\nsender : c@x\r\n\r\nFrom: d@x\r\n'), {
    from: ['a@x', 'b@x'],
    sender: ['c@x'],
    resent: [],
  });
  const none = { from: null, sender: [], resent: [] };
  assert.deepEqual(authors('From: a@x\r\n\r\n'), { ...none, from: ['a@x'] });
  assert.deepEqual(authors('Subject: x\r\n\r\n'), none);
  assert.deepEqual(authors('From: a@x\r\nFrom: a@x\r\n\r\n'), none);
  assert.deepEqual(authors('From: a@x\r\nSender: a@x, b@x\r\n\r\n'), { ...none, from: ['a@x'], sender: null });
  assert.deepEqual(authorsOf(Buffer.from('From: a\xff@x\r\n\r\n', 'latin1')), none);
});

void test('blanks in front of a colon hide no author, however many there are', () => {
  const none = { from: null, sender: [], resent: [] };
  assert.deepEqual(authors(`From: a@x\r\nFrom${' '.repeat(130)}: b@x\r\n\r\n`), none);
  assert.deepEqual(authors(`From${'\t'.repeat(500)}: b@x\r\n\r\n`), { ...none, from: ['b@x'] });
});

void test('who sent a mail on is told of each time that it was', () => {
  const resent = (header: string): unknown => authorsOf(Buffer.from(`From: a@x\r\n${header}\r\n\r\n`)).resent;
  const found = ['b@x', 'c@x', 'e@x', 'd@x'];
  assert.deepEqual(resent('Resent-From: b@x, c@x\r\nResent-Sender: d@x\r\nRESENT-FROM : e@x'), found);
  assert.equal(resent('Resent-From: b@x\r\nResent-From: b@x: a@x;'), null);
  assert.equal(resent('Resent-Sender: nobody'), null);
});
