import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signatureLines } from '../../../actors/dkim/sign.ts';
import { localDomains } from '../../../actors/local-domain/protocol.ts';
import { type AdminWorld, adminWorld } from './admin-world.ts';

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

void describe('dkim list, rotate, activate, retire, remove', () => {
  let world: AdminWorld;
  before(async () => {
    world = await adminWorld();
    await world.json(['domain', 'add', 'x.example']);
  });
  after(() => world.stop());

  const list = async () => (await world.json(['dkim', 'list', 'x.example'])) as any[];
  const states = async () => (await list()).map((one) => `${one.algorithm} ${one.state}`).sort();
  const pairOf = (selector: string) => selector.replace(/-\w+$/, '');
  const mail = Buffer.from('From: ann@x.example\r\n\r\nHello.\r\n');
  /** Selectors of the signatures that a mail gets now. The time keeps what was known of the keys from being used. */
  let nowMs = 0;
  const signing = async () => {
    const lines = await signatureLines(world.context.core, 'x.example', mail, (nowMs += 60_000));
    return [...lines.matchAll(/\ts=([\w-]+);/g)].map(([, selector]) => selector as string).sort(byText);
  };

  void test('a new domain signs at once, with a key of each algorithm; adding it again makes no more', async () => {
    assert.deepEqual(await states(), ['ed25519-sha256 active', 'rsa-sha256 active']);
    await world.json(['domain', 'add', 'x.example']);
    const keys = await list();
    assert.equal(keys.length, 2);
    assert.deepEqual(await signing(), keys.map((one) => one.selector).sort(byText));
    assert.ok(!JSON.stringify(keys).includes('PRIVATE'));
  });

  void test('a rotation: published, activated in place of the old ones, which may then be removed', async () => {
    const old = pairOf((await list())[0].selector);
    const said = await world.cli(['dkim', 'rotate', 'x.example']);
    assert.match(said.text, /^ {2}rp\d{8}\w{3}-rsa\._domainkey\.x\.example\. IN TXT "v=DKIM1; k=rsa; p=\S+" "\S+"$/m);
    const { isNew, selectors } = await world.json(['dkim', 'rotate', 'x.example']);
    assert.equal(isNew, false);
    const fresh = pairOf(selectors[0]);
    assert.match(said.text, new RegExp(`ringpost dkim activate x\\.example ${fresh}$`, 'm'));
    assert.deepEqual(
      (await signing()).map((selector) => pairOf(selector)),
      [old, old],
    );

    const activated = await world.cli(['dkim', 'activate', 'x.example', fresh]);
    assert.match(activated.text, new RegExp(`Retired: ${old}-\\w+, ${old}-\\w+\\.`));
    assert.deepEqual(
      (await signing()).map((selector) => pairOf(selector)),
      [fresh, fresh],
    );
    assert.match((await world.cli(['dkim', 'activate', 'x.example', fresh])).text, /^It was so already/);

    assert.match((await world.cli(['dkim', 'remove', 'x.example', fresh])).err, /\[keyActive\]/);
    const removed = await world.cli(['dkim', 'remove', 'x.example', old]);
    assert.match(removed.text, new RegExp(`can go: ${old}-\\w+\\._domainkey\\.x\\.example, `));
    assert.deepEqual(await states(), ['ed25519-sha256 active', 'rsa-sha256 active']);
  });

  void test('one key can be retired; without any, mail is not signed, which the DNS page says', async () => {
    const [first, second] = (await list()).map((one) => one.selector as string);
    assert.match(
      (await world.cli(['dkim', 'retire', 'x.example', first as string])).text,
      new RegExp(`Signing: ${second}$`, 'm'),
    );
    assert.deepEqual(await signing(), [second]);
    assert.match((await world.cli(['dkim', 'retire', 'x.example', second as string])).text, /is not signed now/);
    assert.deepEqual(await signing(), []);
    assert.match(
      (await world.cli(['dns', 'x.example'])).text,
      /mail of x\.example is not signed: ringpost dkim rotate/,
    );
  });

  void test('what is not there is refused', async () => {
    assert.match((await world.cli(['dkim', 'activate', 'x.example', 'none'])).err, /ringpost dkim list.*\[noSuchKey\]/);
    assert.match((await world.cli(['dkim', 'rotate', 'other.example'])).err, /\[noSuchDomain\]/);
  });

  void test('a domain whose adding was cut off before its keys gets them when it is added again', async () => {
    world.failAfterAsks(1);
    assert.match((await world.cli(['domain', 'add', 'y.example'])).err, /testDied/);
    const keysOf = () =>
      world.context.core.query(localDomains.ref('y.example'), { kind: 'keys' }, { principal: world.context.principal });
    assert.equal((await keysOf()).keys.length, 0);
    await world.json(['domain', 'add', 'y.example']);
    assert.equal((await keysOf()).keys.length, 2);
  });
});
