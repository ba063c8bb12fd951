import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../runtime/base/suggest.ts';

void test('suggestions: a slip of the finger is found, another word is not', () => {
  assert.equal(nearest('smpt', ['smtp', 'http']), 'smtp');
  assert.equal(nearest('mailbox.quota', ['mailbox.quotaBytes']), null);
  assert.equal(nearest('mailbox.qoutaBytes', ['mailbox.quotaBytes']), 'mailbox.quotaBytes');
  assert.equal(nearest('zebra', ['smtp', 'http']), null);
});
