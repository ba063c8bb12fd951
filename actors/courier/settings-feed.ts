/** The cluster's settings as they are now, with the secrets that only a node may read. */
import type { Principal } from '../../runtime/actor/actor.ts';
import type { Logger } from '../../runtime/observe/logger.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { ClusterSettings } from '../delivery-domain/policy.ts';
import { clusterSettings } from '../settings/protocol.ts';

/** Calls `take` with each state of them; returns what ends that. */
export function followSettings(
  core: CoreApi,
  principal: Principal,
  log: Logger,
  take: (settings: ClusterSettings) => void,
): () => void {
  let latest = 0;
  return core.subscribe('settings', (published) => {
    const settings = published as ClusterSettings;
    const number = ++latest;
    // The topic is for all edges: what it says of the relay's password is only whether there is one.
    if ((settings['relay.user']?.value ?? '') === '') return take(settings);
    core.query(clusterSettings, { kind: 'all', withSecrets: true }, { principal }).then(
      (whole) => {
        if (number === latest) take(whole);
      },
      (error: unknown) => {
        log.warn({ err: error }, 'the password of the relay could not be read; mail for it waits');
        if (number === latest) take(settings);
      },
    );
  });
}
