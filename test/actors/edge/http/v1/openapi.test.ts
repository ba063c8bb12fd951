import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiApp } from '../../../../../actors/edge/http/v1/api.ts';
import type { ApiContext } from '../../../../../actors/edge/http/v1/api-context.ts';

const app = apiApp({} as ApiContext, '1.2.3');
const answer = await app.request('/openapi.json');
const document: any = await answer.json();
const operations = Object.entries<Record<string, any>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

void test('the description says which it is', () => {
  assert.equal(answer.status, 200);
  assert.equal(document.openapi, '3.1.0');
  assert.equal(document.info.version, '1.2.3');
});

void test('every route of the API is described, and nothing else is', () => {
  const described = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`);
  const routes = app.routes
    .filter(({ path, method }) => path.startsWith('/v1/') && method !== 'ALL')
    .map(({ path, method }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  assert.deepEqual([...new Set(routes)].sort(), described.sort());
  assert.equal(described.length, 6);
});

void test('each operation has a name of its own, a log-in, its answers, and its errors as problems', () => {
  const names = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(names).size, operations.length);
  for (const { path, operation } of operations) {
    assert.ok(operation.summary, path);
    assert.deepEqual(operation.security, [{ basic: [] }, { bearer: [] }]);
    const statuses = Object.keys(operation.responses);
    assert.equal(statuses.filter((status) => status.startsWith('2')).length, 1);
    for (const status of ['401', '403', '429', '503']) assert.ok(statuses.includes(status), `${path} ${status}`);
    for (const status of statuses.filter((one) => !one.startsWith('2'))) {
      assert.deepEqual(Object.keys(operation.responses[status].content), ['application/problem+json']);
    }
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name));
    const parameters: { in: string; name: string; required: boolean }[] = operation.parameters ?? [];
    const described = parameters.filter((one) => one.in === 'path');
    assert.deepEqual(described.map(({ name }) => name).sort(), inPath.sort(), path);
    assert.ok(described.every(({ required }) => required));
  }
});

void test('every reference leads somewhere, and every pattern is a regular expression', () => {
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === '$ref') {
        const target = String(inner)
          .replace('#/', '')
          .split('/')
          .reduce((at: any, part) => at?.[part], document);
        assert.ok(target, String(inner));
      } else if (name === 'pattern' && typeof inner === 'string') {
        assert.doesNotThrow(() => new RegExp(inner, 'u'));
        assert.doesNotMatch(inner, /\/[a-z]*$/);
      } else look(inner);
    }
  };
  look(document);
  assert.ok(document.components.schemas.NewMessage.properties.from);
  assert.deepEqual(Object.keys(document.components.securitySchemes), ['basic', 'bearer']);
});
