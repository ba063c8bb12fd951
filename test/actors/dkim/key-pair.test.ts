import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { makeDkimKeys, makeKeyPair } from '../../../actors/dkim/key-pair.ts';
import { dkimRecordName, dkimRecordText, txtStrings } from '../../../actors/dkim/record.ts';
import { systemRandom } from '../../../runtime/base/random.ts';

const nowMs = Date.UTC(2026, 10, 28, 23, 59);

void test('keys: one of each algorithm, named after the day', async () => {
  const [rsa, ed25519] = await makeDkimKeys(makeKeyPair, systemRandom, nowMs);
  assert.ok(rsa && ed25519);
  assert.match(rsa.selector, /^rp20261128[a-z0-9]{3}-rsa$/);
  assert.equal(ed25519.selector, rsa.selector.replace('-rsa', '-ed'));
  const key = createPrivateKey(rsa.privateKeyPem);
  assert.equal(key.asymmetricKeyDetails?.modulusLength, 2_048);
  const publicKey = createPublicKey({ key: Buffer.from(rsa.publicKeyBase64, 'base64'), format: 'der', type: 'spki' });
  assert.ok(publicKey.equals(createPublicKey(key)));
  // RFC 8463 §4: the 32 bytes alone.
  const { x } = createPublicKey(ed25519.privateKeyPem).export({ format: 'jwk' });
  assert.equal(Buffer.from(ed25519.publicKeyBase64, 'base64').toString('base64url'), x);
});

void test('keys: the loop goes on while they are made', async () => {
  let turns = 0;
  let isMade = false;
  const count = (): void => {
    turns++;
    if (!isMade) setImmediate(count);
  };
  setImmediate(count);
  await makeKeyPair('rsa');
  isMade = true;
  assert.ok(turns > 10, `${turns} turns`);
});

void test('the record of a key: its name, its tags, in strings that the DNS can hold', async () => {
  const [rsa] = await makeDkimKeys(makeKeyPair, systemRandom, nowMs);
  assert.ok(rsa);
  assert.equal(dkimRecordName('example.org', 'rp1-rsa'), 'rp1-rsa._domainkey.example.org');
  const text = dkimRecordText(rsa);
  assert.equal(text, `v=DKIM1; k=rsa; p=${rsa.publicKeyBase64}`);
  const strings = txtStrings(text);
  assert.deepEqual(
    strings.map(({ length }) => length),
    [255, text.length - 255],
  );
  assert.equal(strings.join(''), text);
});
