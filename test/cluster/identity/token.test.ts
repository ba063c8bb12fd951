import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatToken, isSecret, newSecret, parseToken, secretHashOf } from '../../../cluster/identity/token.ts';
import { systemRandom } from '../../../runtime/base/random.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const text = (part: Uint8Array): string => Buffer.from(part).toString('base64url');

const token = { caHash: text(new Uint8Array(32).fill(7)), secret: text(new Uint8Array(20).fill(9)) };

void test('a token comes back as it was, whatever is in it', () => {
  fc.assert(
    fc.property(bytes(32), bytes(20), (ca, secret) => {
      const given = { caHash: text(ca), secret: text(secret) };
      const said = formatToken(given);
      assert.match(said, /^rp1\.[\w-]{75}$/);
      assert.deepEqual(parseToken(said), given);
    }),
  );
});

void test('a terminal that broke the line does no harm', () => {
  const said = formatToken(token);
  assert.deepEqual(parseToken(`  ${said.slice(0, 40)}\r\n   ${said.slice(40)}\n`), token);
});

void test('half a token, one with something behind it, and one with a slip are told apart', () => {
  const said = formatToken(token);
  const why = (given: string, message: RegExp) => assert.throws(() => parseToken(given), { code: 'badToken', message });
  why(said.slice(0, 60), /60 characters in place of 79: a part is missing/);
  why(`${said}x`, /something behind it/);
  why(said.replace('J', 'K'), /a character of the token is wrong/);
  why('', /begins with rp1\./);
  why('rp_account_credential_secret', /HTTP API/);
  why(`rp1.${'!'.repeat(75)}`, /wrong/);
});

void test('any single wrong character is found out', () => {
  const said = formatToken(token);
  const alphabet = Array.from({ length: 64 }, (_, at) =>
    Buffer.from([at << 2])
      .toString('base64url')
      .charAt(0),
  );
  for (let at = 4; at < said.length; at++) {
    for (const character of alphabet) {
      const wrong = said.slice(0, at) + character + said.slice(at + 1);
      if (wrong !== said) assert.throws(() => parseToken(wrong), { code: 'badToken' }, wrong);
    }
  }
});

void test('secrets are 160 bits of chance, and the cluster keeps a hash of them', () => {
  const secret = newSecret(systemRandom);
  assert.ok(isSecret(secret));
  assert.notEqual(secret, newSecret(systemRandom));
  assert.match(secretHashOf(secret), /^[\w-]{43}$/);
  assert.ok(!isSecret(`${secret}x`));
  assert.ok(!isSecret(7));
});
