import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeXtext, dsnOfMail, dsnOfRcpt } from '../../../../actors/edge/smtp/dsn-parameters.ts';

const parameters = (...pairs: [string, string | null][]): ReadonlyMap<string, string | null> => new Map(pairs);

void test('dsn: nothing was asked for', () => {
  assert.deepEqual(dsnOfMail(parameters(['SIZE', '5'])), { ret: null, envelopeId: null });
  assert.deepEqual(dsnOfRcpt(parameters()), { notify: null, orcpt: null });
});

void test('dsn: xtext is decoded, and cannot break a line', () => {
  assert.equal(decodeXtext('QQ314159+2B+3D+20x'), 'QQ314159+= x');
  assert.equal(decodeXtext('J+C3+B6rg'), 'Jörg');
  assert.equal(decodeXtext('J\\x{F6}rg'), 'Jörg');
  for (const text of ['a+b', 'a+2', 'a+2b', 'a=b', 'a b', 'a+0D+0A', 'a+00', '+FF', '\\x{85}', '+7F'])
    assert.equal(decodeXtext(text), undefined, text);
  assert.equal(decodeXtext('\\x{D800}\\x{FFFFFF}'), '\\x{D800}\\x{FFFFFF}');
});

void test('dsn: RET and ENVID', () => {
  assert.deepEqual(dsnOfMail(parameters(['RET', 'hdrs'], ['ENVID', 'a+2Bb'])), { ret: 'headers', envelopeId: 'a+b' });
  assert.deepEqual(dsnOfMail(parameters(['RET', 'FULL'])), { ret: 'full', envelopeId: null });
  for (const [name, value] of [
    ['RET', null],
    ['RET', 'ALL'],
    ['ENVID', null],
    ['ENVID', 'x'.repeat(101)],
  ] as const)
    assert.equal(dsnOfMail(parameters([name, value])), null, `${name} ${value}`);
});

void test('dsn: NOTIFY and ORCPT', () => {
  assert.deepEqual(dsnOfRcpt(parameters(['NOTIFY', 'Success,FAILURE,delay'], ['ORCPT', 'rfc822;a+2Bb@x']))?.notify, [
    'success',
    'failure',
    'delay',
  ]);
  assert.equal(dsnOfRcpt(parameters(['ORCPT', 'rfc822;a+2Bb@x']))?.orcpt, 'rfc822;a+b@x');
  for (const [name, value] of [
    ['NOTIFY', null],
    ['NOTIFY', 'NEVER,DELAY'],
    ['NOTIFY', 'DELAY,DELAY'],
    ['NOTIFY', 'SOMETIMES'],
    ['NOTIFY', 'DELAY,'],
    ['ORCPT', 'a@x'],
    ['ORCPT', 'rfc822;'],
    ['ORCPT', `rfc822;${'x'.repeat(500)}`],
  ] as const)
    assert.equal(dsnOfRcpt(parameters([name, value])), null, `${name} ${value}`);
});
