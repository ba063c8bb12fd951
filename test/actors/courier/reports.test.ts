/** What a sender is told (RFC 3464), and that he is told once. */
import assert from 'node:assert/strict';
import PostalMime from 'postal-mime';
import { test } from 'node:test';
import { formatReport } from '../../../actors/courier/reports.ts';
import type { Report } from '../../../actors/delivery-domain/protocol.ts';
import { refused, tryLater } from '../../../runtime/base/errors.ts';
import { courierWorld } from '../../support/courier-world.ts';
import { loopTurns, until } from '../../support/smtp-until.ts';

const original = Buffer.from('From: ann@here.example\r\nSubject: hello\r\n\r\nsecret text\r\n');

function reportOf(changes: Partial<Report> = {}): Report {
  return {
    reportId: 'r1',
    kind: 'failure',
    atMs: Date.UTC(2026, 10, 3, 14, 3, 7),
    mailId: 'mail-1',
    envelope: { reversePath: 'ann@here.example', submitter: null, tenant: null, stream: null, tags: [] },
    dsn: { ret: null, envelopeId: 'QQ1' },
    body: { hash: 'h', sizeBytes: original.length },
    arrivedAtMs: Date.UTC(2026, 10, 3, 14, 3, 0),
    recipients: [
      {
        ...{ address: 'bob@there.example', outcome: 'failed', code: 550, enhanced: '5.1.1', text: 'who is that?' },
        ...{ orcpt: 'rfc822;Bob@there.example', mx: 'mx.there.example', willRetryUntilMs: null },
      },
    ],
    ...changes,
  };
}

const header = { isWhole: false, bytes: original.subarray(0, 42) };
const textOf = (report: Report, part = header): string =>
  Buffer.from(formatReport(report, part, 'here.example').bytes).toString();

void test('a failure, word by word', () => {
  assert.equal(
    textOf(reportOf()),
    [
      'From: Mail delivery <mailer-daemon@here.example>',
      'To: <ann@here.example>',
      'Subject: Undelivered mail: returned to its sender',
      'Date: Tue, 03 Nov 2026 14:03:07 +0000',
      'Message-ID: <r1.report@here.example>',
      'Auto-Submitted: auto-replied',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status;',
      '\tboundary="=_r1"',
      '',
      '--=_r1',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      'This is the mail server here.example.',
      '',
      'Your mail could not be delivered to the recipients below. It will not be tried again.',
      '',
      '  <bob@there.example> (mx.there.example)',
      '    550 5.1.1 who is that?',
      '',
      '--=_r1',
      'Content-Type: message/delivery-status',
      'Content-Transfer-Encoding: 7bit',
      '',
      'Reporting-MTA: dns; here.example',
      'Original-Envelope-Id: QQ1',
      'Arrival-Date: Tue, 03 Nov 2026 14:03:00 +0000',
      '',
      'Original-Recipient: rfc822;Bob@there.example',
      'Final-Recipient: rfc822; bob@there.example',
      'Action: failed',
      'Status: 5.1.1',
      'Remote-MTA: dns; mx.there.example',
      'Diagnostic-Code: smtp; 550 5.1.1 who is that?',
      '',
      '--=_r1',
      'Content-Type: text/rfc822-headers',
      'Content-Transfer-Encoding: 8bit',
      '',
      'From: ann@here.example',
      'Subject: hello',
      '',
      '',
      '--=_r1--',
      '',
    ].join('\r\n'),
  );
});

void test('a reader of MIME finds its three parts', async () => {
  const { bytes } = formatReport(reportOf(), { isWhole: true, bytes: original }, 'here.example');
  const mail = await PostalMime.parse(bytes, { forceRfc822Attachments: true });
  assert.match(mail.text ?? '', /bob@there\.example/);
  const types = mail.attachments.map(({ mimeType }) => mimeType);
  assert.deepEqual(types, ['message/delivery-status', 'message/rfc822']);
});

void test('delay names the end of the trying; success says handed over', () => {
  const [recipient] = reportOf().recipients;
  const willRetryUntilMs = Date.UTC(2026, 10, 8);
  const delay = textOf(
    reportOf({ kind: 'delay', recipients: [{ ...recipient!, code: 451, enhanced: '', willRetryUntilMs }] }),
  );
  assert.match(delay, /\r\nAction: delayed\r\nStatus: 4\.0\.0\r\n/);
  assert.match(delay, /\r\nWill-Retry-Until: Sun, 08 Nov 2026 00:00:00 \+0000\r\n/);
  const success = textOf(reportOf({ kind: 'success', recipients: [{ ...recipient!, code: 250, enhanced: '2.0.0' }] }));
  assert.match(success, /\r\nAction: relayed\r\nStatus: 2\.0\.0\r\n/);
});

void test('no text of a server ends its field, and words of ours are no diagnostic code', () => {
  const [recipient] = reportOf().recipients;
  const text = `x\r\nAction: delivered\r\n\r\n--=_r1--\r\n${'y'.repeat(5_000)}`;
  const report = textOf(reportOf({ recipients: [{ ...recipient!, text, address: 'b\r\nX: y@z', mx: 'a\r\nb' }] }));
  assert.equal(report.includes('\r\nAction: delivered'), false);
  assert.equal(report.includes('\r\nX: y'), false);
  assert.ok(report.split('\r\n').every((line) => line.length < 998));
  assert.equal(textOf(reportOf({ recipients: [{ ...recipient!, code: 0 }] })).includes('Diagnostic-Code'), false);
});

void test('addresses beyond ASCII: the types of RFC 6533', () => {
  const [recipient] = reportOf().recipients;
  const report = textOf(reportOf({ recipients: [{ ...recipient!, address: 'böb@there.example' }] }));
  assert.match(report, /report-type=global-delivery-status/);
  assert.match(report, /\r\nFinal-Recipient: utf-8; böb@there\.example\r\n/);
});

void test('a report is submitted and the queue told; the same one again has the same bytes', async (t) => {
  const { core, submitted } = await courierWorld(t);
  const body = core.body(original);
  core.fail('reported', tryLater('busy', 'x'));
  core.report('there.example', reportOf({ body }));
  await until(() => core.reported.includes('r1'));
  assert.deepEqual([submitted.length, submitted[0]?.to], [2, 'ann@here.example']);
  assert.deepEqual(submitted[0]?.bytes, submitted[1]?.bytes);
  const text = Buffer.from(submitted[0]!.bytes).toString();
  assert.ok(text.includes('Subject: hello') && !text.includes('secret text'));
});

void test('RET=FULL brings a failed mail back whole', async (t) => {
  const { core, submitted } = await courierWorld(t);
  const dsn = { ret: 'full', envelopeId: null } as const;
  core.report('there.example', reportOf({ body: core.body(original), dsn }));
  await until(() => submitted.length === 1);
  assert.ok(Buffer.from(submitted[0]!.bytes).toString().includes('secret text'));
});

void test('a submission that may work later is tried again; a sender who does not exist gets none', async (t) => {
  const answers = [tryLater('busy', 'x'), refused('unknownRecipient', 'x')];
  let tries = 0;
  const { core, logged } = await courierWorld(t, {
    submit: () => {
      const error = answers[tries++];
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
  });
  core.report('there.example', reportOf({ body: core.body(original) }));
  await until(() => core.reported.includes('r1'));
  assert.equal(tries, 2);
  assert.ok(logged.some((line) => line.includes('a report is dropped')));
});

void test('never a report about a report', async (t) => {
  const { core, submitted } = await courierWorld(t);
  const envelope = { ...reportOf().envelope, reversePath: '' };
  core.report('there.example', reportOf({ body: core.body(original), envelope }));
  await until(() => core.reported.includes('r1'));
  await loopTurns(20);
  assert.equal(submitted.length, 0);
});
