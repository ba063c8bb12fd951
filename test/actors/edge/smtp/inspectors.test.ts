/** Inspectors, at work in the edge: accept, refuse, put off, add lines, choose a folder, break. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InspectedMail, inspectMail, type Inspector, type Verdict } from '../../../../actors/inspect/inspector.ts';
import { SmtpWorld } from '../../../support/smtp-edge-world.ts';

const saying = (name: string, verdict: Verdict | (() => never)): Inspector => ({
  name,
  inspect: () => (typeof verdict === 'function' ? verdict() : verdict),
});

async function sendThrough(inspectors: readonly Inspector[]): Promise<{ text: string; world: SmtpWorld }> {
  const world = await SmtpWorld.start({ inspectors });
  try {
    const { text } = await world.send('Subject: looked at\r\n\r\nbody\r\n.\r\n');
    return { text, world };
  } finally {
    await world.stop();
  }
}

void test('inspect: an inspector sees the mail, its envelope and its client', async () => {
  const seen: InspectedMail[] = [];
  await sendThrough([{ name: 'watcher', inspect: async (mail) => (seen.push(mail), { kind: 'accept' }) }]);
  const [mail] = seen;
  assert.equal(Buffer.from(mail?.body ?? []).toString(), 'Subject: looked at\r\n\r\nbody\r\n');
  assert.equal(mail?.header.subject, 'looked at');
  assert.equal(mail?.envelope.reversePath, 'sender@remote.example');
  assert.deepEqual(mail?.recipients, ['ann@example.org']);
  assert.deepEqual(mail?.client, { address: '127.0.0.1', heloName: 'client.example', tls: false });
});

void test('inspect: lines of all inspectors go in front, the last folder wins', async () => {
  const { text, world } = await sendThrough([
    saying('one', { kind: 'accept', headerLines: ['X-One: 1'], folder: 'Junk' }),
    saying('two', { kind: 'accept', headerLines: ['X-Two: 2', 'X-Three: 3'] }),
  ]);
  assert.match(text, /^250/);
  const recipient = world.core.mails[0]?.recipient;
  assert.equal(recipient?.folder, 'Junk');
  assert.match(Buffer.from(recipient?.prefix ?? []).toString(), /\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n$/);
});

void test('inspect: the first that does not accept decides', async () => {
  const never = saying('never', () => assert.fail('is not asked'));
  const no = saying('no', { kind: 'refuse', enhanced: '5.7.1', text: 'not wanted' });
  const later = saying('later', { kind: 'tryLater', enhanced: '4.7.1', text: 'greylisted' });
  assert.equal((await sendThrough([no, never])).text, '550 5.7.1 not wanted');
  const { text, world } = await sendThrough([later, never]);
  assert.equal(text, '451 4.7.1 greylisted');
  assert.deepEqual(world.core.mails, []);
});

void test('inspect: a broken inspector lets nothing through', async () => {
  const broken = saying('broken', () => {
    throw new Error('no connection to the scanner');
  });
  const { text, world } = await sendThrough([broken]);
  assert.equal(text.slice(0, 9), '451 4.3.0');
  assert.match(world.complaints.join(), /no connection to the scanner/);
});

for (const line of ['no colon', 'X: a\r\nY: b', ' X: folded', `X: ${'y'.repeat(1000)}`, 'Ü: x']) {
  void test(`inspect: ${JSON.stringify(line.slice(0, 20))} is no header line`, async () => {
    const bad = saying('bad', { kind: 'accept', headerLines: [line] });
    await assert.rejects(inspectMail([bad], {} as InspectedMail), /bad adds a malformed header line/);
  });
}
