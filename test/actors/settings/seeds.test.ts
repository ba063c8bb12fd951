import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedSettings, settingNames, splitSets } from '../../../actors/settings/seeds.ts';
import { settings } from '../../../actors/settings/settings.ts';
import { loadConfig } from '../../../runtime/config/load.ts';
import { configKeys } from '../../../runtime/config/keys.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const machine = { hostname: 'mail.example.org', cores: 2 };

void test('--set: what is a setting of the cluster is told from a key of the node, and checked at once', () => {
  const { node, cluster } = splitSets([
    'smtp.listen=127.0.0.1:2525',
    ' relay = MX.example.net:25 ',
    'routes.Bücher.example=127.0.0.1:2526',
    'queue.expire=2d',
    'queue.expire=1d',
    'relay.password= a=b ',
    'nonsense',
    'relai=1',
  ]);
  assert.deepEqual(node, ['smtp.listen=127.0.0.1:2525', 'nonsense', 'relai=1']);
  assert.deepEqual(cluster, [
    { key: 'relay', value: 'mx.example.net:25' },
    { key: 'routes.xn--bcher-kva.example', value: '127.0.0.1:2526' },
    { key: 'queue.expire', value: '86400000' },
    { key: 'relay.password', value: ' a=b ' },
  ]);
  assert.throws(() => splitSets(['relay=nowhere']), { code: 'badSetting' });
});

void test('no key is both a node’s and the cluster’s, and a slip in one of the cluster is found', () => {
  const nodeKeys = new Set(configKeys(machine).map(({ key }) => key));
  for (const name of settingNames) assert.ok(!nodeKeys.has(name), name);
  const load = () => loadConfig({ machine, sets: ['relai=127.0.0.1:2526'], alsoKnown: settingNames });
  assert.throws(load, { code: 'unknownConfigKey', message: /relay/ });
});

void test('what is set already stays, and the operator is told', async () => {
  const bench = new ActorBench(settings, { key: 'cluster' });
  const core = { ask: (_ref: unknown, command: never) => Promise.resolve(bench.ask(command)) } as never;
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  await seedSettings(core, splitSets(['relay=127.0.0.1:2526', 'relay.password=s3cret']).cluster, tell);
  assert.equal(bench.query({ kind: 'one', key: 'relay' }).value, '127.0.0.1:2526');
  assert.deepEqual(told, []);
  await seedSettings(core, splitSets(['relay=127.0.0.1:9', 'relay.password=other']).cluster, tell);
  assert.equal(bench.query({ kind: 'one', key: 'relay' }).value, '127.0.0.1:2526');
  assert.match(
    told.join('\n'),
    /^relay stays at "127\.0\.0\.1:2526".*ringpost set relay\nrelay\.password stays at "set"/,
  );
});
