/** Transports on loopback with a cluster's certificates, and what they were told. */
import type { TestContext } from 'node:test';
import { caHash, issueNodeCertificate, newCa, newNodeKey } from '../../../cluster/identity/certificates.ts';
import { formatAddress, type Place } from '../../../cluster/mesh/addresses.ts';
import type { MeshSettings } from '../../../cluster/mesh/settings.ts';
import type { MeshIdentity } from '../../../cluster/mesh/tls.ts';
import type { Frame, Lane } from '../../../cluster/mesh/transport.ts';
import { WebSocketTransport, type WebSocketTransportOptions } from '../../../cluster/mesh/websocket-transport.ts';
import type { Mark } from '../../../cluster/metadata/protocol.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { type NodeId, nodeId } from '../../../runtime/base/ids.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import type { LogFields } from '../../../runtime/observe/logger.ts';
import { PlayedPeer } from './played-peers.ts';
import { until } from './until.ts';

export const [n1, n2, n3] = [nodeId('n1'), nodeId('n2'), nodeId('n3')];

export class Authority {
  readonly #ca: { readonly certificate: string; readonly key: string };

  constructor(ca: { readonly certificate: string; readonly key: string }) {
    this.#ca = ca;
  }

  static async make(clusterId = 'c1'): Promise<Authority> {
    return new Authority(await newCa(clusterId, Date.now()));
  }

  get certificate(): string {
    return this.#ca.certificate;
  }

  get hash(): string {
    return caHash(this.#ca.certificate);
  }

  async identityOf(node: NodeId, nowMs = Date.now(), days = 825): Promise<MeshIdentity> {
    const { key, publicKey } = newNodeKey();
    const { certificate: ca, key: caKey } = this.#ca;
    const certificatePem = await issueNodeCertificate({ ca, caKey, node, publicKeyPem: publicKey, nowMs, days });
    return { certificatePem, keyPem: key, caPem: ca };
  }
}

export interface NodeOptions {
  readonly authority?: Authority;
  readonly identity?: MeshIdentity;
  readonly clusterId?: string;
  readonly generation?: number;
  readonly incarnation?: number;
  readonly marks?: readonly Mark[];
  readonly known?: WebSocketTransportOptions['known'];
  readonly join?: WebSocketTransportOptions['join'];
  readonly settings?: Partial<MeshSettings>;
  readonly port?: number;
  /** Said in the hello; default: where it listens. */
  readonly advertise?: string;
}

export interface MeshNode {
  readonly node: NodeId;
  readonly transport: WebSocketTransport;
  /** `linked n2`, `unlinked n2`, `linkRefused n2`, and `received n2` once for each run of frames. */
  readonly told: string[];
  readonly received: { readonly from: NodeId; readonly lane: Lane; readonly frame: Frame }[];
  readonly logged: { readonly level: string; readonly text: string; readonly code: unknown }[];
  readonly place: Place;
  readonly address: string;
  identity: MeshIdentity;
  /** Done with each frame when it is told. */
  onFrame: (frame: Frame) => void;
}

export class MeshWorld {
  readonly #t: TestContext;
  #authority: Authority | null = null;

  constructor(t: TestContext) {
    this.#t = t;
  }

  async authority(): Promise<Authority> {
    return (this.#authority ??= await Authority.make());
  }

  async node(node: NodeId, options: NodeOptions = {}): Promise<MeshNode> {
    const authority = options.authority ?? (await this.authority());
    const told: string[] = [];
    const received: MeshNode['received'] = [];
    const logged: MeshNode['logged'] = [];
    const line = (level: string) => (fields: LogFields, text: string) => {
      logged.push({ level, text, code: fields['code'] });
    };
    const onFrame: MeshNode['onFrame'] = () => {};
    const made = {
      node,
      told,
      received,
      logged,
      onFrame,
      identity: options.identity ?? (await authority.identityOf(node)),
    };
    let address = options.advertise ?? '';
    const transport = new WebSocketTransport({
      own: () => ({
        clusterId: options.clusterId ?? 'c1',
        generation: options.generation ?? 1,
        node,
        incarnation: options.incarnation ?? 1,
        marks: options.marks ?? [{ number: 1, nonce: 'first' }],
        address,
        version: '1.2.3',
      }),
      identity: () => made.identity,
      listen: [{ host: '127.0.0.1', port: options.port ?? 0 }],
      known: options.known ?? (() => null),
      ...(options.join === undefined ? {} : { join: options.join }),
      clock: systemClock,
      random: systemRandom,
      log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      settings: options.settings ?? {},
    });
    transport.listen({
      received: (from, lane, frame) => {
        if (told.at(-1) !== `received ${from}`) told.push(`received ${from}`);
        received.push({ from, lane, frame });
        made.onFrame(frame);
      },
      linked: (peer) => void told.push(`linked ${peer}`),
      unlinked: (peer) => void told.push(`unlinked ${peer}`),
      linkRefused: (peer) => void told.push(`linkRefused ${peer}`),
    });
    this.#t.after(() => transport.close());
    const [place] = await transport.open();
    if (options.advertise === undefined) address = formatAddress(place!);
    return Object.assign(made, { transport, place: place!, address: formatAddress(place!) });
  }

  /** A peer that the test plays: it has a certificate, and says what the test says. */
  async played(node: NodeId, options: { readonly authority?: Authority } = {}): Promise<PlayedPeer> {
    const authority = options.authority ?? (await this.authority());
    const peer = new PlayedPeer(node, await authority.identityOf(node));
    this.#t.after(() => peer.close());
    return peer;
  }
}

/** They know each other's places. */
export function acquaint(...nodes: MeshNode[]): void {
  for (const { transport } of nodes) {
    transport.peersAre(nodes.map(({ node, address }) => ({ node, addresses: [address] })));
  }
}

export async function linked(...nodes: MeshNode[]): Promise<void> {
  for (const one of nodes) {
    for (const other of nodes) {
      if (one === other) continue;
      await until(() => one.told.includes(`linked ${other.node}`), `${one.node} is linked with ${other.node}`);
    }
  }
}
