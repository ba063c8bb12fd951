import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InvariantError } from '../../../runtime/base/invariant.ts';
import {
  after,
  below,
  isKeyNumber,
  isKeyText,
  joinKey,
  type KeyPart,
  keyParts,
  keyspace,
  type RowKey,
  rowKey,
} from '../../../runtime/store/keys.ts';

const numbers = fc.oneof(
  fc.integer(),
  fc.nat({ max: 300 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.constantFrom(0, 1, 255, 256, 65_536, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER, 1_790_000_000_000),
);
/** Short ones, with control characters in front and inside, beside long ones, which ordered-binary encodes another way. */
const strings = fc.oneof(
  fc.string({
    unit: fc.constantFrom('\x05', '\x1b', '\x1c', ' ', 'a', 'b', 'é', '€', '😀'),
    maxLength: 12,
  }),
  fc.string({
    unit: fc.constantFrom('\x05', '\x1b', 'a', 'b', 'z', '.', '@', 'é', '😀'),
    minLength: 60,
    maxLength: 140,
  }),
  fc.string({ unit: 'binary', maxLength: 100 }).filter(isKeyText),
);
const parts = fc.array(fc.oneof(numbers, strings), { minLength: 1, maxLength: 5 });

/** Numbers in front of strings, strings by their UTF-8 bytes, a prefix in front of what it is a prefix of. */
function compareParts(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = comparePart(a[i] as KeyPart, b[i] as KeyPart);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

function comparePart(a: KeyPart, b: KeyPart): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (typeof a === 'number') return Math.sign(a - (b as number));
  return Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b as string)));
}

const compareKeys = (a: RowKey, b: RowKey): number => (a < b ? -1 : Number(a > b));
/** Lists that begin alike, so that the interesting part is compared. */
const pairs = fc.tuple(parts, parts, parts).map(([head, a, b]) => [
  [...head.slice(1), ...a],
  [...head.slice(1), ...b],
]) as fc.Arbitrary<[KeyPart[], KeyPart[]]>;

void test('keys: the order of keys is the order of their parts', () => {
  fc.assert(
    fc.property(pairs, ([a, b]) => assert.equal(compareKeys(rowKey(a), rowKey(b)), compareParts(a, b))),
    { numRuns: 3000 },
  );
});

void test('keys: the parts come back', () => {
  fc.assert(
    fc.property(parts, (list) => assert.deepEqual(keyParts(rowKey(list)), list)),
    { numRuns: 3000 },
  );
});

void test('keys: what has no place in the order is refused, short or long, alone or at the end', () => {
  const longText = 'x'.repeat(100);
  const texts = ['\0', '\x01', '\x02', '\x03', '\x04', '\ud800', '\udfff', '\udc00\ud800'];
  for (const text of texts.flatMap((bad) => [bad, `a${bad}`, `${bad}a`, longText + bad, `😀${bad}`])) {
    assert.equal(isKeyText(text), false, JSON.stringify(text));
    assert.throws(() => rowKey(['s', 1, text]), InvariantError);
    assert.throws(() => joinKey(rowKey(['s', 1]), [text]), InvariantError);
  }
  for (const number of [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.equal(isKeyNumber(number), false);
    assert.throws(() => rowKey(['s', number]), InvariantError);
  }
  for (const text of ['', '\x05', '\x1b', '😀', longText, `é${longText}`]) assert.equal(isKeyText(text), true);
});

void test('keys: a joined key is the key of all parts', () => {
  fc.assert(fc.property(parts, parts, (a, b) => assert.equal(joinKey(rowKey(a), b), rowKey([...a, ...b]))));
});

void test('keys: below() covers the children of a key and nothing else', () => {
  const isChild = (list: readonly KeyPart[], of: readonly KeyPart[]): boolean =>
    list.length > of.length && of.every((part, i) => part === list[i]);
  fc.assert(
    fc.property(pairs, parts, ([a, b], tail) => {
      const { start, end } = below(rowKey(a));
      for (const list of [a, b, [...a, ...tail], [...b, ...tail], a.slice(0, -1), [...a.slice(0, -1), ...tail]]) {
        if (list.length === 0) continue;
        const key = rowKey(list);
        assert.equal(key >= start && key < end, isChild(list, a), JSON.stringify({ a, list }));
      }
    }),
    { numRuns: 3000 },
  );
});

void test('keys: below() is right for numbers whose bytes hold zeros', () => {
  const numbersWithZeros = [0, 1, 2, 256, 65_536, 2 ** 32, 2 ** 40, 1.5];
  const all = numbersWithZeros.flatMap((n) => [[n], [n, 0], [n, 'x'], [n, '']] as KeyPart[][]);
  for (const n of numbersWithZeros) {
    const { start, end } = below(rowKey(['t', n]));
    const inside = all.filter((list) => rowKey(['t', ...list]) >= start && rowKey(['t', ...list]) < end);
    assert.deepEqual(inside, [
      [n, 0],
      [n, 'x'],
      [n, ''],
    ]);
  }
});

void test('keys: after() is the next key that there can be', () => {
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      const [key, other] = [rowKey(a), rowKey(b)];
      assert.ok(after(key) > key);
      assert.equal(other >= after(key), other > key);
    }),
  );
});

void test('keys: no two keyspaces share a letter', () => {
  const letters = Object.values(keyspace);
  assert.equal(new Set(letters).size, letters.length);
  for (const letter of letters) assert.match(letter, /^[a-z]$/);
});
