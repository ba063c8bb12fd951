import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readIdentity, readPendingCa, writeIdentity } from '../../../cluster/identity/identity-files.ts';
import { formatToken } from '../../../cluster/identity/token.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { readFirstSettings } from '../../../runtime/config/first-settings.ts';
import { loadConfig } from '../../../runtime/config/load.ts';
import { holdsNode, openDataDirectory } from '../../../runtime/store/data-directory.ts';
import { emptyDirectory, say } from './cli-world.ts';

const token = formatToken({
  caHash: Buffer.alloc(32, 1).toString('base64url'),
  secret: Buffer.alloc(20, 2).toString('base64url'),
});

function headerOf(path: string) {
  const directory = openDataDirectory({ path, clock: systemClock });
  directory.close();
  return directory.header;
}

void test('init makes a directory that is node n1 of a new cluster, with its key, its CA and its own keys of configuration', async (t) => {
  const data = join(emptyDirectory(t), 'n1');
  const sets = ['--set', 'mesh.listen=127.0.0.1:4580', '--set', 'relay=127.0.0.1:2526'];
  const said = await say(['init', '--data', data, '--node', 'n1', ...sets]);
  assert.deepEqual([said.status, said.err], [0, '']);
  assert.match(said.out, /^n1 is the first node of a new cluster, \w{26}\.\n/);
  assert.match(said.out, /Others reach it at 127\.0\.0\.1:4580\.\nStart it: ringpost start --data /);

  const header = headerOf(data);
  assert.deepEqual([header.nodeId, header.shardCount], ['n1', 256]);
  const identity = await readIdentity(data);
  assert.deepEqual([identity?.clusterId, identity?.role], [header.clusterId, 'founder']);
  assert.notEqual(await readPendingCa(data), null);
  const { config, sources } = loadConfig({ sets: [`data=${data}`], withNodeFile: true });
  assert.equal(config.mesh.listen[0]?.port, 4580);
  assert.equal(sources.get('node.id'), join(data, 'ringpost.toml'));
  assert.deepEqual(readFirstSettings(data), ['relay=127.0.0.1:2526']);
});

void test('init changes nothing where a node is, where a join was begun, or when a word is wrong', async (t) => {
  const data = join(emptyDirectory(t), 'n1');
  await say(['init', '--data', data]);
  const before = headerOf(data).clusterId;
  const again = await say(['init', '--data', data, '--node', 'n5']);
  assert.equal(again.status, 1);
  assert.match(again.err, /holds node n1 already.*\[nodeExists\]/);
  assert.equal(headerOf(data).clusterId, before);
  assert.ok(!readFileSync(join(data, 'ringpost.toml'), 'utf8').includes('n5'));

  const begun = emptyDirectory(t);
  const identity = await readIdentity(data);
  assert.ok(identity);
  writeFileSync(join(begun, 'mesh-key.pem'), identity.key, { mode: 0o600 });
  await writeIdentity(begun, { ...identity, role: 'joined' });
  assert.match((await say(['init', '--data', begun])).err, /\[joinUnfinished\]/);

  const wrong = join(emptyDirectory(t), 'n1');
  for (const words of [
    ['--node', 'N 1'],
    ['--set', 'mesh.listn=:1'],
    ['--set', 'mesh.advertise=nowhere'],
  ]) {
    assert.equal((await say(['init', '--data', wrong, ...words])).status, 1, words.join(' '));
    assert.ok(!existsSync(wrong), words.join(' '));
  }
});

void test('init that was cut off behind the header is gone on with by start, and is refused as a node', async (t) => {
  const data = emptyDirectory(t);
  const create = () => ({ clusterId: 'c', nodeId: nodeId('n1'), shardCount: 256 });
  openDataDirectory({ path: data, clock: systemClock, create }).close();
  assert.match((await say(['init', '--data', data])).err, /Cure: ringpost start --data/);
});

void test('with --config nothing is kept in the directory, and the file has to name the node', async (t) => {
  const place = emptyDirectory(t);
  const file = join(place, 'node.toml');
  writeFileSync(file, `data = "${join(place, 'n7')}"\n[node]\nid = "n7"\n`);
  const other = await say(['init', '--config', file, '--node', 'n8']);
  assert.match(other.err, /does not say that this node is n8.*\[nodeIdNotInFile\]/);
  const said = await say(['init', '--config', file]);
  assert.match(said.out, new RegExp(`Start it: ringpost start --config ${file}`));
  assert.ok(!existsSync(join(place, 'n7', 'ringpost.toml')));
  assert.equal(headerOf(join(place, 'n7')).nodeId, 'n7');
});

void test('join refuses at once what could not work, and touches nothing', async (t) => {
  const data = join(emptyDirectory(t), 'n2');
  const base = ['--data', data, '--node', 'n2'];
  for (const [words, code] of [
    [['127.0.0.1:2580', '--token', token, ...base], 'meshAddressShared'],
    [['localhost:2580', '--token', token, ...base], 'meshAddressShared'],
    [['192.0.2.1:2580', '--token', token, ...base], 'meshOnLoopback'],
    [['192.0.2.1:2580', '--token', token, ...base, '--set', 'mesh.listen=off'], 'meshOff'],
    [['192.0.2.1', '--token', token, ...base], 'wrongUsage'],
    [['127.0.0.1:1', '--token', token, '--data', data], 'wrongUsage'],
    [['127.0.0.1:1', ...base], 'wrongUsage'],
    [['127.0.0.1:1', '--token', token, ...base, '--set', 'relay=127.0.0.1:2526'], 'settingAtJoin'],
  ] as const) {
    const said = await say(['join', ...words]);
    assert.notEqual(said.status, 0, code);
    assert.match(said.err, new RegExp(`\\[${code}\\]`));
    assert.ok(!existsSync(data), code);
  }
});

void test('join that reaches nobody says so; its words are kept for the next try, and no node is there', async (t) => {
  const data = join(emptyDirectory(t), 'n2');
  // Port 1 of this machine: nobody listens there.
  const words = [
    'join',
    '127.0.0.1:1',
    '--token',
    '-',
    '--data',
    data,
    '--node',
    'n2',
    '--set',
    'mesh.listen=127.0.0.1:4581',
  ];
  const said = await say(words, { input: `${token}\n` });
  assert.equal(said.status, 1);
  assert.match(said.err, /\[memberUnreachable\]/);
  assert.ok(!holdsNode(data));
  assert.match(readFileSync(join(data, 'ringpost.toml'), 'utf8'), /id = "n2"/);
});
