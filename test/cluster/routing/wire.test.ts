/** Frames of calls and notices: what is sent is what arrives, and whatever arrives is taken whole or refused by name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fields } from '../../../cluster/routing/fields.ts';
import { InFlight } from '../../../cluster/routing/in-flight.ts';
import { requireFitting } from '../../../cluster/routing/plain-size.ts';
import {
  answerFrame,
  askFields,
  decodeAnswer,
  decodeAsk,
  decodeQuery,
  decodeRefusal,
  kind,
  type PeerAnswer,
  queryFields,
} from '../../../cluster/routing/wire.ts';
import { decodePiece, inlineBytesMax, pieceFrame, splitBodies } from '../../../cluster/routing/wire-bodies.ts';
import { decodeNotice, decodeNoticed, noticedFrame, noticeFrame } from '../../../cluster/routing/wire-notices.ts';
import type { Principal } from '../../../runtime/actor/actor.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { pack, unpack } from '../../../runtime/codec/codec.ts';
import { bodyHash } from '../../../runtime/store/body-rows.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** As objects come out of msgpackr. */
const record: typeof fc.record = (model: object) => fc.record(model, { noNullPrototype: true }) as never;
const over = (frame: unknown): unknown => unpack(pack(frame));
const bytes = fc.uint8Array({ maxLength: 50 });
const text = fc.string({ maxLength: 60 });
const count = fc.nat();
const principal = record({
  kind: fc.constantFrom<Principal['kind'][]>('node', 'operator', 'account', 'anonymous'),
  id: text,
});
const onTo = fc.constantFrom(null, nodeId('n2'));
const hash = fc.uint8Array({ minLength: 1, maxLength: 9 }).map(bodyHash);

void test('a command arrives as it was sent', () => {
  const request = record({
    ...{ kind: text, key: text, command: record({ kind: text, by: count }) },
    ...{ id: record({ caller: text, seq: count }), settledBelow: count, principal, trace: text },
    ...{ bodies: fc.uniqueArray(record({ hash, bytes }), { selector: (body) => body.hash, maxLength: 3 }) },
    timeoutMs: count.map((ms) => ms % 1_000_000),
  });
  fc.assert(
    fc.property(request, onTo, (of, to) => {
      const fields = askFields(of, to, of.timeoutMs, splitBodies(of.bodies));
      const got = decodeAsk(new Fields(over(fields)));
      const bodies = got.request.bodies.map((body) => ({ hash: body.hash, bytes: new Uint8Array(body.bytes) }));
      assert.deepEqual({ ...got, request: { ...got.request, bodies } }, { onTo: to, request: of, staged: [] });
    }),
  );
});

void test('a query arrives as it was sent', () => {
  const request = record({ kind: text, key: text, query: record({ kind: text }), principal });
  fc.assert(
    fc.property(request, onTo, fc.boolean(), (of, to, local) => {
      const sent = local ? { ...of, local } : of;
      const got = decodeQuery(new Fields(over(queryFields(sent, to))));
      assert.deepEqual(got, { onTo: to, request: sent });
    }),
  );
});

void test('an answer and a refusal arrive as they were sent', () => {
  const outcome = fc.oneof(
    record({ ok: fc.constant(true as const), answer: fc.oneof(text, count, fc.constant(null)) }),
    record({
      ok: fc.constant(true as const),
      answer: text,
      copies: fc.tuple(fc.nat(9), fc.nat(9)),
      asOfMs: count,
    }),
  );
  fc.assert(
    fc.property(outcome, (of) => {
      const frame = over(answerFrame(7, { outcome: of, hint: null, doubt: 'none' })) as unknown[];
      assert.deepEqual(frame.slice(0, 2), [kind.answer, 7]);
      assert.deepEqual(decodeAnswer(new Fields(frame.slice(2))).outcome, of);
    }),
  );
  const error = { code: 'notLeader', transient: true, text: 'elsewhere' };
  for (const hint of [null, nodeId('n2')]) {
    const answer: PeerAnswer = { outcome: { ok: false, error }, hint, doubt: 'open' };
    const frame = over(answerFrame(7, answer)) as unknown[];
    assert.deepEqual(frame.slice(0, 2), [kind.refusal, 7]);
    assert.deepEqual(decodeRefusal(new Fields(frame.slice(2))), answer);
  }
});

void test('a notice, what came of it, and a piece arrive as they were sent', () => {
  const named = fc.array(record({ hash, sizeBytes: count.map((n) => n % 1_000_000) }), { maxLength: 3 });
  const told = record({ kind: text, key: text, notice: record({ kind: text }), bodies: named, trace: text });
  fc.assert(
    fc.property(told, fc.nat(7), fc.nat(7), count, (notice, target, source, seq) => {
      const of = { target: shardId(target), source: shardId(source), seq, notice };
      const frame = over(noticeFrame(3, nodeId('n2'), of, { inline: [], staged: [] })) as unknown[];
      const got = decodeNotice(new Fields(frame.slice(2)), 8);
      assert.deepEqual(got, { onTo: nodeId('n2'), ...of, inline: [], staged: [] });
    }),
  );
  for (const outcome of ['applied', 'notLeader', 'failed', 'bodyNotHere'] as const) {
    assert.equal(decodeNoticed(new Fields(noticedFrame(1, outcome).slice(2))), outcome);
  }
  const piece = { hash: bodyHash(new Uint8Array(1)), sizeBytes: 9, offset: 4, bytes: new Uint8Array([1, 2]) };
  assert.deepEqual(decodePiece(new Fields(pieceFrame(1, piece).slice(2))), piece);
});

void test('whatever a peer sends is decoded or refused by name', () => {
  const item: fc.Arbitrary<unknown> = fc.oneof(
    ...[text, count, fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined), bytes, hash],
    ...[record({ kind: text }), fc.array(fc.oneof(text, count, bytes), { maxLength: 4 })],
  );
  const decoders: ((fields: Fields) => unknown)[] = [
    ...[decodeAsk, decodeQuery, decodeAnswer, decodeRefusal, decodePiece, decodeNoticed],
    (fields) => decodeNotice(fields, 8),
  ];
  fc.assert(
    fc.property(fc.oneof(fc.array(item, { maxLength: 30 }), item), (frame) => {
      for (const decode of decoders) {
        try {
          decode(new Fields(frame));
        } catch (error) {
          assert.ok(error instanceof OperationError && error.code === 'frameRefused', String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});

void test('bodies are split so that a frame holds no more than it may, and none twice', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 * inlineBytesMax), { maxLength: 8 }), (sizes) => {
      const bodies = sizes.map((size, i) => ({ hash: `h${i % 5}`, bytes: { byteLength: size } as Uint8Array }));
      const { inline, staged } = splitBodies(bodies);
      assert.ok(inline.reduce((sum, body) => sum + body.bytes.byteLength, 0) <= inlineBytesMax);
      const names = [...inline, ...staged].map((body) => body.hash);
      assert.deepEqual(names.sort(), [...new Set(bodies.map((body) => body.hash))].sort());
    }),
  );
});

void test('a value is measured before it is sent: about its packed size, and its depth', () => {
  const bounds = { bytesMax: 1_000, depthMax: 4 };
  for (const value of [null, 'x', [[[['x']]]], { a: { b: [1] } }, new Uint8Array(900)]) {
    assert.doesNotThrow(() => requireFitting(value, 'it', bounds));
  }
  const tooMuch = [[[[[['x']]]]], new Uint8Array(1_001), 'x'.repeat(1_001), Array.from({ length: 400 }, () => 'abc')];
  for (const value of tooMuch) assert.throws(() => requireFitting(value, 'it', bounds), { code: 'doesNotFit' });
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const packed = pack(value).byteLength;
      assert.throws(() => requireFitting(value, 'it', { bytesMax: Math.floor(packed / 4) - 1, depthMax: 99 }));
    }),
  );
});

void test('what waits for peers ends once: answered by the right one, lost with its link, late, or not at all', () => {
  const clock = new FakeClock();
  const inFlight = new InFlight<string>({ clock, max: 4, perPeerMax: 3 });
  const ends: string[] = [];
  const [n1, n2] = [nodeId('n1'), nodeId('n2')];
  const add = (to: typeof n1, timeoutMs: number, name: string) =>
    inFlight.add(to, timeoutMs, (end) => ends.push(`${name} ${end.kind === 'answered' ? end.value : end.kind}`));
  const a = add(n1, 100, 'a')!;
  const b = add(n1, 1_000, 'b')!;
  const c = add(n1, 5_000, 'c')!;
  assert.equal(add(n1, 100, 'd'), null, 'no more for that peer');
  const e = add(n2, 5_000, 'e')!;
  assert.equal(add(n2, 100, 'f'), null, 'no more at all');
  assert.equal(inFlight.answered(n2, a, 'forged'), false);
  assert.equal(inFlight.answered(n1, a, 'yes'), true);
  assert.equal(inFlight.answered(n1, a, 'again'), false);
  inFlight.forget(e);
  clock.advance(1_100);
  assert.deepEqual(ends, ['a yes', 'b late']);
  inFlight.unlinked(n1);
  assert.deepEqual(ends, ['a yes', 'b late', 'c lost']);
  assert.equal(inFlight.size, 0);
  assert.ok(!inFlight.isWaiting(b) && !inFlight.isWaiting(c));
  add(n2, 100, 'g');
  inFlight.stop();
  assert.deepEqual(ends.at(-1), 'g lost');
  clock.advance(10_000);
  assert.equal(clock.alarms, 0);
});
