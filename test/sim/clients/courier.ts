/**
 * A courier without sockets: asks the delivery domains for work, has each dot confirmed, tells results, writes DSNs. It lives
 * and dies with a machine.
 */
import { hash } from 'node:crypto';
import {
  type AttemptResult,
  deliveryDomains,
  type DeliveryPolicy,
  type Job,
  type RecipientResult,
  type Report,
  type Work,
} from '../../../actors/delivery-domain/protocol.ts';
import type { AskOptions } from '../../../runtime/actor/actor.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { shareName } from '../oracle/outbound-ledger.ts';
import type { Life, Machine } from '../world/machine.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import type { Edge } from './edge.ts';
import type { Rcpt, Remote } from './remote.ts';
import { indexOfAddress, mailboxIdOf, remoteDomains } from './setup.ts';
import { handIn } from './smtp-client.ts';

const options: AskOptions = { principal: { kind: 'node', id: 'courier' }, timeoutMs: 3_000 };

export class Courier {
  readonly #world: SimWorld;
  readonly #machine: Machine;
  readonly #life: Life;
  readonly #edge: Edge;
  readonly #remote: Remote;
  readonly #dice: Dice;
  readonly #policy: DeliveryPolicy;

  constructor(world: SimWorld, machine: Machine, life: Life, edge: Edge, remote: Remote) {
    this.#world = world;
    this.#machine = machine;
    this.#life = life;
    this.#edge = edge;
    this.#remote = remote;
    this.#dice = world.dice.split(`courier ${machine.id} ${life.number}`);
    this.#policy = {
      ...{ concurrency: 2, perMinute: 0, retryMs: [1_000, 3_000], expireMs: 5 * 86_400_000, delayWarnMs: 0 },
      ...{ attemptTimeoutMs: 8_000, inDoubt: world.plan.mix.inDoubt },
    };
  }

  async run(isOver: () => boolean): Promise<void> {
    await Promise.all(remoteDomains.map((domain) => this.#serve(domain, isOver)));
  }

  async #serve(domain: string, isOver: () => boolean): Promise<void> {
    while (!isOver() && !this.#life.isOver) {
      try {
        await this.#pause(this.#dice.spread(200, 1_500));
        let work = await this.#ask(domain, { kind: 'begin', mailsMax: this.#dice.whole(1, 4) });
        while (!this.#life.isOver) {
          await this.#report(domain, work.reports);
          const { dialogue, jobs } = work;
          if (dialogue === null) break;
          const results: AttemptResult[] = [];
          for (const job of jobs) results.push(await this.#try(domain, job));
          // Without a mail in hand nothing keeps it open.
          const mailsMax = jobs.length === 0 ? 0 : this.#dice.whole(0, 3);
          work = await this.#ask(domain, { kind: 'finish', dialogue, results, mailsMax });
          if (jobs.length === 0) break;
        }
      } catch (error) {
        if (!(error instanceof OperationError || error instanceof Died)) throw error;
      }
    }
  }

  #ask(
    domain: string,
    command:
      | { readonly kind: 'begin'; readonly mailsMax: number }
      | {
          readonly kind: 'finish';
          readonly dialogue: string;
          readonly results: AttemptResult[];
          readonly mailsMax: number;
        },
  ): Promise<Work> {
    this.#requireLife();
    const courier = { node: this.#machine.id, start: `s${this.#life.number}` };
    return this.#edge.core.ask(deliveryDomains.ref(domain), { ...command, courier, policy: this.#policy }, options);
  }

  async #try(domain: string, job: Job): Promise<AttemptResult> {
    const { oracle } = this.#world;
    const bytes = await this.#edge.core.readBody(job.body.hash).catch((error: unknown) => {
      if (!(error instanceof OperationError)) throw error;
      return null;
    });
    if (bytes === null) {
      // It would be handed the same job at once.
      await this.#pause(500);
      return this.#result(job, []);
    }
    if (hash('sha256', bytes, 'base64url') !== job.body.hash)
      oracle.fail(`the body of ${job.itemId} is not what was sent`);
    this.#requireLife();
    const rcpts = await this.#remote.open(job);
    this.#requireLife();
    const taken = rcpts.filter(({ verdict }) => verdict === 'taken');
    const refused = rcpts.filter(({ verdict }) => verdict !== 'taken').map(outcomeOf);
    if (taken.length === 0) return this.#result(job, refused);
    const query = { kind: 'confirm', itemId: job.itemId, attemptId: job.attemptId } as const;
    const { go } = await this.#edge.core.query(deliveryDomains.ref(domain), query, options);
    this.#requireLife();
    if (!go) return this.#result(job, []);
    await this.#awake();
    const outcome = (await this.#remote.dot(job, taken)) ?? 'inDoubt';
    this.#requireLife();
    return this.#result(job, [...refused, ...taken.map(({ address }) => resultOf(address, outcome))]);
  }

  #result(job: Job, recipients: readonly RecipientResult[]): AttemptResult {
    return {
      ...{ itemId: job.itemId, attemptId: job.attemptId, recipients, source: null, mx: 'mx.example', ip: null },
      ...{ tls: { policy: 'none', outcome: 'none' }, dsnPassedOn: false, tookMs: 1 },
    };
  }

  /** A DSN has the report in its Message-ID, so that a second one is the same mail. */
  async #report(domain: string, reports: readonly Report[]): Promise<void> {
    const { oracle } = this.#world;
    for (const report of reports) {
      const to = report.envelope.reversePath;
      const about = report.recipients.map(({ address }) => address);
      const text = `Subject: report\r\nMessage-ID: <${report.reportId}@sim.example>\r\n\r\n${about.join('\r\n')}\r\n`;
      const bytes = new Uint8Array(Buffer.from(text));
      const body = { hash: hash('sha256', bytes, 'base64url'), sizeBytes: bytes.length };
      const original = oracle.mails.of(report.body.hash);
      if (original === undefined) return oracle.fail(`a report of a mail that nobody sent`);
      const of = about.map((address) => shareName(original, address));
      const facts = {
        hasMessageId: true,
        sender: to,
        mailboxIds: [mailboxIdOf(indexOfAddress(to))],
        remote: [],
        flags: [],
      };
      const mail =
        oracle.mails.of(body.hash) ?? oracle.mails.enter({ body, ...facts, report: { reportId: report.reportId, of } });
      if (mail.outcome !== 'accepted') {
        await handIn(this.#world, this.#edge, this.#dice, mail, [to], bytes, 2);
      }
      this.#requireLife();
      if ((mail.outcome as string) !== 'accepted') continue;
      const command = { kind: 'reported', reportIds: [report.reportId] } as const;
      await this.#edge.core.ask(deliveryDomains.ref(domain), command, options);
    }
  }

  async #pause(delayMs: number): Promise<void> {
    await this.#world.timeline.sleep(delayMs);
    await this.#awake();
  }

  /** It is paused with its machine. */
  async #awake(): Promise<void> {
    while (this.#machine.pausedUntilMs > this.#world.nowMs) {
      await this.#world.timeline.sleep(this.#machine.pausedUntilMs - this.#world.nowMs);
    }
    this.#requireLife();
  }

  #requireLife(): void {
    if (this.#life.isOver) throw new Died();
  }
}

/** The process is gone, and this with it. */
class Died extends Error {}

const resultOf = (address: string, outcome: RecipientResult['outcome']): RecipientResult => ({
  ...{ address, outcome },
  ...(outcome === 'delivered'
    ? { code: 250, enhanced: '2.0.0', text: 'ok' }
    : outcome === 'failed'
      ? { code: 550, enhanced: '5.1.1', text: 'no' }
      : outcome === 'inDoubt'
        ? { code: 0, enhanced: '', text: 'no reply' }
        : { code: 451, enhanced: '4.7.1', text: 'later' }),
});

const outcomeOf = ({ address, verdict }: Rcpt): RecipientResult =>
  resultOf(address, verdict === 'never' ? 'failed' : 'deferred');
