import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shardOf } from '../../../runtime/actor/shard.ts';

void test('golden: an actor belongs to the same shard for ever', () => {
  const golden: readonly (readonly [string, string, number])[] = [
    ['mailbox', 'm1', 1],
    ['address', 'ann@example.org', 10],
    ['settings', 'cluster', 138],
    ['spool', 'ünï', 170],
  ];
  for (const [kind, key, shard] of golden) assert.equal(shardOf(kind, key, 256), shard);
});

void test('a thousand actors spread over all shards, none far over its share', () => {
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) counts[shardOf('mailbox', `m${i}`, 16)]!++;
  assert.ok(Math.min(...counts) > 850 && Math.max(...counts) < 1_150, String(counts));
});

void test('kind and key are told apart: neither can imitate the other', () => {
  assert.notEqual(shardOf('ab', 'c', 2 ** 31), shardOf('a', 'bc', 2 ** 31));
});
