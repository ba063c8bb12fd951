import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mailboxes } from '../../../actors/mailbox/protocol.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { type AdminWorld, adminWorld } from './admin-world.ts';

const mail = (subject: string, text = 'Hello.'): string =>
  `From: bob@example.net\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.net>\r\n\r\n${text}\r\n`;

void describe('mailbox list, show, import, export', () => {
  let world: AdminWorld;
  before(async () => {
    world = await adminWorld();
    await world.json(['domain', 'add', 'x.example']);
    for (const name of ['ann', 'bob', 'eve']) await world.json(['account', 'add', `${name}@x.example`]);
  });
  after(() => world.stop());

  async function deliver(to: string, bytes: Uint8Array, prefix: string): Promise<string> {
    const { core, principal } = world.context;
    const [account] = (await world.json(['account', 'list'])).filter((row: any) => row.address === to);
    const rows = await core.query(mailboxes.ref(await mailboxId(to)), { kind: 'summary' }, { principal });
    assert.equal(rows.accountId, account.accountId);
    const body = { hash: bodyHash(bytes), sizeBytes: bytes.byteLength };
    const mailId = `mail-${body.hash.slice(0, 8)}`;
    const envelope = { reversePath: 'bob@example.net', submitter: null, tenant: null, stream: null, tags: [] };
    const header = { subject: 'delivered', from: 'bob@example.net', messageId: 'd@example.net' };
    const message = { mailId, body, header, envelope, receivedAtMs: 1_700_000_000_123 };
    const recipient = {
      mailboxId: await mailboxId(to),
      address: to,
      prefix: new Uint8Array(Buffer.from(prefix)),
      folder: 'INBOX',
      fingerprint: null,
    };
    const bodies = [{ hash: body.hash, bytes }];
    await core.ask(mailboxes.ref(recipient.mailboxId), { kind: 'deliver', message, recipient }, { principal, bodies });
    return mailId;
  }

  async function mailboxId(address: string): Promise<string> {
    const { addresses } = await import('../../../actors/address/protocol.ts');
    const { core, principal } = world.context;
    const found = await core.query(addresses.ref(address), { kind: 'resolve' }, { principal });
    assert.ok(found.known && found.target.type === 'mailbox');
    return found.target.mailboxId;
  }

  void test('a mail is listed as scripts expect it and comes back byte for byte', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, i) => (i * 31) % 256);
    const prefix = 'Return-Path: <bob@example.net>\r\n';
    await deliver('ann@x.example', bytes, prefix);
    const [row] = await world.json(['mailbox', 'list', 'ann@x.example']);
    assert.deepEqual(
      { ...row, mailId: '' },
      {
        uid: 1,
        folder: 'INBOX',
        size: bytes.byteLength + prefix.length,
        flags: [],
        subject: 'delivered',
        messageId: 'd@example.net',
        receivedAt: '2023-11-14T22:13:20.123Z',
        from: 'bob@example.net',
        mailId: '',
      },
    );
    const stored = await world.cli(['mailbox', 'show', 'ann@x.example', '1', '--raw']);
    assert.ok(stored.out.equals(Buffer.concat([Buffer.from(prefix), bytes])));
    for (const option of ['--as-received', '--body-only']) {
      const received = await world.cli(['mailbox', 'show', 'ann@x.example', '1', option]);
      assert.ok(received.out.equals(bytes), option);
    }
  });

  void test('a mail cannot command the terminal of who looks at it', async () => {
    const bytes = new Uint8Array(Buffer.from('Subject: x\r\n\r\n\x1b]0;owned\x07\r\n'));
    await deliver('eve@x.example', bytes, '');
    const said = await world.cli(['mailbox', 'show', 'eve@x.example', '1']);
    assert.equal(said.status, 0);
    assert.ok(!said.text.includes('\x1b'));
    assert.match(said.text, /\\u001b\]0;owned/);
  });

  void test('refusals: no such message, folder, address; a UID that is none', async () => {
    assert.match((await world.cli(['mailbox', 'show', 'ann@x.example', '99', '--raw'])).err, /\[noSuchMessage\]/);
    const folder = await world.cli(['mailbox', 'list', 'ann@x.example', '--folder', 'Inbex']);
    assert.match(folder.err, /INBOX.*\[noSuchFolder\]/);
    assert.match((await world.cli(['mailbox', 'list', 'zoe@x.example'])).err, /\[noSuchAddress\]/);
    assert.equal((await world.cli(['mailbox', 'show', 'ann@x.example', 'one'])).status, 2);
  });

  void test('import of an mbox keeps flags, dates, order and equal mails, and repeating it doubles nothing', async () => {
    const path = join(world.directory, 'old.mbox');
    const entry = (subject: string, extra = ''): string =>
      `From bob@example.net Thu Nov 20 14:03:07 2025\n${extra}${mail(subject).replaceAll('\r\n', '\n')}\n`;
    const entries = [
      entry('one', 'Status: RO\nX-Status: F\nX-Keywords: later\n'),
      entry('two'),
      entry('two'),
      entry('three').replace('Hello.', '>From here\n>>From there'),
    ];
    await writeFile(path, entries.join(''));
    const words = ['mailbox', 'import', 'bob@x.example', path, '--folder', 'Old/2025'];
    assert.deepEqual(await world.json(words), { imported: 4, repeated: 0, refused: 0 });
    assert.deepEqual(await world.json(words), { imported: 0, repeated: 4, refused: 0 });
    const rows = await world.json(['mailbox', 'list', 'bob@x.example', '--folder', 'Old/2025']);
    assert.deepEqual(
      rows.map((row: any) => [row.uid, row.subject]),
      [
        [1, 'one'],
        [2, 'two'],
        [3, 'two'],
        [4, 'three'],
      ],
    );
    assert.deepEqual(rows[0].flags, ['\\Flagged', '\\Seen', 'later']);
    assert.equal(rows[0].receivedAt, '2025-11-20T14:03:07.000Z');
    const raw = await world.cli(['mailbox', 'show', 'bob@x.example', '4', '--folder', 'Old/2025', '--raw']);
    assert.equal(raw.text, mail('three', 'From here\r\n>From there'));
  });

  void test('export and import again: mbox, Maildir and .eml give the same bytes, folders, flags and dates', async () => {
    const before = await world.json(['mailbox', 'list', 'bob@x.example']);
    for (const [format, target] of [
      ['mbox', 'out-mbox/'],
      ['maildir', 'out-maildir'],
      ['eml', 'out-eml'],
    ] as const) {
      const path = join(world.directory, target) + (target.endsWith('/') ? '/' : '');
      const done = await world.json(['mailbox', 'export', 'bob@x.example', path, '--format', format]);
      assert.equal(done.written, before.length);
      const again = await world.cli(['mailbox', 'export', 'bob@x.example', path, '--format', format]);
      assert.match(again.err, /\[targetExists\]/);
      const account = `${format}@x.example`;
      await world.json(['account', 'add', account]);
      assert.equal((await world.json(['mailbox', 'import', account, path])).imported, before.length);
      const after = await world.json(['mailbox', 'list', account]);
      const kept = ({ folder, subject, size, receivedAt, flags }: any) => ({
        ...{ folder, subject, size },
        ...(format === 'eml'
          ? {}
          : { receivedAt, flags: flags.filter((f: string) => format === 'mbox' || f[0] === '\\') }),
      });
      assert.deepEqual(after.map(kept), before.map(kept), format);
    }
  });

  void test('one mbox file refuses several folders, and takes one', async () => {
    const path = join(world.directory, 'in.mbox');
    await writeFile(path, `From a@b.example Thu Nov 20 14:03:07 2025\n${mail('four').replaceAll('\r\n', '\n')}\n`);
    await world.json(['mailbox', 'import', 'bob@x.example', path]);
    const target = join(world.directory, 'all.mbox');
    const said = await world.cli(['mailbox', 'export', 'bob@x.example', target]);
    assert.match(said.err, /INBOX, Old\/2025.*\[severalFolders\]/);
    await world.json(['mailbox', 'export', 'bob@x.example', target, '--folder', 'INBOX']);
    assert.match(await readFile(target, 'utf8'), /^From MAILER-DAEMON Thu Nov 20 14:03:07 2025\nFrom: bob@/);
    assert.deepEqual(
      (await readdir(world.directory)).filter((name) => name.endsWith('.part')),
      [],
    );
  });

  void test('import of a foreign Maildir reads new/ and cur/, flags and dates, and makes CRLF of LF', async () => {
    const path = join(world.directory, 'Maildir');
    for (const part of ['cur', 'new', 'tmp', '.Lists.dev/cur']) await mkdir(join(path, part), { recursive: true });
    await writeFile(join(path, 'new', '1600000000.1.host'), 'Subject: fresh\n\nx\n');
    await writeFile(join(path, 'cur', '1500000000.2.host:2,RS'), 'Subject: seen\r\n\r\nx\r\n');
    await writeFile(join(path, '.Lists.dev', 'cur', '1.3.host:2,F'), 'Subject: list\n\nx\n');
    await utimes(join(path, 'new', '1600000000.1.host'), 1_600_000_000, 1_600_000_000);
    await world.json(['account', 'add', 'mia@x.example']);
    assert.equal((await world.json(['mailbox', 'import', 'mia@x.example', path])).imported, 3);
    const rows = await world.json(['mailbox', 'list', 'mia@x.example']);
    assert.deepEqual(
      rows.map(({ folder, subject, flags }: any) => [folder, subject, flags]),
      [
        ['INBOX', 'seen', ['\\Answered', '\\Seen']],
        ['INBOX', 'fresh', []],
        ['Lists/dev', 'list', ['\\Flagged']],
      ],
    );
    assert.equal(rows[1].receivedAt, '2020-09-13T12:26:40.000Z');
    const raw = await world.cli(['mailbox', 'show', 'mia@x.example', '2', '--raw']);
    assert.equal(raw.text, 'Subject: fresh\r\n\r\nx\r\n');
  });

  void test('import says what it cannot read, and what was refused', async () => {
    const nothing = await world.cli(['mailbox', 'import', 'ann@x.example', join(world.directory, 'nowhere')]);
    assert.match(nothing.err, /\[badFile\]/);
    const odd = join(world.directory, 'odd.bin');
    await writeFile(odd, 'not a mailbox');
    assert.match((await world.cli(['mailbox', 'import', 'ann@x.example', odd])).err, /\[unknownFormat\]/);
    await world.json(['mailbox', 'quota', 'eve@x.example', '1']);
    const full = await world.cli(['mailbox', 'import', 'eve@x.example', join(world.directory, 'old.mbox')]);
    assert.equal(full.status, 1);
    assert.match(full.text, /0 imported, 0 were there already, 4 refused/);
    assert.match(full.err, /overQuota.*\[partlyImported\]/);
  });

  void test('folders and quota are shown', async () => {
    await world.json(['mailbox', 'quota', 'bob@x.example', '2G']);
    const said = await world.cli(['mailbox', 'folders', 'bob@x.example']);
    assert.match(said.text, /Old\/2025\s+4/);
    assert.match(said.text, /5 mails, .*, quota 2\.0 GiB/);
    assert.equal((await world.cli(['mailbox', 'quota', 'bob@x.example', 'much'])).status, 2);
  });

  void test('trace tells the story of a mail by its id and by address, and refuses what nobody knows', async () => {
    const mailId = await deliver('ann@x.example', new Uint8Array(Buffer.from('Subject: traced\r\n\r\n')), '');
    const [story] = await world.json(['trace', mailId]);
    assert.equal(story.mailId, mailId);
    assert.deepEqual(
      story.events.map((event: any) => event.kind),
      ['accepted', 'delivered'],
    );
    const byAddress = await world.cli(['trace', 'ann@x.example', '--last', '1']);
    assert.match(byAddress.text, new RegExp(`^${mailId}\\n {2}\\S+Z {2}accepted`));
    await world.json(['address', 'add', 'one@x.example', '--to', 'ann@x.example', '--to', 'bob@x.example']);
    await world.json(['address', 'add', 'two@x.example', '--to', 'one@x.example', '--to', 'eve@x.example']);
    const ofAlias = (await world.json(['trace', 'two@x.example'])) as { mailId: string }[];
    assert.ok(
      ofAlias.some((each) => each.mailId === mailId),
      'an alias of an alias leads to it',
    );
    await world.json(['address', 'add', 'out@x.example', '--forward', 'a@b.example', '--keep', 'ann@x.example']);
    const ofForward = (await world.json(['trace', 'out@x.example'])) as { mailId: string }[];
    assert.ok(
      ofForward.some((each) => each.mailId === mailId),
      'a forward leads to what it keeps',
    );
    assert.match((await world.cli(['trace', 'nothing'])).err, /\[noTrace\]/);
    assert.match((await world.cli(['trace', '<nobody@example.net>'])).err, /\[noTrace\]/);
  });

  void test('the admin socket is for its owner only', async () => {
    const { mode } = await stat(join(world.directory, 'admin.sock'));
    assert.equal(mode & 0o777, 0o600);
    assert.deepEqual(
      (await readdir(world.directory)).filter((name) => name.startsWith('.admin-')),
      [],
    );
  });
});
