import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConfigSources, type LoadedConfig, loadConfig, thisMachine } from '../../../runtime/config/load.ts';

const machine = { hostname: 'mail.example.org', cores: 4 };
const load = (from: ConfigSources = {}): LoadedConfig => loadConfig({ machine, ...from });

function withFile<T>(toml: string, run: (file: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'ringpost-config-'));
  try {
    const file = join(directory, 'node.toml');
    writeFileSync(file, toml);
    return run(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

void test('without any source everything has its default, and the defaults are allowed', () => {
  const { config, warnings, sources } = load();
  assert.equal(config.hostname, 'mail.example.org');
  assert.equal(config.smtp.threads, 2);
  assert.equal(config.limits.messageBytesMax, 36_700_160);
  assert.deepEqual(config.smtp.listen, [{ host: '::', port: 25, tls: 'starttls', proxyProtocol: false, trusted: [] }]);
  assert.deepEqual(warnings, []);
  assert.equal(sources.size, 0);
});

void test('the defaults of this very machine are allowed', () => {
  loadConfig();
  assert.match(thisMachine().hostname, /^[a-z0-9]/);
});

void test('--set beats the environment, which beats the file, which beats the defaults', () => {
  const toml = 'data = "file"\nhostname = "file.example.org"\n[node]\nid = "file"\n[smtp]\nthreads = 3\n';
  const { config, sources } = withFile(toml, (file) =>
    load({
      file,
      defaults: { data: 'default', 'smtp.listen': '127.0.0.1:2525' },
      env: { RINGPOST_HOSTNAME: 'env.example.org', RINGPOST_NODE_ID: 'env', PATH: '/bin' },
      sets: ['node.id=set'],
    }),
  );
  assert.deepEqual(
    [config.data, config.hostname, config.node.id, config.smtp.threads, config.smtp.listen[0]?.port],
    ['file', 'env.example.org', 'set', 3, 2525],
  );
  assert.equal(sources.get('node.id'), '--set');
  assert.equal(sources.get('hostname'), 'RINGPOST_HOSTNAME');
});

void test('an unknown key is refused with the nearest one, from the file and from --set', () => {
  withFile('[smtp]\nlisten_on = 25\n', (file) => {
    assert.throws(() => load({ file }), {
      code: 'unknownConfigKey',
      message: /smtp\.listen_on; did you mean smtp\.listen\?/,
    });
  });
  withFile('listen = ":25"\n', (file) => {
    assert.throws(() => load({ file }), { code: 'unknownConfigKey', message: /did you mean smtp\.listen\?/ });
  });
  assert.throws(() => load({ sets: ['smtp.greetingDelay=1'] }), {
    message: /--set: .*did you mean smtp\.greetingDelayMs\?/,
  });
  assert.throws(() => load({ sets: ['zzz=1'] }), { message: /`ringpost config describe` lists them/ });
  assert.throws(() => load({ sets: ['smtp=1'] }), { code: 'unknownConfigKey' });
});

void test('an unknown variable is a warning, since others may set it', () => {
  const { warnings } = load({ env: { RINGPOST_SMTP_LISTN: ':25', RINGPOST_PORT_25_TCP_PROTO: 'tcp' } });
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /did you mean RINGPOST_SMTP_LISTEN\?/);
});

void test('a bad value says its key, where it came from and what is allowed; all are named at once', () => {
  assert.throws(() => load({ env: { RINGPOST_SMTP_THREADS: 'many' }, sets: ['log.level=loud'] }), {
    code: 'badConfigValue',
    transient: false,
    message:
      'RINGPOST_SMTP_THREADS: smtp.threads cannot be "many": it must be a whole number from 1 to 64\n' +
      '--set: log.level cannot be "loud": it must be one of trace, debug, info, warn, error, fatal, silent',
  });
});

void test('a section that is no section, and a value of the wrong type, are refused', () => {
  withFile('smtp = 25\n', (file) => assert.throws(() => load({ file }), { code: 'unknownConfigKey' }));
  withFile('[data]\nx = 1\n', (file) => assert.throws(() => load({ file }), { code: 'badConfigValue' }));
  withFile('hostname = 5\n', (file) =>
    assert.throws(() => load({ file }), { code: 'badConfigValue', message: /hostname cannot be 5/ }),
  );
});

void test('sizes and times may have units', () => {
  const { config } = load({
    sets: ['limits.messageBytesMax=25MB', 'smtp.idleTimeoutMs=5min', 'smtp.greetingDelayMs=250'],
  });
  assert.equal(config.limits.messageBytesMax, 25 * 1024 * 1024);
  assert.equal(config.smtp.idleTimeoutMs, 300_000);
  assert.equal(config.smtp.greetingDelayMs, 250);
  for (const bad of ['smtp.idleTimeoutMs=5 weeks', 'limits.messageBytesMax=-1', 'limits.messageBytesMax=1KB']) {
    assert.throws(() => load({ sets: [bad] }), { code: 'badConfigValue' });
  }
});

void test('values that contradict each other are refused', () => {
  const refusedFor = (sets: string[], words: RegExp): void =>
    assert.throws(() => load({ sets }), { code: 'badConfigValue', message: words });
  refusedFor(['limits.messageBytesMax=512MB'], /above limits\.dataBufferBytesMax/);
  refusedFor(['smtp.connectionsMax=10'], /connectionsPerClientMax is above/);
  refusedFor(['tls.certificate=/x.pem'], /belong together/);
});

void test('a file that is not there, or no TOML, says which', () => {
  assert.throws(() => load({ file: '/nowhere/node.toml' }), {
    code: 'configFileUnreadable',
    message: /\/nowhere\/node\.toml/,
  });
  withFile('smtp = [', (file) =>
    assert.throws(() => load({ file }), { code: 'badConfigFile', message: /node\.toml is no TOML/ }),
  );
  assert.throws(() => load({ sets: ['no value'] }), { code: 'badConfigSet' });
});

void test('what is probably not meant is a warning', () => {
  const clear = '[{"address":":8080","tls":"none"}]';
  const { warnings } = load({ sets: ['hostname=laptop', `http.listen=${clear}`] });
  assert.match(warnings[0] ?? '', /"laptop" is not fully qualified/);
  assert.match(warnings[1] ?? '', /:::8080 is in clear/);
});
