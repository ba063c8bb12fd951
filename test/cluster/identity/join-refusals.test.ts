import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer as createPlainServer, type AddressInfo } from 'node:net';
import { join as joinPath } from 'node:path';
import { test, type TestContext } from 'node:test';
import { issueNodeCertificate, newCa, newNodeKey } from '../../../cluster/identity/certificates.ts';
import type { Identity } from '../../../cluster/identity/identity-files.ts';
import { join, type JoinOptions } from '../../../cluster/identity/join-client.ts';
import { openJoinDoor } from '../../../cluster/identity/join-door.ts';
import type { JoinReply } from '../../../cluster/identity/join-protocol.ts';
import { theCluster } from '../../../cluster/metadata/protocol.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { holdsNode, openDataDirectory } from '../../../runtime/store/data-directory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type Door, identityWorld, openDoor } from './identity-world.ts';

const hourMs = 3_600_000;

async function refused(options: JoinOptions, code: string, message: RegExp): Promise<void> {
  await assert.rejects(join(options), { code, message });
  assert.ok(!holdsNode(options.dataDirectory), 'no node was made');
}

void test('a token that is unknown, expired, used or torn opens nothing, and the refusal names the cure', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const cure = /ringpost token create/;
  const good = await door.token();
  await refused(door.options('n2', good.slice(0, -1)), 'badToken', cure);
  const soon = await door.token(of.clock.nowMs() + 1_000);
  of.clock.advance(2_000);
  await refused(door.options('n2', soon), 'tokenExpired', cure);
  await join(door.options('n3', good));
  await refused(door.options('n2', good), 'tokenUsed', /by node n3/);
  of.clock.advance(hourMs);
  await door.token();
  await refused(door.options('n4', good), 'tokenUnknown', cure);
  assert.deepEqual(
    door.news.map(({ node, refusedWith }) => `${node} ${refusedWith?.code ?? 'in'}`),
    ['n2 tokenExpired', 'n3 in', 'n2 tokenUsed', 'n4 tokenUnknown'],
  );
  assert.ok(!JSON.stringify(door.news).includes(good.slice(50)), 'no secret is in the log');
});

void test('a name that is taken is refused, and so are a name and an address that are none', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const token = await door.token();
  await refused({ ...door.options('n2', token), node: 'n1' }, 'nodeIdTaken', /--node/);
  await refused({ ...door.options('n2', token), node: 'N 2' }, 'badNodeName', /N 2/);
  await refused({ ...door.options('n2', token), address: 'n1.example.org' }, 'badAddress', /mesh\.listen/);
});

void test('a directory that holds a node is left alone: this one, one of another name, one of another cluster', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  await join(door.options('n2', await door.token()));
  const next = await door.token();
  await assert.rejects(join(door.options('n2', next)), { code: 'alreadyJoined', message: /ringpost start --data/ });
  await assert.rejects(join({ ...door.options('n2', next), node: 'n3' }), { code: 'directoryTaken', message: /n2/ });
  const alone = { path: of.place('alone'), clock: of.clock };
  const create = () => ({ clusterId: 'other', nodeId: nodeId('n4'), shardCount: 8 });
  const running = openDataDirectory({ ...alone, create });
  const there = { ...door.options('n4', next), dataDirectory: alone.path };
  await assert.rejects(join(there), { code: 'dataDirectoryInUse' });
  running.close();
  await assert.rejects(join(there), { code: 'directoryTaken', message: /--data DIR/ });
  assert.equal(door.requests.length, 1);
});

void test('nobody listens there: the refusal says what to look at', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const closed = createPlainServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  const options = { ...door.options('n2', await door.token()), address: `127.0.0.1:${port}` };
  await refused(options, 'memberUnreachable', /ECONNREFUSED.*mesh\.listen/);
});

async function plainServer(t: TestContext, greeting: string): Promise<{ port: number; connected: Promise<unknown> }> {
  const server = createPlainServer((socket) => {
    socket.on('error', () => undefined);
    if (greeting !== '') socket.end(greeting);
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, connected: once(server, 'connection') };
}

void test('an SMTP port is told from a door', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const { port } = await plainServer(t, '220 mail.example.org ESMTP\r\n');
  const options = { ...door.options('n2', await door.token()), address: `127.0.0.1:${port}` };
  await refused(options, 'notAMember', /speaks no TLS.*port of mesh\.listen/);
});

void test('whoever takes the connection and says nothing is given up after ten seconds', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const { port, connected } = await plainServer(t, '');
  const options = { ...door.options('n2', await door.token()), address: `127.0.0.1:${port}` };
  const refusal = refused(options, 'memberUnreachable', /no answer for 10 s/);
  await connected;
  of.clock.advance(10_000);
  await refusal;
});

/** Certificates as a stranger would have them: his own CA, or the cluster's with a leaf that it never signed. */
async function stranger(t: TestContext, withTheCa: boolean): Promise<{ door: Door; options: JoinOptions }> {
  const of = await identityWorld(t);
  const ca = await newCa('the-cluster', of.clock.nowMs());
  const { key, publicKey } = newNodeKey();
  const certificate = await issueNodeCertificate({
    ...{ ca: ca.certificate, caKey: ca.key, publicKeyPem: publicKey },
    node: nodeId('n1'),
    nowMs: of.clock.nowMs(),
  });
  const identity: Identity = {
    ...{ key, certificate, caCertificate: ca.certificate },
    ...{ clusterId: 'the-cluster', generation: 1, role: 'founder', nodes: [] },
  };
  if (!withTheCa) {
    const door = await openDoor(t, of, { identity });
    return { door, options: door.options('n2', await door.token()) };
  }
  const real = await openDoor(t, of);
  const caCertificate = real.identity.caCertificate;
  const door = await openDoor(t, of, { identity: { ...identity, caCertificate } });
  return { door, options: door.options('n2', await real.token()) };
}

for (const withTheCa of [false, true]) {
  const who = withTheCa ? 'a certificate that the shown CA never signed' : 'another CA than the token pins';
  void test(`whoever shows ${who} is sent nothing`, async (t) => {
    const { door, options } = await stranger(t, withTheCa);
    await refused(options, 'otherCluster', /Nothing was sent/);
    assert.deepEqual(door.requests, []);
  });
}

void test('a clock that is more than a day off is said to be off', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const token = await door.token();
  const behind = new FakeClock(of.clock.nowMs() - 25 * hourMs);
  await refused({ ...door.options('n2', token), clock: behind }, 'clockOff', /NTP/);
  const ahead = new FakeClock(of.clock.nowMs() + 900 * 24 * hourMs);
  await refused({ ...door.options('n2', token), clock: ahead }, 'clockOff', /ended at/);
  assert.deepEqual(door.requests, []);
});

void test('an answer that does not fit is not taken, and no file of it is kept', async (t) => {
  const of = await identityWorld(t);
  const other = await newCa('the-cluster', of.clock.nowMs());
  const { publicKey } = newNodeKey();
  const n1Ca = { ca: other.certificate, caKey: other.key, publicKeyPem: publicKey, nowMs: of.clock.nowMs() };
  const foreign = await issueNodeCertificate({ ...n1Ca, node: nodeId('n2') });
  const table: readonly [object, RegExp][] = [
    [{ caCertificate: other.certificate, certificate: foreign }, /another CA/],
    [{ certificate: foreign }, /another CA/],
    [{ caCertificate: 'nonsense' }, /certificate that is none/],
    [{ shardCount: 0 }, /its shardCount/],
    [{ nodes: Array.from({ length: 65 }, () => ({ id: 'n9', address: '' })) }, /its nodes/],
    [{ nodes: [{ id: 'N 9', address: '' }] }, /one of its nodes/],
    [{ clusterId: '' }, /its clusterId/],
  ];
  const altered = (reply: JoinReply, number: number): JoinReply => ({
    ...reply,
    body: { ...reply.body, ...table[number - 1]?.[0] },
  });
  const door = await openDoor(t, of, { altered });
  const options = door.options('n2', await door.token());
  for (const [, message] of table) await refused(options, 'badJoinAnswer', message);
  assert.ok(!existsSync(joinPath(options.dataDirectory, 'mesh-certificate.pem')));
  await join(options);
});

void test('a certificate for another name or another key is not taken', async (t) => {
  const of = await identityWorld(t);
  let certificate = '';
  const altered = (reply: JoinReply): JoinReply => ({ ...reply, body: { ...reply.body, certificate } });
  const door = await openDoor(t, of, { altered });
  certificate = door.identity.certificate;
  const options = door.options('n2', await door.token());
  await refused(options, 'badJoinAnswer', /another name/);
  const ca = await of.commands.query(theCluster, { kind: 'ca' });
  const about = { node: nodeId('n2'), publicKeyPem: newNodeKey().publicKey, nowMs: of.clock.nowMs() };
  certificate = await issueNodeCertificate({ ca: ca.certificate, caKey: ca.key, ...about });
  await refused(options, 'badJoinAnswer', /another key/);
});

void test('what is no request is refused by its field, and a bug is answered without a word of it', async (t) => {
  const of = await identityWorld(t);
  const answer = openJoinDoor({ commands: of.commands, clock: of.clock });
  const whole = {
    ...{ protocol: 1, secret: 'x'.repeat(27), node: 'n2', publicKeyPem: newNodeKey().publicKey },
    ...{ address: '', zone: '', host: '', version: '1' },
  };
  const code = async (request: unknown) => {
    const { status, body } = await answer(request);
    return `${status} ${'code' in body ? body.code : 'in'}`;
  };
  for (const wrong of [null, [], 'text', 7, { ...whole, node: '../n2' }, { ...whole, secret: 'short' }]) {
    assert.equal(await code(wrong), '400 badJoinRequest');
  }
  assert.equal(await code({ ...whole, protocol: 2 }), '400 badJoinRequest');
  assert.equal(await code({ ...whole, address: 'x'.repeat(301) }), '400 badJoinRequest');
  assert.equal(await code({ ...whole, publicKeyPem: newNodeKey().key }), '400 badNodeKey');
  assert.equal(await code(whole), '503 notFounded');
  const broken = {
    query: () => Promise.reject(new TypeError('secret detail')),
    ask: () => Promise.reject(new Error()),
  };
  const reply = await openJoinDoor({ commands: broken as never, clock: of.clock })(whole);
  assert.equal(reply.status, 503);
  assert.ok(!JSON.stringify(reply).includes('secret detail'));
});

void test('eight may be on their way in at a time', async (t) => {
  const of = await identityWorld(t);
  const waits = { query: () => new Promise(() => undefined), ask: () => new Promise(() => undefined) };
  const answer = openJoinDoor({ commands: waits as never, clock: of.clock });
  const whole = {
    ...{ protocol: 1, secret: 'x'.repeat(27), node: 'n2', publicKeyPem: newNodeKey().publicKey },
    ...{ address: '', zone: '', host: '', version: '1' },
  };
  for (let i = 0; i < 8; i++) void answer(whole);
  const { status, body } = await answer(whole);
  assert.equal(status, 503);
  assert.equal('code' in body && body.code, 'busy');
});
