/**
 * The outbound side of a node: asks delivery domains for mail, runs dialogues, tells results.
 *
 *     deliveryDue --> [waiting line] --connection free--> begin --> dialogue ... finish --> end --> next in line
 *
 * Promises: fair over domains, a bounded number of connections, of which silent servers keep only a share while others
 * wait; memory by what is active; what was begun is told, however often it takes.
 * Leaves to others: the queue, its schedule and rates (`delivery-domain/`), one dialogue (`dialogue.ts`).
 */
import type { Principal } from '../../runtime/actor/actor.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { errorData } from '../../runtime/base/errors.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { Logger } from '../../runtime/observe/logger.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { type ClusterSettings, mailsPerConnectionOf, policyOf, routeOf } from '../delivery-domain/policy.ts';
import {
  type AttemptResult,
  type CourierId,
  deliveryDomains,
  deliveryDueTopic,
  type Job,
  type Work,
} from '../delivery-domain/protocol.ts';
import { Dialogue, type DialogueContext } from './dialogue.ts';
import { type CourierLimits, courierLimits } from './limits.ts';
import type { OwnNames } from './next-hops.ts';
import { isLoopback } from './open-session.ts';
import { partsOf } from './parts.ts';
import { noReply } from './reply.ts';
import { ReportDesk, type SubmitReport } from './report-desk.ts';
import { dnsResolver, type Resolver } from './resolver.ts';
import { followSettings } from './settings-feed.ts';
import { CourierCounts, type CourierStats } from './stats.ts';
import { opportunisticTls, type TlsPolicy } from './tls-policy.ts';
import { stopping } from './verdicts.ts';
import { WaitingLine } from './waiting-line.ts';

export interface CourierOptions {
  readonly core: CoreApi;
  readonly courier: CourierId;
  readonly hostname: string;
  /** `address` or `address:port`; none: as the system has them. */
  readonly dnsServers: readonly string[];
  readonly connectionsMax: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly submit: SubmitReport;
  /** Where this node takes mail: an MX that leads there leads nowhere. */
  readonly listening?: OwnNames['listening'];
  readonly limits?: CourierLimits;
  readonly resolver?: Resolver;
  readonly tlsPolicy?: TlsPolicy;
  /** Where the servers of other domains listen; 25 but for tests. */
  readonly smtpPort?: number;
  /** Which addresses nobody can listen in on; for tests, whose servers are all on loopback. */
  readonly isLoopback?: (ip: string) => boolean;
}

export interface CourierHandle {
  /** No new mail; what is being sent may end within the time, and its results are told. */
  stop(graceMs: number): Promise<void>;
  stats(): CourierStats;
}

export function startCourier(options: CourierOptions): CourierHandle {
  const courier = new Courier(options);
  courier.start();
  return courier;
}

/** A dialogue that keeps its place for longer gives it to whoever waits. */
const turnMsMax = 10_000;
/** Of the grace time: what sending may take; the rest is for telling. */
const sendingShare = 0.7;

class Courier implements CourierHandle {
  readonly #o: CourierOptions;
  readonly #limits: CourierLimits;
  readonly #principal: Principal;
  readonly #line: WaitingLine;
  readonly #reports: ReportDesk;
  readonly #context: DialogueContext;
  readonly #dialogues = new Map<Dialogue, { readonly domain: string; readonly sinceMs: number }>();
  readonly #counts = new CourierCounts();
  #settings: ClusterSettings | null = null;
  #connections = 0;
  #isStopping = false;
  #hasGivenUp = false;
  #whenIdle: (() => void) | null = null;
  #cancelLook: (() => void) | null = null;
  #unfollow: (() => void)[] = [];

  constructor(options: CourierOptions) {
    const { core, clock, random, hostname, dnsServers, listening = [], tlsPolicy = opportunisticTls } = options;
    const limits = options.limits ?? courierLimits;
    this.#o = options;
    this.#limits = limits;
    this.#principal = { kind: 'node', id: options.courier.node };
    this.#line = new WaitingLine(limits.domainsWaitingMax);
    this.#reports = new ReportDesk({
      ...{ core, clock, limits, hostname, log: options.log, submit: options.submit },
      principal: this.#principal,
      settled: (domain) => this.#due(domain),
      count: (fate) => void this.#counts.reports[fate]++,
    });
    const resolver = options.resolver ?? dnsResolver({ servers: dnsServers, clock, limits });
    const own = { hostname, listening };
    const dialer = { resolver, random, own, limits, tlsPolicy, smtpPort: options.smtpPort ?? 25 };
    this.#context = { core, clock, limits, dialer, hostname, isLoopback: options.isLoopback ?? isLoopback };
  }

  start(): void {
    const { core, log } = this.#o;
    this.#unfollow = [
      followSettings(core, this.#principal, log, (settings) => {
        this.#settings = settings;
        this.#pump();
      }),
      core.subscribe(deliveryDueTopic, (domain) => {
        if (typeof domain === 'string') this.#due(domain);
      }),
    ];
  }

  stats(): CourierStats {
    return {
      connections: this.#connections,
      domainsServed: this.#line.servedCount,
      domainsWaiting: this.#line.waitingCount,
      reportsInHand: this.#reports.inHand,
      counts: this.#counts,
    };
  }

  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#o;
    this.#isStopping = true;
    this.#line.clear();
    this.#cancelLook?.();
    this.#reports.stop();
    for (const end of this.#unfollow.splice(0)) end();
    const cut = clock.after(graceMs * sendingShare, () => {
      for (const dialogue of this.#dialogues.keys()) dialogue.cut(stopping);
    });
    await new Promise<void>((resolve) => {
      const late = clock.after(graceMs, resolve);
      this.#whenIdle = () => {
        late();
        resolve();
      };
      if (this.#connections === 0) this.#whenIdle();
    });
    cut();
    this.#hasGivenUp = true;
  }

  #due(domain: string): void {
    if (this.#isStopping) return;
    if (!this.#line.add(domain))
      this.#o.log.warn({ domain }, 'too many domains wait for a connection; told again later');
    this.#pump();
  }

  #pump(): void {
    while (this.#settings !== null && !this.#isStopping && this.#connections < this.#o.connectionsMax) {
      const domain = this.#line.next();
      if (domain === null) return;
      this.#connections++;
      void this.#serve(domain);
    }
    if (this.#line.hasFirst) this.#lookForSilent();
  }

  async #serve(domain: string): Promise<void> {
    const { clock } = this.#o;
    const isOpening = { value: true };
    const work = await this.#begin(domain);
    const hasTalk = work?.dialogue != null;
    if (hasTalk) await this.#converse(domain, work.dialogue, work.jobs, isOpening);
    this.#connections--;
    if (this.#connections === 0) this.#whenIdle?.();
    // Its other dialogues bring what comes in: asking for one more at each mail would only cost.
    if (!hasTalk && this.#line.hasSeveral(domain))
      clock.after(this.#limits.askAgainMs, () => this.#leave(domain, true, 0));
    // Of a server that did not let us in, the next mails wait a little.
    else this.#leave(domain, isOpening.value, hasTalk ? this.#limits.repeatMsMax : 0);
    this.#pump();
  }

  #leave(domain: string, wasOpening: boolean, waitMs: number): void {
    if (!this.#line.ended(domain, wasOpening)) return;
    if (waitMs === 0) this.#due(domain);
    else this.#o.clock.after(waitMs, () => this.#due(domain));
  }

  async #begin(domain: string): Promise<Work | null> {
    const { core, courier, clock, log } = this.#o;
    const policy = policyOf(domain, this.#settings!);
    const command = { kind: 'begin', courier, policy, mailsMax: this.#limits.firstMailsMax } as const;
    try {
      const work = await core.ask(deliveryDomains.ref(domain), command, { principal: this.#principal });
      this.#reports.take(domain, work.reports);
      return work;
    } catch (error) {
      const { transient, text } = errorData(error);
      if (transient) clock.after(this.#limits.repeatMsMax, () => this.#due(domain));
      log.warn({ domain, err: error }, `a queue could not be asked for mail: ${text}`);
      return null;
    }
  }

  async #converse(domain: string, id: string, jobs: readonly Job[], isOpening: { value: boolean }): Promise<void> {
    const sinceMs = this.#o.clock.monotonicMs();
    const settings = (): ClusterSettings => this.#settings!;
    let isDrained = false;
    const dialogue: Dialogue = new Dialogue(domain, this.#context, {
      confirm: (job) => this.#confirm(domain, job),
      finish: async (results, mailsMax) => {
        const work = await this.#finish(domain, id, results, mailsMax);
        isDrained = mailsMax > 0 && work?.dialogue == null;
        return work;
      },
      route: () => routeOf(domain, settings()),
      mayGoOn: () => this.#mayGoOn(domain, sinceMs),
      mailsPerConnection: () => mailsPerConnectionOf(settings()),
      attemptMsMax: () => policyOf(domain, settings()).attemptTimeoutMs,
      reached: () => {
        if (!isOpening.value) return;
        isOpening.value = false;
        this.#line.opened(domain);
        this.#pump();
      },
      ended: (job, result) => this.#counts.countAttempt(job, result, this.#o.clock.nowMs()),
    });
    this.#line.more(domain);
    this.#dialogues.set(dialogue, { domain, sinceMs });
    try {
      await dialogue.run(jobs);
    } finally {
      this.#dialogues.delete(dialogue);
    }
    // It ended for reasons of ours: there may be more.
    if (!isDrained && !isOpening.value) this.#due(domain);
  }

  #mayGoOn(domain: string, sinceMs: number): boolean {
    if (this.#isStopping) return false;
    if (this.#connections < this.#o.connectionsMax || !this.#line.hasFirst) return true;
    return !this.#line.hasSeveral(domain) && this.#o.clock.monotonicMs() - sinceMs < turnMsMax;
  }

  async #finish(
    domain: string,
    dialogue: string,
    results: readonly AttemptResult[],
    mailsMax: number,
  ): Promise<Work | null> {
    const parts = [...partsOf(results, this.#limits)];
    const last = parts.pop()!;
    for (const part of parts) await this.#tell(domain, dialogue, part, 0);
    return await this.#tell(domain, dialogue, last, mailsMax);
  }

  /**
   * Repeated until it is taken, and in halves where it never would be: what was sent and is not told would be sent again.
   * Null: the last of them was not taken.
   */
  async #tell(
    domain: string,
    dialogue: string,
    results: readonly AttemptResult[],
    mailsMax: number,
  ): Promise<Work | null> {
    const { core, courier, log } = this.#o;
    let waitMs = this.#limits.repeatMsMin;
    for (;;) {
      const policy = policyOf(domain, this.#settings!);
      const asksFor = this.#isStopping ? 0 : mailsMax;
      const command = { kind: 'finish', courier, policy, dialogue, results, mailsMax: asksFor } as const;
      try {
        const work = await core.ask(deliveryDomains.ref(domain), command, { principal: this.#principal });
        this.#reports.take(domain, work.reports);
        return work;
      } catch (error) {
        const isForGood = !errorData(error).transient;
        const isSplit = isForGood && results.length > 1;
        const isLost = this.#hasGivenUp || (isForGood && !isSplit && asksFor === 0);
        log.warn({ domain, results: results.length, isLost, isSplit, err: error }, 'results of mails were not taken');
        if (isLost) return null;
        if (isSplit) {
          const half = results.length >> 1;
          await this.#tell(domain, dialogue, results.slice(0, half), 0);
          return await this.#tell(domain, dialogue, results.slice(half), mailsMax);
        }
        // One alone may be refused for what comes with its answer.
        if (isForGood) return await this.#tell(domain, dialogue, results, 0);
      }
      await this.#pause(waitMs);
      waitMs = Math.min(waitMs * 2, this.#limits.repeatMsMax);
    }
  }

  async #confirm(domain: string, { itemId, attemptId }: Job): Promise<boolean> {
    const { core, clock } = this.#o;
    const untilMs = clock.monotonicMs() + this.#limits.confirmMsMax;
    for (;;) {
      try {
        const query = { kind: 'confirm', itemId, attemptId } as const;
        return (await core.query(deliveryDomains.ref(domain), query, { principal: this.#principal })).go;
      } catch (error) {
        if (!errorData(error).transient || clock.monotonicMs() >= untilMs || this.#isStopping) return false;
      }
      await this.#pause(this.#limits.repeatMsMin);
    }
  }

  /** While others wait, servers that say nothing may keep a share of the connections, and no more. */
  #lookForSilent(): void {
    if (this.#cancelLook !== null || this.#isStopping) return;
    const { clock, connectionsMax } = this.#o;
    this.#cancelLook = clock.after(this.#limits.silentMs / 2, () => {
      this.#cancelLook = null;
      const nowMs = clock.monotonicMs();
      const silent = [...this.#dialogues.keys()].filter((dialogue) => dialogue.isSilent(nowMs));
      const tooMany = silent.length - Math.floor(connectionsMax * this.#limits.silentShare);
      const isFull = this.#connections >= connectionsMax;
      // The map is in the order in which they began.
      if (isFull && tooMany > 0) for (const dialogue of silent.slice(0, tooMany)) dialogue.cut(tooSilent);
      this.#pump();
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#o.clock.after(ms, resolve));
  }
}

const tooSilent = noReply('4.4.1', 'the server does not answer, and other domains wait for the connection');
