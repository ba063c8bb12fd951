import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueTopic } from '../../../actors/delivery-domain/due-topic.ts';

void test('what is announced while nobody listens is told to the next who does, once', () => {
  let announce: (key: string) => void = () => undefined;
  const topic = dueTopic(
    {
      watchAnnounced(kind, announced) {
        assert.equal(kind, 'delivery-domain');
        announce = announced;
        return () => undefined;
      },
    },
    'delivery-domain',
  );
  for (const key of ['a', 'b', 'a']) announce(key);
  const first: string[] = [];
  const end = topic((key) => first.push(key));
  announce('c');
  assert.deepEqual(first, ['a', 'b', 'c']);
  end();
  announce('d');
  const second: string[] = [];
  topic((key) => second.push(key));
  assert.deepEqual([first.length, second], [3, ['d']]);
});
