/** Where a node's mesh is reached, as others are told. */
import { networkInterfaces } from 'node:os';
import { formatHostPort } from './host-ports.ts';
import { isLoopback } from './listeners.ts';
import type { LoadedConfig } from './load.ts';
import type { Config } from './schema.ts';

/**
 * `mesh.advertise`, else the first address of `mesh.listen`. Listening on all interfaces says no address: then it is that
 * of the first interface to a network. Null: the mesh is off.
 */
export function meshAddress({ mesh }: Pick<Config, 'mesh'>, ownAddress: () => string = firstAddress): string | null {
  if (mesh.advertise !== '') return mesh.advertise;
  const listener = mesh.listen.find(({ host }) => !isLoopback(host)) ?? mesh.listen[0];
  if (listener === undefined) return null;
  const isAll = listener.host === '::' || listener.host === '0.0.0.0';
  return formatHostPort({ host: isAll ? ownAddress() : listener.host, port: listener.port });
}

/** Nobody chose it: a port that is taken is then no reason to stop. */
export function isDefaultMeshListen({ sources }: Pick<LoadedConfig, 'sources'>): boolean {
  const source = sources.get('mesh.listen');
  return source === undefined || source === 'default';
}

/** IPv4 goes before IPv6, of which the first address is often one that changes. */
function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outward = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const found = outward.find(({ family }) => family === 'IPv4') ?? outward[0];
  return found?.address ?? '127.0.0.1';
}
