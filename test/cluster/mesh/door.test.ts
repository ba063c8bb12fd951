/** What a stranger may do at the door of the mesh: ask to join, within bounds. */
import assert from 'node:assert/strict';
import { request } from 'node:https';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { OperationError } from '../../../runtime/base/errors.ts';
import { type MeshNode, MeshWorld, n1, n2 } from './mesh-world.ts';

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
}

async function ask(node: MeshNode, { method = 'POST', path = '/v1/join', body = '{}' }: Asked = {}) {
  const { host, port } = node.place;
  return new Promise<{ status: number; body: { code?: string } | null; chain: string[] }>((resolve, reject) => {
    const asked = request({ host, port, method, path, rejectUnauthorized: false, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      const shown = (response.socket as TLSSocket).getPeerCertificate(true);
      const chain = [shown.raw, shown.issuerCertificate?.raw].map((raw) =>
        createHash('sha256').update(raw).digest('base64url'),
      );
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as { code?: string } | null, chain });
      });
    });
    asked.on('error', reject);
    asked.end(method === 'GET' ? undefined : body);
  });
}

async function doorWith(t: TestContext, join?: (request: unknown) => Promise<{ status: number; body: unknown }>) {
  const world = new MeshWorld(t);
  return { world, node: await world.node(n1, join === undefined ? {} : { join: () => join }) };
}

void describe('the door', () => {
  void test('a join is handed on and answered as it is decided, without a certificate', async (t) => {
    const { node } = await doorWith(t, async (asked) => ({ status: 409, body: { code: 'tokenUsed', asked } }));
    const { status, body } = await ask(node, { body: '{"node":"n2"}' });
    assert.deepEqual([status, body], [409, { code: 'tokenUsed', asked: { node: 'n2' } }]);
  });

  void test('it shows the authority too, of which whoever joins knows the hash', async (t) => {
    const { world, node } = await doorWith(t);
    const { chain } = await ask(node);
    const own = new X509Certificate(node.identity.certificatePem).fingerprint256.replaceAll(':', '');
    const hash = Buffer.from(own, 'hex').toString('base64url');
    assert.deepEqual(chain, [hash, (await world.authority()).hash]);
  });

  void test('everything else is closed to strangers', async (t) => {
    const { node } = await doorWith(t, async () => ({ status: 200, body: 'in' }));
    for (const asked of [
      { method: 'GET' },
      { path: '/' },
      { path: '/v1/mesh', method: 'GET' },
      { path: '/v1/join/../mesh' },
      { method: 'PUT' },
    ]) {
      const { status, body } = await ask(node, asked);
      assert.deepEqual([status, body?.code], [403, 'certificateRequired'], JSON.stringify(asked));
    }
  });

  void test('a request that is too large or no JSON is refused, and never handed on', async (t) => {
    let joins = 0;
    const { node } = await doorWith(t, async () => {
      joins++;
      return { status: 200, body: null };
    });
    assert.deepEqual(
      await ask(node, { body: `"${'x'.repeat(17_000)}"` }).then(({ body }) => body?.code),
      'joinTooLarge',
    );
    assert.deepEqual(await ask(node, { body: '{' }).then(({ body }) => body?.code), 'joinUnreadable');
    assert.equal(joins, 0);
    assert.equal((await ask(node, { body: `"${'x'.repeat(16_000)}"` })).status, 200);
  });

  void test('a node that cannot let others in now says that it may be tried again', async (t) => {
    const { node } = await doorWith(t);
    const { status, body } = await ask(node);
    assert.deepEqual([status, body?.code], [503, 'joinClosed']);
  });

  void test('a fault of ours is logged, and the joiner is told nothing of it', async (t) => {
    const { node } = await doorWith(t, async () => {
      throw new Error('secret detail');
    });
    const { status, body } = await ask(node);
    assert.deepEqual([status, body?.code, JSON.stringify(body).includes('secret')], [503, 'internal', false]);
    assert.equal(
      node.logged.some(({ level }) => level === 'error'),
      true,
    );
  });

  void test('a port that is taken is an error that names the cure, and leaves nothing open', async (t) => {
    const { world, node } = await doorWith(t);
    await assert.rejects(
      world.node(n2, { port: node.place.port }),
      (error) =>
        error instanceof OperationError && error.code === 'meshListenFailed' && /mesh\.listen/.test(error.message),
    );
  });
});
