import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { accounts } from '../../../actors/account/protocol.ts';
import { type AdminWorld, adminWorld } from './admin-world.ts';

void describe('send', () => {
  let world: AdminWorld;
  let directory: string;
  before(async () => {
    world = await adminWorld();
    directory = await mkdtemp(join(tmpdir(), 'ringpost-send-'));
    await world.json(['domain', 'add', 'here.example']);
    await world.json(['account', 'add', 'ann@here.example']);
  });
  after(async () => {
    await world.stop();
    await rm(directory, { recursive: true });
  });
  const file = async (text: string): Promise<string> => {
    await writeFile(join(directory, 'message.eml'), text);
    return join(directory, 'message.eml');
  };
  /** A spool answers before its notices have arrived: asks until there is something, for a bounded number of times. */
  const listed = async (...words: string[]): Promise<any[]> => {
    for (let left = 200; ; left--) {
      const rows = await world.json(words);
      if (rows.length > 0 || left === 0) return rows;
    }
  };
  const shown = async () => {
    const mails = await listed('mailbox', 'list', 'ann@here.example');
    const uid = Math.max(...mails.map((mail) => mail.uid));
    return (await world.cli(['mailbox', 'show', 'ann@here.example', String(uid), '--raw'])).text;
  };

  void test('a text from standard input becomes a mail, for here and elsewhere in one commit', async () => {
    const words = [
      'send',
      '--from',
      'ann@here.example',
      '--to',
      'ann@here.example',
      'bob@there.example',
      '--subject',
      'Grüße',
    ];
    const { id, resend } = await world.json(words, 'Schöne Grüße\nvon hier\n');
    assert.equal(resend, false);
    const raw = await shown();
    assert.match(raw, /\r\nFrom: ann@here\.example\r\n/);
    assert.match(raw, /\r\nSubject: =\?UTF-8\?/);
    assert.match(raw, /\r\nMessage-ID: <[0-9a-z]{26}@mail\.test>\r\n/);
    const rows = await listed('queue', 'list', '--id', id);
    assert.deepEqual(
      rows.map((row) => [row.id, row.domain, row.sender, row.recipients]),
      [[id, 'there.example', 'ann@here.example', ['bob@there.example']]],
    );
    assert.match((await world.cli(['trace', id])).text, /accepted[^]*queued\s+waits for there\.example/);
  });

  void test('a whole mail from a file is sent as it is, with CRLF and what was missing', async () => {
    const path = await file('From: Ann <ann@here.example>\nSubject: whole\n\nline\n');
    const words = ['send', '--from', 'ann@here.example', '--to', 'ann@here.example', '--file', path];
    assert.match((await world.cli(words)).text, /^[0-9a-z]{26} is taken\. What becomes of it: ringpost trace /);
    const raw = await shown();
    assert.match(
      raw,
      /From: Ann <ann@here\.example>\r\nSubject: whole\r\nDate: [^\r]+\r\nMessage-ID: <[^\r]+>\r\n\r\nline\r\n$/,
    );
  });

  void test('the same mail sent again is taken once', async () => {
    const path = await file('From: ann@here.example\nMessage-ID: <once@here.example>\nDate: x\n\nline\n');
    const words = ['send', '--from', 'ann@here.example', '--to', 'bob@there.example', '--file', path];
    const first = await world.json(words);
    assert.deepEqual(await world.json(words), { id: first.id, resend: true });
  });

  void test('what is no mail, names nobody, or an unknown user, is refused with its cure', async () => {
    const from = ['send', '--from', 'ann@here.example'];
    assert.equal((await world.cli(from, 'x')).status, 2);
    assert.equal((await world.cli([...from, '--to', 'nonsense'], 'x')).status, 2);
    assert.match(
      (await world.cli([...from, '--to', 'eve@here.example'], 'x')).err,
      /eve@here\.example.*\[unknownRecipient\]/,
    );
    const path = await file('Subject: nobody\n\nline\n');
    assert.match((await world.cli([...from, '--to', 'ann@here.example', '--file', path])).err, /\[noAuthor\]/);
    const gone = join(directory, 'gone.eml');
    assert.match((await world.cli([...from, '--to', 'ann@here.example', '--file', gone])).err, /\[badFile\]/);
    assert.equal((await world.cli([...from, '--to', 'ann@here.example', '--file', path, '--subject', 'x'])).status, 2);
  });

  void test('account set: copies of sent mail are switched on and off', async () => {
    const savesSent = async () => {
      const [{ accountId }] = await world.json(['account', 'list']);
      const { core, principal } = world.context;
      return (await core.query(accounts.ref(accountId), { kind: 'facts' }, { principal })).savesSent;
    };
    for (const [word, expected] of [
      ['on', true],
      ['off', false],
    ] as const) {
      assert.equal((await world.json(['account', 'set', 'ann@here.example', '--save-sent', word])).savesSent, expected);
      assert.equal(await savesSent(), expected);
    }
    assert.equal((await world.cli(['account', 'set', 'ann@here.example', '--save-sent', 'maybe'])).status, 2);
  });
});
