import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, hashProblem, verifyPassword } from '../../../actors/account/password.ts';

void test('a password is known by its hash, and nobody has none', async () => {
  const hash = await hashPassword('correct horse');
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await verifyPassword(hash, 'correct horse'), true);
  assert.equal(await verifyPassword(hash, 'wrong horse'), false);
  assert.equal(await verifyPassword(null, 'correct horse'), false);
  assert.equal(await verifyPassword(hash, 'x'.repeat(2_000)), false);
});

void test('many at once are all answered', async () => {
  const hashes = await Promise.all(Array.from({ length: 6 }, (_, i) => hashPassword(`p${i}`)));
  assert.equal(new Set(hashes).size, 6);
});

void test('a hash from elsewhere is taken only when it is argon2id and modest', async () => {
  assert.equal(hashProblem(await hashPassword('x')), null);
  assert.match(hashProblem('$2b$10$abcdefghijklmnopqrstuv') ?? '', /argon2id/);
  assert.match(
    hashProblem('$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA') ?? '',
    /too high/,
  );
  assert.match(hashProblem('$argon2id$nonsense') ?? '', /not a complete/);
});
