import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accounts } from '../../../actors/account/protocol.ts';
import { addresses } from '../../../actors/address/protocol.ts';
import { type AdminWorld, adminWorld } from './admin-world.ts';

void describe('domains, accounts and addresses', () => {
  let world: AdminWorld;
  before(async () => {
    world = await adminWorld();
  });
  after(() => world.stop());

  void test('a domain is added once, listed, and refuses to go while it has addresses', async () => {
    assert.match((await world.cli(['domain', 'add', 'One.Example'])).text, /Mail for one\.example is received/);
    assert.match((await world.cli(['domain', 'add', 'one.example'])).text, /was there already/);
    const [row] = await world.json(['domain', 'list']);
    assert.equal(row.domain, 'one.example');
    assert.equal(row.detailSeparator, '+');
    await world.json(['account', 'add', 'ann@one.example']);
    const said = await world.cli(['domain', 'remove', 'one.example']);
    assert.equal(said.status, 1);
    assert.match(said.err, /domainInUse/);
    await world.json(['account', 'remove', 'ann@one.example']);
    assert.equal((await world.cli(['domain', 'remove', 'one.example'])).status, 0);
    assert.deepEqual(await world.json(['domain', 'list']), []);
  });

  void test('an account needs its domain, and the refusal names the cure', async () => {
    const said = await world.cli(['account', 'add', 'ann@elsewhere.example']);
    assert.equal(said.status, 1);
    assert.match(said.err, /ringpost domain add elsewhere\.example.*\[noSuchDomain\]/);
  });

  void test('what is no address is wrong usage', async () => {
    assert.equal((await world.cli(['account', 'add', 'nonsense'])).status, 2);
  });

  void test('a password from standard input is taken without its line end, and one is made otherwise', async () => {
    await world.json(['domain', 'add', 'two.example']);
    const given = await world.json(['account', 'add', 'ann@two.example', '--password-stdin'], 'correct horse\n');
    assert.equal(given.generatedPassword, null);
    const made = await world.json(['account', 'add', 'bob@two.example']);
    assert.match(made.generatedPassword, /^(?:[0-9a-hjkmnp-tv-z]{5}-){3}[0-9a-hjkmnp-tv-z]{5}$/);
    const empty = await world.cli(['account', 'add', 'eve@two.example', '--password-stdin'], '\n');
    assert.match(empty.err, /\[emptyPassword\]/);
  });

  void test('an account that exists is refused, and points to passwd', async () => {
    const said = await world.cli(['account', 'add', 'Ann@Two.Example']);
    assert.equal(said.status, 1);
    assert.match(said.err, /ringpost account passwd ann@two\.example \[accountExists\]/);
    const changed = await world.json(['account', 'passwd', 'ann@two.example', '--password-stdin'], 'new secret');
    assert.equal(changed.address, 'ann@two.example');
  });

  void test('a list shows states and goes over several domains', async () => {
    await world.json(['account', 'disable', 'bob@two.example']);
    const rows = await world.json(['account', 'list']);
    assert.deepEqual(
      rows.map((row: any) => [row.address, row.state]),
      [
        ['ann@two.example', 'active'],
        ['bob@two.example', 'disabled'],
      ],
    );
    await world.json(['account', 'enable', 'bob@two.example']);
    const text = (await world.cli(['account', 'list', '--domain', 'two.example'])).text;
    assert.match(text, /^ADDRESS\s+STATE\s+MAILS\s+SIZE\s+QUOTA\s+NAME\n/);
  });

  void test('a further address leads to the mailbox, an alias to several', async () => {
    await world.json(['address', 'add', 'info@two.example', '--to', 'ann@two.example']);
    await world.json(['address', 'add', 'team@two.example', '--to', 'ann@two.example', 'bob@two.example']);
    const again = await world.json(['address', 'add', 'info@two.example', '--to', 'ann@two.example']);
    assert.equal(again.created, false);
    assert.deepEqual(await world.json(['address', 'list', 'two.example']), [
      { address: 'ann@two.example', type: 'account', targets: [], keptBy: null },
      { address: 'bob@two.example', type: 'account', targets: [], keptBy: null },
      { address: 'info@two.example', type: 'alias', targets: ['ann@two.example'], keptBy: null },
      { address: 'team@two.example', type: 'alias', targets: ['ann@two.example', 'bob@two.example'], keptBy: null },
    ]);
    const unknown = await world.cli(['address', 'add', 'out@two.example', '--to', 'nobody@two.example']);
    assert.match(unknown.err, /\[noSuchAddress\]/);
    const loop = await world.cli(['address', 'add', 'out@two.example', '--to', 'out@two.example']);
    assert.match(loop.err, /\[aliasLoop\]/);
    const taken = await world.cli(['address', 'add', 'info@two.example', '--to', 'bob@two.example']);
    assert.match(taken.err, /\[addressExists\]/);
    const primary = await world.cli(['address', 'remove', 'ann@two.example']);
    assert.match(primary.err, /\[isAccountAddress\]/);
  });

  void test('an alias and a forward lead elsewhere; a forward keeps a copy where it is told to', async () => {
    const add = (...words: string[]) => world.json(['address', 'add', ...words]);
    const out = await world.cli(['address', 'add', 'out@two.example', '--to', 'bob@two.example', 'Ann@GMAIL.test']);
    assert.match(
      out.text,
      /goes to bob@two\.example, Ann@GMAIL\.test from now on\.\nAt other servers: Ann@gmail\.test\n/,
    );
    const kept = ['sales@two.example', '--forward', 'bob@remote.example', '--keep', 'info@two.example'];
    assert.equal((await add(...kept)).created, true);
    assert.equal((await add(...kept)).created, false);
    await add('gone@two.example', '--forward', 'me@new.example', 'bob@two.example');
    assert.deepEqual((await world.json(['address', 'list', 'two.example'])).slice(2), [
      { address: 'gone@two.example', type: 'forward', targets: ['me@new.example', 'bob@two.example'], keptBy: null },
      { address: 'info@two.example', type: 'alias', targets: ['ann@two.example'], keptBy: null },
      { address: 'out@two.example', type: 'alias', targets: ['bob@two.example', 'Ann@gmail.test'], keptBy: null },
      { address: 'sales@two.example', type: 'forward', targets: ['bob@remote.example'], keptBy: 'ann@two.example' },
      { address: 'team@two.example', type: 'alias', targets: ['ann@two.example', 'bob@two.example'], keptBy: null },
    ]);
    assert.match(
      (await world.cli(['address', 'list', 'two.example'])).text,
      /sales@two\.example +forward +bob@remote\.example, and a copy to ann@two\.example\n/,
    );
    const refused = async (...words: string[]) => (await world.cli(['address', 'add', 'x@two.example', ...words])).err;
    assert.match(await refused('--forward', 'nobody@two.example'), /\[noSuchAddress\]/);
    assert.match(await refused('--forward', 'X@two.example'), /\[aliasLoop\]/);
    assert.match(await refused('--forward', 'a@b.example', '--keep', 'nobody@two.example'), /\[noSuchAccount\]/);
    assert.match(await refused('--to', 'a@b.example', '--keep', 'ann@two.example'), /--keep is for --forward/);
    assert.match(await refused('--to', 'a@b.example', '--forward', 'a@b.example'), /not both/);
    assert.match(await refused(), /--to ADDRESS or --forward ADDRESS/);
    await world.json(['address', 'remove', 'gone@two.example']);
  });

  void test('a forward that keeps a copy is full when the mailbox is', async () => {
    const { core, principal } = world.context;
    const isFull = async () => {
      const found = await core.query(addresses.ref('sales@two.example'), { kind: 'resolve' }, { principal });
      return found.known && found.full;
    };
    assert.equal(await isFull(), false);
    await world.json(['send', '--from', 'bob@two.example', '--to', 'ann@two.example'], 'x');
    await world.json(['mailbox', 'quota', 'ann@two.example', '1']);
    // A notice tells it: behind the answer, in its own time.
    while (!(await isFull())) await new Promise(setImmediate);
    await world.json(['mailbox', 'quota', 'ann@two.example', 'none']);
  });

  void test('catch-all and postmaster may be elsewhere', async () => {
    await world.json([
      'domain',
      'set',
      'two.example',
      '--catch-all',
      'Me@Old.example',
      '--postmaster',
      'ops@isp.example',
    ]);
    const [row] = (await world.json(['domain', 'list'])).filter((one: any) => one.domain === 'two.example');
    assert.deepEqual([row.catchAll, row.postmaster], ['me@old.example', 'ops@isp.example']);
    await world.json(['domain', 'add', 'three.example', '--catch-all', 'Ann@three.example']);
    const [added] = (await world.json(['domain', 'list'])).filter((one: any) => one.domain === 'three.example');
    assert.equal(added.catchAll, 'ann@three.example');
  });

  void test('removing an account takes its further addresses along and names aliases that dangle', async () => {
    const gone = await world.json(['account', 'remove', 'ann@two.example']);
    assert.deepEqual(gone.releasedAddresses, ['ann@two.example', 'info@two.example']);
    assert.deepEqual(gone.danglingAliases, ['team@two.example']);
    const sales = (await world.json(['address', 'list', 'two.example'])).find((one: any) =>
      one.address.startsWith('sales'),
    );
    assert.deepEqual([sales.targets, sales.keptBy], [['bob@remote.example'], null], 'it goes on without the copy');
    assert.match((await world.cli(['account', 'remove', 'ann@two.example'])).err, /\[noSuchAccount\]/);
    assert.equal((await world.cli(['account', 'add', 'ann@two.example'])).status, 0);
    assert.deepEqual(await world.json(['mailbox', 'list', 'ann@two.example']), []);
  });

  void test('accounts come in bulk, and repeating that makes none twice', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => JSON.stringify({ address: `user${i}@two.example` })).join('\n');
    assert.deepEqual(await world.json(['account', 'import', '-'], lines), { created: 30, existed: 0, failed: 0 });
    assert.deepEqual(await world.json(['account', 'import', '-'], lines), { created: 0, existed: 30, failed: 0 });
    const bad = await world.cli(['account', 'import', '-'], `{"address": "x@no.example"}\n`);
    assert.equal(bad.status, 1);
    assert.match(bad.err, /x@no\.example: no\.example is not a domain/);
    assert.match((await world.cli(['account', 'import', '-'], 'nonsense')).err, /line 1 is no JSON.*\[badAccounts\]/);
  });
});

/** Runs `story` with the node dying behind the n-th command, for n = 0, 1, … until `story` says that it did not die. */
async function cutAnywhere(story: (world: AdminWorld, cut: number) => Promise<boolean>): Promise<number> {
  for (let cut = 0; ; cut++) {
    assert.ok(cut < 20, 'it comes to an end');
    const world = await adminWorld();
    try {
      if (await story(world, cut)) return cut;
    } finally {
      world.failAfterAsks(Number.POSITIVE_INFINITY);
      await world.stop();
    }
  }
}

void test('account add: wherever it is cut off, repeating it finishes it', async () => {
  const steps = await cutAnywhere(async (world, cut) => {
    await world.json(['domain', 'add', 'x.example']);
    world.failAfterAsks(cut);
    const first = await world.cli(['account', 'add', 'ann@x.example', '--password-stdin'], 'first');
    if (first.status === 0) return true;
    assert.match(first.err, /testDied/);
    const second = await world.cli(['account', 'add', 'ann@x.example', '--password-stdin'], 'second');
    assert.equal(second.status, 0, `cut ${cut}: ${second.err}`);
    const [row] = await world.json(['account', 'list']);
    assert.equal(row.state, 'active');
    const { core, principal } = world.context;
    const held = await core.query(accounts.ref(row.accountId), { kind: 'credentials', scope: 'mail' }, { principal });
    assert.deepEqual(
      held.map(({ hash }) => Buffer.from(hash.split('$').at(-1) ?? '', 'base64url').toString()),
      ['second'],
    );
    assert.match((await world.cli(['account', 'add', 'ann@x.example'])).err, /accountExists/);
    return false;
  });
  assert.equal(steps, 5);
});

void test('account remove: wherever it is cut off, repeating it finishes it and the address is free', async () => {
  const steps = await cutAnywhere(async (world, cut) => {
    await world.json(['domain', 'add', 'x.example']);
    await world.json(['account', 'add', 'ann@x.example']);
    await world.json(['address', 'add', 'info@x.example', '--to', 'ann@x.example']);
    await world.json(['address', 'add', 'out@x.example', '--forward', 'a@b.example', '--keep', 'ann@x.example']);
    world.failAfterAsks(cut);
    if ((await world.cli(['account', 'remove', 'ann@x.example'])).status === 0) return true;
    const again = await world.cli(['account', 'remove', 'ann@x.example']);
    assert.equal(again.status, 0, `cut ${cut}: ${again.err}`);
    assert.deepEqual(await world.json(['address', 'list']), [
      { address: 'out@x.example', type: 'forward', targets: ['a@b.example'], keptBy: null },
    ]);
    assert.equal((await world.cli(['account', 'add', 'ann@x.example'])).status, 0);
    return false;
  });
  assert.equal(steps, 8);
});

void test('account add: what an interrupted removal left is not brought to life again', async () => {
  const world = await adminWorld();
  try {
    await world.json(['domain', 'add', 'x.example']);
    await world.json(['account', 'add', 'ann@x.example']);
    // Disabled and released; the mailbox is still there.
    world.failAfterAsks(2);
    await world.cli(['account', 'remove', 'ann@x.example']);
    const said = await world.cli(['account', 'add', 'ann@x.example']);
    assert.match(said.err, /ringpost account remove ann@x\.example.*\[removalUnfinished\]/);
  } finally {
    await world.stop();
  }
});
