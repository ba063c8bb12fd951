import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dropFirstSettings, keepFirstSettings, readFirstSettings } from '../../../runtime/config/first-settings.ts';
import { loadConfig } from '../../../runtime/config/load.ts';
import { findNodeFile, keepInNodeFile } from '../../../runtime/config/node-file.ts';

const machine = { hostname: 'mail.example.org', cores: 4 };

function emptyDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ringpost-node-file-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const load = (
  data: string,
  more: { sets?: string[]; env?: Record<string, string>; defaults?: Record<string, string> } = {},
) =>
  loadConfig({
    machine,
    withNodeFile: true,
    env: more.env ?? {},
    sets: [...(more.sets ?? []), `data=${data}`],
    defaults: more.defaults ?? {},
  });

void test('what was given when the node was made holds at each start', (t) => {
  const data = join(emptyDirectory(t), 'n2');
  const path = keepInNodeFile(data, [
    'node.id=n2',
    'smtp.listen=127.0.0.1:2526, [::1]:2526',
    'smtp.threads=1',
    `data=${data}`,
  ]);
  assert.equal(path, join(data, 'ringpost.toml'));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { config, sources } = load(data);
  assert.deepEqual([config.node.id, config.smtp.threads, config.smtp.listen.length], ['n2', 1, 2]);
  assert.equal(sources.get('smtp.threads'), path);
  assert.match(readFileSync(path, 'utf8'), /^# What belongs to the node of this directory/);
});

void test('it goes over defaults, and below the environment and --set', (t) => {
  const data = emptyDirectory(t);
  keepInNodeFile(data, ['node.id=file', 'hostname=file.example.org', 'smtp.listen=127.0.0.1:1']);
  const { config } = load(data, {
    sets: ['node.id=set'],
    env: { RINGPOST_HOSTNAME: 'env.example.org' },
    defaults: { 'smtp.listen': '127.0.0.1:2' },
  });
  assert.deepEqual([config.node.id, config.hostname, config.smtp.listen[0]?.port], ['set', 'env.example.org', 1]);
});

void test('a file that is named is read in its place; nobody who does not ask for it reads it', (t) => {
  const data = emptyDirectory(t);
  keepInNodeFile(data, ['node.id=n2', 'smtp.threads=7']);
  const file = join(data, 'other.toml');
  writeFileSync(file, '[node]\nid = "n3"\n');
  const { config } = loadConfig({ machine, file, withNodeFile: true, sets: [`data=${data}`] });
  assert.deepEqual([config.node.id, config.smtp.threads], ['n3', 2]);
  assert.equal(loadConfig({ machine, sets: [`data=${data}`] }).config.node.id, 'n1');
});

void test('keys that an operator wrote stay, and the later word for one key holds', (t) => {
  const data = emptyDirectory(t);
  const path = join(data, 'ringpost.toml');
  writeFileSync(
    path,
    'hostname = "mail.example.net"\n[smtp]\nlisten = [{ address = ":25", tls = "none" }]\nthreads = 3\n',
  );
  keepInNodeFile(data, ['smtp.threads=2', 'node.id=n1', 'node.id=n2']);
  const { config } = load(data);
  assert.deepEqual([config.hostname, config.smtp.threads, config.node.id], ['mail.example.net', 2, 'n2']);
  assert.equal(config.smtp.listen[0]?.tls, 'none');
});

void test('a file that says all of it already is not touched, and nothing to keep makes none', (t) => {
  const data = emptyDirectory(t);
  const path = join(data, 'ringpost.toml');
  assert.equal(keepInNodeFile(data, ['data=x']), null);
  assert.equal(findNodeFile(data), undefined);
  writeFileSync(path, '# mine\nnode.id = "n1"\n');
  keepInNodeFile(data, ['node.id=n1']);
  assert.equal(readFileSync(path, 'utf8'), '# mine\nnode.id = "n1"\n');
});

void test('a file that is no TOML, has a wrong key, or says where the data are, is refused by its name', (t) => {
  const data = emptyDirectory(t);
  const path = join(data, 'ringpost.toml');
  writeFileSync(path, 'node.id = ');
  assert.throws(() => load(data), { code: 'badConfigFile', message: new RegExp(path) });
  assert.throws(() => keepInNodeFile(data, ['node.id=n1']), { code: 'badConfigFile' });
  assert.equal(readFileSync(path, 'utf8'), 'node.id = ');
  writeFileSync(path, '[mesh]\nlisen = ":2580"\n');
  assert.throws(() => load(data), { code: 'unknownConfigKey', message: /ringpost\.toml.*did you mean mesh\.listen\?/ });
  writeFileSync(path, 'data = "elsewhere"\n');
  assert.throws(() => load(data), { code: 'dataInNodeFile' });
});

void test('first settings wait until they are given, and a damaged list is refused', (t) => {
  const data = emptyDirectory(t);
  assert.deepEqual(readFirstSettings(data), []);
  keepFirstSettings(data, ['relay=127.0.0.1:2526']);
  assert.deepEqual(readFirstSettings(data), ['relay=127.0.0.1:2526']);
  dropFirstSettings(data);
  assert.deepEqual(readFirstSettings(data), []);
  assert.ok(!existsSync(join(data, 'first-settings.json')));
  for (const text of ['[1]', '{', '"x"']) {
    writeFileSync(join(data, 'first-settings.json'), text);
    assert.throws(() => readFirstSettings(data), { code: 'firstSettingsDamaged' }, text);
  }
});
