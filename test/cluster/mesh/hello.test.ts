/** What nodes say of themselves when a link begins, and the verdict on it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeHandshake,
  encodeHandshake,
  type Hello,
  judgeHello,
  type KnownOfPeer,
} from '../../../cluster/mesh/hello.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { pack, unpack } from '../../../runtime/codec/codec.ts';

const own = { protocol: [2, 3] as const, clusterId: 'c1', generation: 2, node: nodeId('n1') };

const helloOf = (of: Partial<Hello> = {}): Hello => ({
  protocol: [1, 3],
  features: ['later'],
  clusterId: 'c1',
  generation: 2,
  node: nodeId('n2'),
  incarnation: 7,
  marks: [9, 8, 7].map((number) => ({ number, nonce: `x${number}` })),
  address: 'mail.example.org:2580',
  version: '1.2.3',
  linkId: 'abc',
  lane: 'log',
  ...of,
});

const started = (incarnation: number, number: number, nonce: string): KnownOfPeer['record'] => ({
  state: 'member',
  started: { incarnation, mark: { number, nonce }, atMs: 0, version: '1.2.3' },
});

const verdict = (hello: Partial<Hello> = {}, known: Partial<KnownOfPeer> = {}): string | null =>
  judgeHello(own, helloOf(hello), { certificateName: 'n2', record: null, seen: null, ...known })?.code ?? null;

void describe('the verdict on a hello', () => {
  void test('a node of this cluster is taken, known or not', () => {
    assert.equal(verdict(), null);
    assert.equal(
      verdict({}, { record: started(7, 9, 'x9'), seen: { incarnation: 7, mark: { number: 8, nonce: 'x8' } } }),
      null,
    );
    assert.equal(verdict({}, { record: { state: 'leaving', started: null } }), null);
  });

  void test('a certificate of another node is refused', () => {
    assert.equal(verdict({}, { certificateName: 'n3' }), 'wrongName');
  });

  void test('another cluster and another generation of this one are refused', () => {
    assert.equal(verdict({ clusterId: 'c2' }), 'otherCluster');
    assert.equal(verdict({ generation: 1 }), 'otherGeneration');
    assert.equal(verdict({ generation: 3 }), 'otherGeneration');
  });

  void test('versions of the wire must meet', () => {
    assert.equal(verdict({ protocol: [1, 2] }), null);
    assert.equal(verdict({ protocol: [3, 9] }), null);
    assert.equal(verdict({ protocol: [1, 1] }), 'protocolTooOld');
    assert.equal(verdict({ protocol: [4, 5] }), 'protocolTooNew');
  });

  void test('a node does not link with itself', () => {
    assert.equal(verdict({ node: own.node }, { certificateName: own.node }), 'selfLink');
  });

  void test('a removed node is refused', () => {
    assert.equal(verdict({}, { record: { state: 'removed', started: null } }), 'nodeRemoved');
  });

  void test('a disk that lacks a mark that is remembered, or holds another in its place, is an older one', () => {
    // From the map, and from a link of this life.
    assert.equal(verdict({}, { record: started(7, 10, 'x10') }), 'diskOlder');
    assert.equal(verdict({}, { record: started(7, 8, 'other') }), 'diskOlder');
    assert.equal(verdict({}, { seen: { incarnation: 7, mark: { number: 10, nonce: 'x10' } } }), 'diskOlder');
    assert.equal(verdict({}, { seen: { incarnation: 7, mark: { number: 9, nonce: 'other' } } }), 'diskOlder');
    assert.equal(verdict({ marks: [] }, { record: started(1, 1, 'x1') }), 'diskOlder');
    // It has fallen off the list's end: believed.
    assert.equal(verdict({}, { record: started(7, 3, 'anything') }), null);
  });

  void test('an older life is refused, whichever way the newer is known', () => {
    assert.equal(verdict({ incarnation: 6 }, { record: started(7, 9, 'x9') }), 'olderIncarnation');
    assert.equal(verdict({ incarnation: 6 }, { seen: { incarnation: 7, mark: null } }), 'olderIncarnation');
    assert.equal(verdict({ incarnation: 8 }, { record: started(7, 9, 'x9') }), null);
  });

  void test('each refusal names the node and a cure', () => {
    const refusal = judgeHello(own, helloOf(), { certificateName: 'n2', record: started(7, 10, 'x10'), seen: null });
    assert.match(refusal?.text ?? '', /the disk of n2 .* join again/);
  });
});

void describe('what is said on a lane before frames', () => {
  const decode = (value: unknown) => decodeHandshake(unpack(pack(value)), 256);

  void test('comes out as it went in', () => {
    const hello = helloOf();
    for (const said of [
      { kind: 'hello', hello },
      { kind: 'knock', hello },
      { kind: 'ready' },
      { kind: 'refused', refusal: { code: 'nodeRemoved', text: 'why' } },
    ] as const) {
      assert.deepEqual(decode(encodeHandshake(said)), said);
    }
  });

  void test('a newer version may add fields at the end', () => {
    const said = encodeHandshake({ kind: 'hello', hello: helloOf() });
    assert.deepEqual(decode([...said, 'new', { field: 1 }]), { kind: 'hello', hello: helloOf() });
  });

  void test('each field is looked at, and what does not fit is named', () => {
    const said = encodeHandshake({ kind: 'hello', hello: helloOf() });
    const wrong: unknown[] = [null, undefined, -1, 'x'.repeat(2_000), 'a\u001b[2J', [[[]]], { a: 1 }];
    for (let at = 1; at < said.length; at++) {
      for (const value of wrong) assert.equal(typeof decode(said.with(at, value)), 'string', `field ${at}`);
    }
    const many = Array.from({ length: 257 }, (_, number) => [number, 'x']);
    assert.equal(typeof decode(said.with(7, many)), 'string');
    for (const value of [null, 'hello', [], ['ready?'], ['refused', 1, 2], { 0: 'ready' }]) {
      assert.equal(typeof decode(value), 'string');
    }
  });

  void test('whatever is said, it is never thrown at', () => {
    const any = fc.anything({ withDate: false, withMap: false, withSet: false });
    fc.assert(fc.property(any, (value) => void decodeHandshake(value, 256)));
    const said = encodeHandshake({ kind: 'hello', hello: helloOf() });
    fc.assert(fc.property(fc.nat({ max: 11 }), any, (at, value) => void decodeHandshake(said.with(at, value), 256)));
  });
});
