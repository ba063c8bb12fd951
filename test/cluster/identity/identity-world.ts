/**
 * A cluster of one as far as joining needs it: the real actor on the real engine, founded in a data directory, with the join
 * door behind a real TLS socket. Time is the fake clock's.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join as joinPath } from 'node:path';
import type { TestContext } from 'node:test';
import { foundCluster } from '../../../cluster/identity/founding.ts';
import type { Identity } from '../../../cluster/identity/identity-files.ts';
import { type JoinNews, openJoinDoor } from '../../../cluster/identity/join-door.ts';
import type { JoinOptions } from '../../../cluster/identity/join-client.ts';
import type { JoinReply } from '../../../cluster/identity/join-protocol.ts';
import { caHash } from '../../../cluster/identity/certificates.ts';
import { formatToken, newSecret, secretHashOf } from '../../../cluster/identity/token.ts';
import { clusterActor } from '../../../cluster/metadata/cluster-actor.ts';
import { type ClusterMap, theCluster } from '../../../cluster/metadata/protocol.ts';
import { type Asked, OwnCommands } from '../../../cluster/own-commands.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { openDataDirectory } from '../../../runtime/store/data-directory.ts';
import { engineWorld, type EngineWorld } from '../../support/engine-world.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { directoryOf } from '../../runtime/store/temporary-directory.ts';

export const clusterId = 'the-cluster';
export const n1 = nodeId('n1');

export interface IdentityWorld {
  readonly world: EngineWorld;
  readonly clock: FakeClock;
  /** As node n1. */
  readonly commands: OwnCommands;
  /** A directory for each data directory that a test makes. */
  readonly root: string;
  /** Of n1, with its header. */
  readonly founderDirectory: string;
  place(name: string): string;
  map(): Promise<ClusterMap | null>;
}

/** Nothing is founded yet. */
export async function identityWorld(context: TestContext): Promise<IdentityWorld> {
  const root = directoryOf(context);
  const world = await engineWorld([clusterActor]);
  const { clock } = world;
  const commands = commandsOf(world);
  const founderDirectory = joinPath(root, 'n1');
  openDataDirectory({
    path: founderDirectory,
    clock,
    create: () => ({ clusterId, nodeId: n1, shardCount: 8 }),
  }).close();
  return {
    ...{ world, clock, commands, root, founderDirectory },
    place: (name) => joinPath(root, name),
    map: () => commands.query(theCluster, { kind: 'map' }),
  };
}

/** Transactions become durable by themselves. */
function commandsOf(world: EngineWorld): OwnCommands {
  let settling: Promise<void> = Promise.resolve();
  const settle = (): void => {
    settling = settling.then(() => world.settle());
  };
  const to: Asked = {
    ask(request, answer) {
      world.engine.ask(request, answer);
      settle();
    },
    query(request, answer) {
      world.engine.query(request, answer);
      settle();
    },
  };
  return new OwnCommands(to, n1, systemRandom);
}

export const foundingOf = ({ clock, commands, founderDirectory }: IdentityWorld) => ({
  dataDirectory: founderDirectory,
  ...{ clusterId, node: n1, clock, commands },
  address: '127.0.0.1:2580',
  shardCount: 8,
  replicas: 3,
  zone: '',
  host: 'here',
});

export interface Door {
  readonly address: string;
  readonly identity: Identity;
  readonly news: JoinNews[];
  /** Requests that came in. */
  readonly requests: unknown[];
  /** Makes a token, as `ringpost token create` does. */
  token(expiresMs?: number): Promise<string>;
  /** What `ringpost join` is given, for a node of that name in a directory of that name. */
  options(node: string, token: string): JoinOptions;
}

export interface DoorOptions {
  /** Stands between the door and the joiner. */
  readonly altered?: (reply: JoinReply, number: number) => JoinReply | 'hang up';
  /** Shown in place of the founder's. */
  readonly identity?: Identity;
}

/** Founds the cluster and opens its door. */
export async function openDoor(context: TestContext, of: IdentityWorld, options: DoorOptions = {}): Promise<Door> {
  const { clock, commands } = of;
  const { identity } = await foundCluster(foundingOf(of));
  const news: JoinNews[] = [];
  const requests: unknown[] = [];
  const answer = openJoinDoor({ commands, clock, told: (each) => news.push(each) });
  const shown = options.identity ?? identity;
  const server = createServer(
    { key: shown.key, cert: shown.certificate + shown.caCertificate, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
        requests.push(body);
        void answer(body).then((reply) => {
          const told = options.altered?.(reply, requests.length) ?? reply;
          if (told === 'hang up') response.destroy();
          else response.writeHead(told.status, { 'content-type': 'application/json' }).end(JSON.stringify(told.body));
        });
      });
    },
  );
  const address = `127.0.0.1:${await listening(context, server)}`;
  return {
    ...{ address, identity, news, requests },
    async token(expiresMs) {
      const secret = newSecret(systemRandom);
      const secretHash = secretHashOf(secret);
      await commands.ask(theCluster, { kind: 'createToken', secretHash, expiresMs: expiresMs ?? null });
      return formatToken({ caHash: caHash(identity.caCertificate), secret });
    },
    options: (node, token) => ({
      ...{ address, token, node, clock },
      dataDirectory: of.place(node),
      meshAddress: `${node}.example.org:2580`,
      zone: 'east',
      host: node,
      version: '0.1.0',
    }),
  };
}

/** @returns its port; it is closed, with all that hangs on it, when the test is over */
export async function listening(context: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  });
  const address = server.address() as AddressInfo | null;
  assert.ok(address);
  return address.port;
}
