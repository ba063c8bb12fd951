/**
 * The outbound half of a drill with several nodes: mail is submitted through any node for remote domains, which all lead
 * to a sink in our process that keeps a ledger. What becomes of each recipient is as in `../outbound/`.
 */
import { join } from 'node:path';
import { LedgerFile } from '../../../bench/sink/ledger-file.ts';
import { Sink } from '../../../bench/sink/sink.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import type { Answer } from '../../support/smtp-answers.ts';
import type { SmtpClient } from '../../support/smtp-client.ts';
import type { ClusterNode } from '../../support/process-cluster-node.ts';
import type { ProcessCluster } from '../../support/process-cluster.ts';
import { expectDone } from '../../support/process-command.ts';
import { addAccount, testPassword } from '../../support/process-mailboxes.ts';
import { Chance } from '../chance.ts';
import type { DrillOptions } from '../options.ts';
import { sinkRules } from '../outbound/fates.ts';
import { OutboundMailMaker } from '../outbound/outbound-mails.ts';
import { readTraces, untilQueuesAreEmpty } from '../outbound/outbound-reading.ts';
import { judgeOutbound, type OutboundVerdict } from '../outbound/outbound-verdict.ts';
import { domain } from './addresses.ts';
import { ClusterLoad } from './cluster-load.ts';
import { Books } from './sending.ts';

const sender = `out@${domain}`;
/** So short that what is in doubt is tried again while the drill lasts. */
const settings = ['queue.attemptTimeout=3s', 'queue.retry=1s 1s 2s', 'queue.delayWarn=none', 'queue.expire=1h'];
const farDomains = 9;
const thinkMs = 400;
/** Beside eight inbound ones, three: every login costs a password hash. */
const sessionShare = 0.35;

export interface OutboundOutcome {
  readonly verdict: OutboundVerdict;
  readonly isSettled: boolean;
  /** Recipients that the in-doubt ledger names. */
  readonly inDoubt: number;
  readonly wrongCount: number;
  readonly faults: readonly string[];
}

export class OutboundSide {
  readonly #sink: Sink;
  readonly #arrived: LedgerFile;
  readonly #directory: string;
  readonly #books: Books;
  readonly #load: ClusterLoad;

  private constructor(sink: Sink, arrived: LedgerFile, directory: string, books: Books, load: ClusterLoad) {
    this.#sink = sink;
    this.#arrived = arrived;
    this.#directory = directory;
    this.#books = books;
    this.#load = load;
  }

  /** @param onAccepted called in the turn in which a 250 to a mail was read */
  static async start(
    cluster: ProcessCluster,
    options: DrillOptions,
    directory: string,
    onAccepted: () => void,
  ): Promise<OutboundSide> {
    const arrived = new LedgerFile(join(directory, 'arrived'));
    const sink = await Sink.start({
      rules: sinkRules,
      onMail: (mail) => arrived.enter(mail, systemClock.nowMs()),
    });
    const domains = Array.from({ length: farDomains }, (_, i) => `d${i}.far.example`);
    try {
      await prepare(cluster.nodes[0]!, domains, sink.port);
    } catch (error) {
      // The caller has nothing to end yet.
      await sink.close();
      throw error;
    }
    const books = new Books();
    const load = new ClusterLoad({
      doors: cluster.nodes.map(({ id, submissionPort }) => ({ node: id, port: submissionPort })),
      sessions: Math.ceil(options.sessions * sessionShare),
      // Another seed: its Message-IDs are not those of the inbound mails.
      maker: new OutboundMailMaker(options.seed + 1, sender, domains),
      chance: new Chance(options.seed + 2),
      ...{ thinkMs, login, books, onAccepted },
    });
    return new OutboundSide(sink, arrived, directory, books, load);
  }

  finish(): Promise<void> {
    return this.#load.finish();
  }

  async judge(cluster: ProcessCluster): Promise<OutboundOutcome> {
    const node = cluster.nodes.findLast(({ isRunning }) => isRunning)!.life;
    const isSettled = await untilQueuesAreEmpty(node);
    const traces = await readTraces(node, join(this.#directory, 'arrived'), sender, join(this.#directory, 'mbox'));
    const verdict = judgeOutbound(this.#books.ledger, traces);
    return {
      ...{ verdict, isSettled, wrongCount: this.#load.wrongCount },
      inDoubt: [...traces.values()].filter(({ doubts }) => doubts > 0).length,
      faults: [...verdict.faults, ...this.#load.wrong.slice(0, 5)],
    };
  }

  async end(): Promise<void> {
    this.#load.abandon();
    await this.#sink.close();
    this.#arrived.close();
  }
}

/** An account that may send, and all remote domains at the sink. */
async function prepare(node: ClusterNode, domains: readonly string[], sinkPort: number): Promise<void> {
  await addAccount(node.life, sender);
  for (const setting of [...settings, ...domains.map((name) => `routes.${name}=127.0.0.1:${sinkPort}`)]) {
    const cut = setting.indexOf('=');
    const words = ['set', setting.slice(0, cut), setting.slice(cut + 1)];
    expectDone(await node.cli(words), words.join(' '));
  }
}

function login(client: SmtpClient): Promise<Answer> {
  return client.ask(`AUTH PLAIN ${Buffer.from(`\0${sender}\0${testPassword}`).toString('base64')}`);
}
