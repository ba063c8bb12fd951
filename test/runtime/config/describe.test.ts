import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig, describeConfigJson } from '../../../runtime/config/describe.ts';
import { configKeys } from '../../../runtime/config/keys.ts';

const machine = { hostname: 'mail.example.org', cores: 2 };

void test('every key is described with what it does, what is allowed, its default and its variable', () => {
  const keys = configKeys(machine);
  assert.ok(keys.length >= 15);
  for (const { key, variable, does, form, defaultText } of keys) {
    assert.match(does, /^[A-Z].*\.$/s, key);
    assert.ok(form.length > 0 && defaultText.length > 0, key);
    assert.match(variable, /^RINGPOST_[A-Z][A-Z0-9_]*$/, key);
  }
  assert.equal(new Set(keys.map(({ variable }) => variable)).size, keys.length);
});

void test('the reference is text for people and JSON for programs', () => {
  const keys = configKeys(machine);
  const text = describeConfig(keys);
  assert.match(text, /^smtp\.greetingDelayMs\n {4}Wait before the greeting/m);
  assert.match(text, /Default: 0 · environment: RINGPOST_SMTP_GREETING_DELAY_MS/);
  assert.ok(text.split('\n').every((line) => line.length <= 100));
  const rows = JSON.parse(describeConfigJson(keys)) as { readonly key: string; readonly default: string }[];
  assert.equal(rows.find(({ key }) => key === 'node.id')?.default, 'n1');
});
