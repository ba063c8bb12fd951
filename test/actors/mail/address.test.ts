import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, parseAddress, parseDomain, parseSender, splitDetail } from '../../../actors/mail/address.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { isKeyText } from '../../../runtime/store/keys.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;

void test('all spellings of one mailbox are one address', () => {
  const spellings: readonly (readonly [string, string])[] = [
    ['Ann@Example.ORG', 'ann@example.org'],
    ['"ann"@example.org', 'ann@example.org'],
    ['"a\\nn"@example.org', 'ann@example.org'],
    ['o\u2019neil@example.org', 'o\u2019neil@example.org'],
    ['Z\u00fcrich@example.org', 'z\u00fcrich@example.org'],
    ['zu\u0308rich@example.org', 'z\u00fcrich@example.org'],
    ['\u212aate@example.org', 'kate@example.org'],
    ['ann@B\u00fccher.example', 'ann@xn--bcher-kva.example'],
    ['ann@XN--BCHER-KVA.example', 'ann@xn--bcher-kva.example'],
    ['"two words"@example.org', '"two words"@example.org'],
    ['"q\\"\\\\q"@example.org', '"q\\"\\\\q"@example.org'],
    ['"a@b"@example.org', '"a@b"@example.org'],
    ['ann+Lists@example.org', 'ann+lists@example.org'],
    ['user@mail_host.example.org', 'user@mail_host.example.org'],
    ['postmaster@localhost', 'postmaster@localhost'],
  ];
  for (const [text, normalised] of spellings) assert.equal(parseAddress(text).normalised, normalised, text);
});

void test('what is no mailbox address is refused, with a code that says why', () => {
  const refused: readonly (readonly [string, string])[] = [
    ...[
      '',
      '@',
      'ann',
      'ann@',
      '@example.org',
      'a b@example.org',
      'a..b@example.org',
      '.a@example.org',
      'a.@example.org',
    ].map((text) => [text, text.startsWith('@') ? 'addressRoute' : 'badAddress'] as const),
    ...[
      '"ann@example.org',
      '""@example.org',
      '"a"b@example.org',
      'a"b@example.org',
      'a@b@example.org',
      '<a@example.org>',
    ].map((text) => [text, 'badAddress'] as const),
    ...[
      'a@example.org.',
      'a@.example.org',
      'a@exa mple.org',
      'a@-a.org',
      'a@a-.org',
      'a@example.org:25',
      'a@ex%41mple.org',
    ].map((text) => [text, 'badAddress'] as const),
    ...[
      'a\r\nb@example.org',
      '"a\r\nb"@example.org',
      '"a\u0000"@example.org',
      'a\u0085@example.org',
      'a\u2028@example.org',
    ].map((text) => [text, 'badAddress'] as const),
    ...[
      'a\ufffd@example.org',
      'a\u202eb@example.org',
      'a\ud800@example.org',
      'a\u037eb@example.org',
      'a@\ud800.org',
    ].map((text) => [text, 'badAddress'] as const),
    ...['a@[192.0.2.1]', 'a@[IPv6:::1]', 'a@192.0.2.1', 'a@0x7f.1', 'a@127.1'].map(
      (text) => [text, 'addressLiteral'] as const,
    ),
    ...['x%y@example.org', 'y!x@example.org', '"x%y"@example.org', '@a.example,@b.example:x@c.example'].map(
      (text) => [text, 'addressRoute'] as const,
    ),
    ...[`${'a'.repeat(65)}@example.org`, `${'é'.repeat(33)}@example.org`, `"${' '.repeat(64)}"@example.org`].map(
      (text) => [text, 'addressTooLong'] as const,
    ),
    ...[`a@${'a'.repeat(64)}.org`, `a@${'a.'.repeat(128)}org`, `${'a'.repeat(5000)}@example.org`].map(
      (text) => [text, 'addressTooLong'] as const,
    ),
  ];
  for (const [text, code] of refused) assert.throws(() => parseAddress(text), refusal(code), JSON.stringify(text));
});

void test('the longest address fits into the key of an actor', () => {
  const longest = `${'a'.repeat(64)}@${`${'b'.repeat(63)}.`.repeat(3)}${'c'.repeat(63)}`;
  assert.equal(parseAddress(longest).normalised, longest);
  assert.equal(Buffer.byteLength(longest), 320);
});

void test('a sender may have % and !, for no mail is relayed by them', () => {
  assert.equal(parseSender('prvs=x!y%z@example.net').normalised, 'prvs=x!y%z@example.net');
});

void test('a domain is lower-case A-labels', () => {
  assert.equal(parseDomain('Example.ORG'), 'example.org');
  assert.equal(parseDomain('\u00c9.example'), 'xn--9ca.example');
  assert.throws(() => parseDomain('a/b'), refusal('badAddress'));
  assert.throws(() => parseDomain(''), refusal('badAddress'));
});

void test('a detail is what is behind the first separator; a base is never empty', () => {
  assert.deepEqual(splitDetail('ann+lists+x', '+'), { base: 'ann', detail: 'lists+x' });
  assert.deepEqual(splitDetail('ann+', '+'), { base: 'ann', detail: '' });
  assert.deepEqual(splitDetail('+ann', '+'), { base: '+ann', detail: null });
  assert.deepEqual(splitDetail('ann', '+'), { base: 'ann', detail: null });
  assert.deepEqual(splitDetail('ann+lists', null), { base: 'ann+lists', detail: null });
});

/** Characters in which addresses have gone wrong before, and any other. */
const nasty = fc.constantFrom(
  ...'ab.+"\\@ %!<>()[]:;,K\u0130\u00df\u03a3\u212a\u0308\u037e\u1fef\u200d\u2028\ud83d\ude00\ud800'.split(''),
);
const localText = fc.array(fc.oneof(nasty, fc.string({ minLength: 1, maxLength: 1, unit: 'binary' })), {
  maxLength: 30,
});

void test('a normalised address parses to itself, whatever it was made of', () => {
  fc.assert(
    fc.property(localText, fc.boolean(), (characters, isQuoted) => {
      const text = characters.join('');
      const written = isQuoted ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
      let address;
      try {
        address = parseSender(`${written}@example.org`);
      } catch (error) {
        assert.ok(error instanceof OperationError);
        return;
      }
      assert.deepEqual(parseSender(address.normalised), address);
      assert.equal(formatAddress(address.local, address.domain), address.normalised);
      assert.ok(Buffer.byteLength(address.normalised) <= 320);
      assert.doesNotMatch(address.normalised, /\p{Cc}/u);
      assert.equal(address.normalised.isWellFormed(), true);
    }),
    { numRuns: 5000 },
  );
});

void test('any text is an address or a refusal, never another error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        localText.map((list) => list.join('')),
      ),
      (text) => {
        for (const parse of [parseAddress, parseSender, parseDomain]) {
          try {
            const parsed = parse(text);
            // It becomes a key, and a key that cannot be one stops the node.
            assert.ok(isKeyText(typeof parsed === 'string' ? parsed : parsed.normalised));
          } catch (error) {
            assert.ok(error instanceof OperationError && !error.transient);
            // It goes behind an SMTP reply code as it is.
            assert.match(error.message, /^[\x20-\x7e]{1,400}$/);
          }
        }
      },
    ),
    { numRuns: 3000 },
  );
});
