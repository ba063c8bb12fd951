/** Which doors a configuration opens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeSpecs } from '../../../actors/edge/edge-specs.ts';
import type { SmtpWorkerConfig } from '../../../actors/edge/smtp/worker.ts';
import { loadConfig } from '../../../runtime/config/load.ts';

function doors(...sets: string[]): string[] {
  const { config } = loadConfig({ sets: ['smtp.threads=1', ...sets] });
  const certificate = { key: '', certificate: '' };
  const specs = edgeSpecs({ config, certificate: () => certificate, dataPath: '', version: '' });
  const smtp = specs.filter(({ name }) => name.startsWith('smtp-'));
  return smtp
    .flatMap((spec) => (spec.config() as SmtpWorkerConfig).listeners)
    .map(({ host, port, tls, role = 'mx', allowsClearAuth = false }) =>
      [host, port, tls, role, allowsClearAuth ? 'clear' : ''].join(' ').trim(),
    );
}

void test('doors: unless told, port 25 is all', () => {
  assert.deepEqual(doors(), [':: 25 starttls mx']);
  assert.deepEqual(doors('smtp.listen=off'), []);
});

void test('doors: accounts come in by 587 with STARTTLS and by 465 with TLS from the first byte', () => {
  assert.deepEqual(doors('smtp.listen=off', 'submission.listen=:587', 'submissions.listen=:465'), [
    ':: 587 starttls submission',
    ':: 465 implicit submission',
  ]);
});

void test('doors: passwords in clear are for submission.listen alone', () => {
  const sets = ['smtp.listen=127.0.0.1:25', 'submission.listen=127.0.0.1:587', 'submissions.listen=127.0.0.1:465'];
  assert.deepEqual(doors(...sets, 'submission.allowClearAuth=true'), [
    '127.0.0.1 25 starttls mx',
    '127.0.0.1 587 starttls submission clear',
    '127.0.0.1 465 implicit submission',
  ]);
});

void test('doors: submission has no other TLS than its port stands for', () => {
  const listen = (key: string, tls: string): (() => void) => {
    const value = JSON.stringify([{ address: ':1587', tls }]);
    return () => void loadConfig({ sets: [`${key}.listen=${value}`] });
  };
  assert.throws(listen('submission', 'none'), /tls "none" is not one of starttls/);
  assert.throws(listen('submissions', 'starttls'), /tls "starttls" is not one of implicit/);
  assert.throws(() => loadConfig({ sets: ['submission.allowClearAuth=yes'] }), /it must be true or false/);
});
