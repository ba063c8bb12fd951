import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDate, receivedLine, type Reception, returnPathLine } from '../../../actors/mail/received.ts';

const reception: Reception = {
  heloName: 'client.example.net',
  clientAddress: '192.0.2.7',
  clientHost: null,
  protocol: 'ESMTPS',
  mailId: '01kabc',
  recipient: 'ann@example.org',
  tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
  hostname: 'mx.example.org',
  nowMs: Date.UTC(2026, 10, 3, 14, 3, 7),
};

void test('a Received line says from whom, by whom, how, for whom and when', () => {
  assert.equal(
    receivedLine(reception),
    [
      'Received: from client.example.net ([192.0.2.7])',
      '\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)',
      '\tby mx.example.org with ESMTPS id 01kabc',
      '\tfor <ann@example.org>;',
      '\tTue, 03 Nov 2026 14:03:07 +0000',
      '',
    ].join('\r\n'),
  );
});

void test('what is not known or not to be told is left out', () => {
  const line = receivedLine({
    ...reception,
    clientAddress: '2001:db8::7',
    clientHost: 'h.example',
    recipient: null,
    tls: null,
  });
  assert.equal(
    line,
    'Received: from client.example.net (h.example [IPv6:2001:db8::7])\r\n\tby mx.example.org with ESMTPS id 01kabc;\r\n\tTue, 03 Nov 2026 14:03:07 +0000\r\n',
  );
  assert.ok(receivedLine({ ...reception, heloName: '' }).startsWith('Received: from unknown ('));
});

void test('the null path is an empty pair of brackets', () => {
  assert.equal(returnPathLine(''), 'Return-Path: <>\r\n');
  assert.equal(returnPathLine('bob@example.net'), 'Return-Path: <bob@example.net>\r\n');
  assert.equal(formatDate(0), 'Thu, 01 Jan 1970 00:00:00 +0000');
});

void test('nothing that a client says breaks a line or begins a field', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a\r\nBcc: x', 'a)\n (b', '\u0000', ';x', '\u2028'),
  );
  fc.assert(
    fc.property(text, text, text, (heloName, recipient, reversePath) => {
      const lines = receivedLine({ ...reception, heloName, recipient, clientAddress: heloName }).split('\r\n');
      assert.equal(lines.length, 6);
      assert.ok(lines.slice(1, 5).every((line) => line.startsWith('\t')));
      for (const line of [...lines, returnPathLine(reversePath).slice(0, -2)]) {
        assert.doesNotMatch(line.replaceAll('\t', ''), /[\r\n\p{Cc}]/u);
        assert.ok(line.length <= 998);
      }
    }),
  );
});
