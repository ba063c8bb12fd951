/** Entry of an SMTP worker thread: what the core hands in at start becomes a running edge. */
import { systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import { runEdgeWorker } from '../../../runtime/threads/worker-main.ts';
import { threadLogger } from '../../../runtime/observe/logger.ts';
import type { SettingsAnswers } from '../../settings/protocol.ts';
import type { SmtpLimits, SmtpSettings } from './limits.ts';
import type { SmtpListener } from './listener.ts';
import { startSmtpEdge } from './server.ts';
import { flatStats } from './stats.ts';

/** Plain data: it crosses a thread. */
export interface SmtpWorkerConfig {
  readonly listeners: readonly SmtpListener[];
  readonly hostname: string;
  readonly limits: Partial<SmtpLimits>;
  readonly settings: Partial<SmtpSettings>;
  readonly tls: CertificatePem | null;
  readonly logLevel: string;
}

/** What the cluster's settings say about this edge. */
function settingsOf(all: SettingsAnswers['all']): Partial<SmtpSettings> {
  const number = (key: string): number => Number(all[key]?.value);
  return { recipientsMax: number('smtp.recipientsMax'), receivedMax: number('smtp.hopsMax') };
}

runEdgeWorker<SmtpWorkerConfig>(async (core, config, name) => {
  const edge = await startSmtpEdge({
    core,
    listeners: config.listeners,
    hostname: config.hostname,
    limits: config.limits,
    settings: config.settings,
    tls: config.tls,
    clock: systemClock,
    random: systemRandom,
    log: threadLogger(name, config.logLevel),
  });
  const unfollow = core.subscribe('settings', (value) =>
    edge.applySettings(settingsOf(value as SettingsAnswers['all'])),
  );
  return {
    async stop(graceMs) {
      unfollow();
      await edge.stop(graceMs);
    },
    stats: () => Promise.resolve(flatStats(edge.stats())),
    reloadCertificate: (pem) => Promise.resolve(edge.reloadCertificate(pem)),
  };
});
