import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryLater } from '../../../runtime/base/errors.ts';
import { openLogger } from '../../../runtime/observe/logger.ts';

void test('a line is one JSON object with time, level, node, fields and text', () => {
  const lines: string[] = [];
  const log = openLogger({ node: 'n1', level: 'info', sink: (line) => lines.push(line) });
  log.debug({}, 'too quiet');
  log.child({ shard: 4 }).warn({ commandId: 'c/7', messageId: 'm', err: tryLater('busy', 'later') }, 'refused');
  assert.equal(lines.length, 1);
  const { time, err, ...rest } = JSON.parse(lines[0]!) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.deepEqual(rest, { level: 'warn', node: 'n1', shard: 4, commandId: 'c/7', messageId: 'm', text: 'refused' });
  assert.equal((err as { readonly code: string }).code, 'busy');
});
