/**
 * The outbound drill: mail is submitted for remote domains, the node is killed again and again, and in the end every
 * recipient of every mail is accounted for: at the far end once, in the queue, in a DSN, or in the in-doubt ledger.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../runtime/base/clock.ts';
import { freePort } from '../../../bench/peers/child.ts';
import { LedgerFile, type LedgerFault } from '../../../bench/sink/ledger-file.ts';
import { Sink } from '../../../bench/sink/sink.ts';
import type { SinkMail } from '../../../bench/sink/sink-session.ts';
import { Ledger } from '../../support/ledger.ts';
import { expectDone } from '../../support/process-command.ts';
import { addAccount, testPassword } from '../../support/process-mailboxes.ts';
import { programPath, RingpostNode } from '../../support/process-node.ts';
import { slowSync } from '../../support/process-strace.ts';
import type { SmtpClient } from '../../support/smtp-client.ts';
import { Chance } from '../chance.ts';
import { planOutboundKills } from '../kill-plan.ts';
import { KillRounds } from '../kill-rounds.ts';
import { Load } from '../load.ts';
import type { DrillOptions } from '../options.ts';
import { sinkRules } from './fates.ts';
import { OutboundMailMaker } from './outbound-mails.ts';
import { readTraces, untilQueuesAreEmpty } from './outbound-reading.ts';
import { isOutboundClean, judgeOutbound, type OutboundVerdict } from './outbound-verdict.ts';

export interface OutboundDrillResult extends OutboundVerdict {
  readonly kills: number;
  readonly restartMs: readonly number[];
  /** All queues ran empty in time. */
  readonly isSettled: boolean;
  readonly oddities: readonly string[];
}

const sender = 'sender@drill.example';
/** So short that what is in doubt is tried again while the drill lasts. */
const settings = ['queue.attemptTimeout=3s', 'queue.retry=1s 1s 2s', 'queue.delayWarn=none', 'queue.expire=1h'];

export async function runOutboundDrill(
  options: DrillOptions,
  progress: (line: string) => void,
): Promise<OutboundDrillResult> {
  const directory = mkdtempSync(join(tmpdir(), 'ringpost-drill-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  const ledgerPath = join(directory, 'arrived');
  const arrived = new LedgerFile(ledgerPath, { fault: ledgerFault() });
  let onArrival = (): void => undefined;
  const onMail = (mail: SinkMail): void => {
    arrived.enter(mail, systemClock.nowMs());
    onArrival();
  };
  const sink = await Sink.start({ rules: sinkRules, onMail });
  const domains = Array.from({ length: options.recipients }, (_, i) => `d${i}.far.example`);
  const drill = new OutboundDrill(options, progress, domains);
  try {
    const rounds = await drill.start(join(directory, 'node'), sink.port);
    onArrival = () => rounds.happened('arrival');
    await drill.run(rounds);
    return await drill.judge(rounds, ledgerPath, join(directory, 'mbox'));
  } finally {
    await drill.end();
    await sink.close();
    arrived.close();
    remove();
  }
}

/** `RINGPOST_DRILL_LEDGER` = `forgets` or `doubles`: a far end that is wrong on purpose. */
function ledgerFault(): LedgerFault {
  const fault = process.env['RINGPOST_DRILL_LEDGER'];
  return fault === 'forgets' || fault === 'doubles' ? fault : 'none';
}

export function isOutboundPassed(result: OutboundDrillResult): boolean {
  return isOutboundClean(result);
}

class OutboundDrill {
  readonly #options: DrillOptions;
  readonly #progress: (line: string) => void;
  readonly #domains: readonly string[];
  readonly #chance: Chance;
  readonly #ledger = new Ledger();
  #rounds: KillRounds | undefined;
  #load: Load | undefined;
  #submissionPort = 0;

  constructor(options: DrillOptions, progress: (line: string) => void, domains: readonly string[]) {
    this.#options = options;
    this.#progress = progress;
    this.#domains = domains;
    this.#chance = new Chance(options.seed);
  }

  /** The node, with an account that may send, and all remote domains at the sink. */
  async start(dataDir: string, sinkPort: number): Promise<KillRounds> {
    const { program, slowSyncMs } = this.#options;
    this.#submissionPort = await freePort();
    const node = await RingpostNode.quickstart('postmaster@drill.example', {
      dataDir,
      program: program ?? programPath,
      wrapper: slowSyncMs === 0 ? [] : slowSync(slowSyncMs),
      sets: [`submission.listen=127.0.0.1:${this.#submissionPort}`, 'submission.allowClearAuth=true'],
    });
    this.#rounds = new KillRounds(node, this.#progress);
    await addAccount(node, sender);
    const routes = this.#domains.map((domain) => `routes.${domain}=127.0.0.1:${sinkPort}`);
    for (const setting of [...settings, ...routes]) {
      const cut = setting.indexOf('=');
      const words = ['set', setting.slice(0, cut), setting.slice(cut + 1)];
      expectDone(await node.cli(words), words.join(' '));
    }
    return this.#rounds;
  }

  async run(rounds: KillRounds): Promise<void> {
    const load = new Load({
      port: this.#submissionPort,
      sessions: this.#options.sessions,
      maker: new OutboundMailMaker(this.#options.seed, sender, this.#domains),
      login,
      ledger: this.#ledger,
      chance: this.#chance,
      onAccepted: () => rounds.happened('reply'),
    });
    this.#load = load;
    const moments = planOutboundKills(this.#options.kills, this.#chance);
    const counts = (): string => `${this.#ledger.count('accepted')} accepted, ${this.#ledger.count('unknown')} unknown`;
    for (const [round, moment] of moments.entries()) {
      await rounds.run(load, moment, `kill ${round + 1}/${moments.length}`, counts, Promise.resolve());
    }
    await load.finish();
  }

  async judge(rounds: KillRounds, ledgerPath: string, mboxPath: string): Promise<OutboundDrillResult> {
    this.#progress('all mail is in; waiting for the queues');
    const isSettled = await untilQueuesAreEmpty(rounds.node);
    const traces = await readTraces(rounds.node, ledgerPath, sender, mboxPath);
    return {
      kills: rounds.restartMs.length,
      ...judgeOutbound(this.#ledger, traces),
      restartMs: rounds.restartMs,
      isSettled,
      oddities: this.#load?.oddities ?? [],
    };
  }

  async end(): Promise<void> {
    this.#load?.abandon();
    const node = this.#rounds?.node;
    if (node !== undefined && node.exit === undefined) await node.kill();
  }
}

function login(client: SmtpClient) {
  return client.ask(`AUTH PLAIN ${Buffer.from(`\0${sender}\0${testPassword}`).toString('base64')}`);
}
