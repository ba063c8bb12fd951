/** That every way in which a server can be wrong has its own count. */
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { compare, isClean, Ledger, type LedgerMail, vanished } from '../support/ledger.ts';

const mail = (number: number, ...boxes: readonly string[]): LedgerMail => ({
  number,
  messageId: `<${number}@x>`,
  mailboxOf: new Map(boxes.map((box) => [box, box])),
});
const stored = (...numbers: readonly number[]) => numbers.map((n, i) => ({ uid: i + 1, messageId: `<${n}@x>` }));

void test('ledger: accepted once everywhere, unknown nowhere or everywhere, refused nowhere is clean', () => {
  const ledger = new Ledger();
  ledger.enter(mail(1, 'a', 'b'), 'accepted');
  ledger.enter(mail(2, 'a', 'b'), 'unknown');
  ledger.enter(mail(3, 'a', 'b'), 'unknown');
  ledger.enter(mail(4, 'a'), 'refused');
  const verdict = compare(
    ledger,
    new Map([
      ['a', stored(1, 2)],
      ['b', stored(1, 2)],
    ]),
  );
  equal(isClean(verdict), true);
  deepEqual([verdict.accepted, verdict.found, verdict.unknown, verdict.unknownFound, verdict.refused], [1, 1, 2, 1, 1]);
});

void test('ledger: an accepted mail that one of its mailboxes has not is lost', () => {
  const ledger = new Ledger();
  ledger.enter(mail(1, 'a', 'b'), 'accepted');
  const verdict = compare(
    ledger,
    new Map([
      ['a', stored(1)],
      ['b', []],
    ]),
  );
  deepEqual([verdict.lost, verdict.found, isClean(verdict)], [1, 0, false]);
  match(verdict.faults[0] ?? '', /^lost: mail 1 <1@x>, copies a:1 b:0$/);
});

void test('ledger: two copies are doubled, whatever was answered', () => {
  const ledger = new Ledger();
  ledger.enter(mail(1, 'a'), 'accepted');
  ledger.enter(mail(2, 'a'), 'unknown');
  const verdict = compare(ledger, new Map([['a', stored(1, 1, 2, 2)]]));
  deepEqual([verdict.doubled, verdict.lost, isClean(verdict)], [2, 0, false]);
});

void test('ledger: refused and found, torn, stray and a UID that does not grow each have their count', () => {
  const ledger = new Ledger();
  ledger.enter(mail(1, 'a'), 'refused');
  ledger.enter(mail(2, 'a', 'b'), 'unknown');
  const box = [...stored(1, 2, 9), { uid: 3, messageId: '<8@x>' }];
  const verdict = compare(
    ledger,
    new Map([
      ['a', box],
      ['b', []],
    ]),
  );
  deepEqual([verdict.refusedFound, verdict.torn, verdict.strays, verdict.uidFaults], [1, 1, 2, 1]);
});

void test('ledger: a refused resend leaves the mail unknown, an accepted one makes it accepted', () => {
  const ledger = new Ledger();
  ledger.enter(mail(1, 'a'), 'unknown');
  ledger.enter(mail(1, 'a'), 'refused');
  equal(ledger.count('unknown'), 1);
  ledger.enter(mail(1, 'a'), 'accepted');
  equal(ledger.count('accepted'), 1);
  equal(compare(ledger, new Map([['a', stored(1)]])).resent, 1);
  throws(() => ledger.enter(mail(1, 'a'), 'accepted'), /not sent again/);
});

void test('ledger: a resend for fewer recipients owes the others nothing and forbids them nothing', () => {
  const ledger = new Ledger();
  ledger.enter(mail(1, 'a', 'b'), 'unknown');
  ledger.enter(mail(1, 'a'), 'accepted');
  equal(
    isClean(
      compare(
        ledger,
        new Map([
          ['a', stored(1)],
          ['b', []],
        ]),
      ),
    ),
    true,
  );
  equal(
    isClean(
      compare(
        ledger,
        new Map([
          ['a', stored(1)],
          ['b', stored(1)],
        ]),
      ),
    ),
    true,
  );
});

void test('ledger: what a list showed stays under its UID', () => {
  const seen = [
    ['a', { uid: 1, messageId: '<1@x>' }],
    ['a', { uid: 2, messageId: '<2@x>' }],
  ] as const;
  deepEqual(vanished(seen, new Map([['a', stored(1, 2, 3)]])), []);
  deepEqual(vanished(seen, new Map([['a', stored(2, 1)]])).length, 2);
});
