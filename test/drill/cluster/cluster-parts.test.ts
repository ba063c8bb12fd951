/** The parts of the drill with several nodes that decide by themselves. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from '../chance.ts';
import { ClusterMailMaker } from './cluster-mails.ts';
import { firstDifference } from './cluster-reading.ts';
import { annotated } from './evidence.ts';
import { percentiles } from './failover.ts';
import { drawFault, faultKinds } from './fault-plan.ts';
import { Books, outcomeOf, wrongIn } from './sending.ts';

const reply = (code: number, text = '') => ({ kind: 'reply', code, text, lines: [text] }) as const;
const lost = { kind: 'lost', cause: 'connection closed' } as const;

void test('faults: the same seed draws the same ones, all kinds come, and each within its bounds', () => {
  const draw = (seed: number) => {
    const chance = new Chance(seed);
    return Array.from({ length: 400 }, () => drawFault(chance, faultKinds));
  };
  deepEqual(draw(3), draw(3));
  const faults = draw(3);
  deepEqual(new Set(faults.map(({ kind }) => kind)), new Set(faultKinds));
  for (const { kind, holdMs } of faults) {
    equal(holdMs <= 10_000, true);
    if (kind === 'stop') equal(holdMs >= 500, true);
  }
  const mean = faults.reduce((sum, { holdMs }) => sum + holdMs, 0) / faults.length;
  equal(mean < 2_500, true, `a hundred fit into ten minutes, so they are short: ${mean} ms`);
});

void test('faults: only the wanted kinds come', () => {
  const chance = new Chance(1);
  const kinds = new Set(Array.from({ length: 50 }, () => drawFault(chance, ['stop', 'delay']).kind));
  deepEqual([...kinds].sort(), ['delay', 'stop']);
});

void test('outcome: 4xx to the final dot leaves the mail unknown; 5xx, and 4xx before it, refuse it', () => {
  equal(outcomeOf({ outcome: 'refused', step: 'dot', answer: reply(451) }), 'unknown');
  equal(outcomeOf({ outcome: 'refused', step: 'dot', answer: reply(554) }), 'refused');
  equal(outcomeOf({ outcome: 'refused', step: 'rcpt', answer: reply(451) }), 'refused');
  equal(outcomeOf({ outcome: 'unknown', step: 'dot', answer: lost }), 'unknown');
  equal(outcomeOf({ outcome: 'accepted', step: 'dot', answer: reply(250) }), 'accepted');
});

void test('answers: 5xx for a known recipient and 250 for an unknown one are wrong, whatever fault there was', () => {
  const mail = { number: 7, to: ['a@x', 'nobody@x'], mailboxOf: new Map([['a@x', 'a@x']]) };
  deepEqual(wrongIn(mail, ['a@x'], ['550 unknown']), []);
  deepEqual(wrongIn(mail, [], ['550 unknown']), []);
  match(wrongIn(mail, [], ['550 unknown', '550 unknown']).join(), /mail 7: refused for good/);
  match(wrongIn(mail, ['a@x', 'nobody@x'], []).join(), /mail 7: unknown nobody@x was taken/);
});

void test('percentiles: p99 of a hundred is the last but one, and nothing at all is zero', () => {
  const ms = Array.from({ length: 100 }, (_, i) => (100 - i) * 1000);
  deepEqual(percentiles(ms), { count: 100, p50: 50, p99: 99, max: 100 });
  deepEqual(percentiles([]), { count: 0, p50: 0, p99: 0, max: 0 });
});

void test('reading: the first place where two lists differ is named', () => {
  const mail = (uid: number, messageId = `<${uid}@x>`) => ({ uid, messageId });
  equal(firstDifference([mail(1), mail(2)], [mail(1), mail(2)]), null);
  equal(firstDifference([mail(1), mail(2)], [mail(1)]), 'at place 2, 2 <2@x> and -');
  equal(firstDifference([mail(1)], [mail(1, '<9@x>')]), 'at place 1, 1 <1@x> and 1 <9@x>');
});

void test('evidence: a lost mail is told with who took it and the fault beside it', () => {
  const books = new Books();
  books.enter({ number: 4, messageId: '<4@x>', mailboxOf: new Map([['a', 'a']]) }, 'accepted', 'n2');
  const { atMs } = books.takenBy.get(4)!;
  const fault = { nr: 3, kind: 'kill', victim: 'n1', text: 'n1', probes: [], backMs: null } as const;
  const records = [{ ...fault, atMs: atMs - 250, healedMs: atMs + 750 }];
  const told = annotated('lost: mail 4 <4@x>, copies a:0', books, records, atMs - 2000);
  equal(told, 'lost: mail 4 <4@x>, copies a:0; 250 from n2 at 2.000 s, 0.250 s from fault 3 (kill n1, 1.000 s long)');
  equal(annotated('stray: x', books, records, 0), 'stray: x');
});

void test('mails: a probe is for one mailbox, and is made again from its number alone', () => {
  const maker = new ClusterMailMaker(5, new Map([['a@x', 'a@x']]), 'x');
  const probe = maker.makeProbe('a@x');
  deepEqual(maker.make(probe.number), probe);
  deepEqual([...probe.mailboxOf], [['a@x', 'a@x']]);
  equal(maker.make(1).number, 1);
});
