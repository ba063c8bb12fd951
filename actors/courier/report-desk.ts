/**
 * Sees to it that senders hear what became of their mail: each report of a queue becomes a DSN, once it is accepted the
 * queue is told.
 *
 * Promises: a few at a time; one that could not be submitted is tried again when the queue brings it up again; a sender who
 * does not exist gets none, and nobody gets a report about that.
 * Leaves to others: what a DSN looks like (`reports.ts`), keeping reports until then (the queue).
 */
import type { Principal } from '../../runtime/actor/actor.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { errorData } from '../../runtime/base/errors.ts';
import type { Logger } from '../../runtime/observe/logger.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { deliveryDomains, type Report } from '../delivery-domain/protocol.ts';
import type { CourierLimits } from './limits.ts';
import { formatReport, originalOf } from './reports.ts';
import type { ReportFate } from './stats.ts';

export interface ReportMail {
  /** The sender of the mail that it is about. Its own reverse path is null. */
  readonly to: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly smtpUtf8: boolean;
}

/** Accepts it as a mail of its own, with `notify` never. @throws {OperationError} */
export type SubmitReport = (mail: ReportMail) => Promise<unknown>;

export interface ReportDeskOptions {
  readonly core: CoreApi;
  readonly clock: Clock;
  readonly limits: CourierLimits;
  readonly hostname: string;
  readonly log: Logger;
  readonly principal: Principal;
  readonly submit: SubmitReport;
  /** What became of a report, once the queue was told. */
  readonly count: (fate: ReportFate) => void;
  /** The queue was told of all that it brought up: it may have more. */
  readonly settled: (domain: string) => void;
}

interface Task {
  readonly domain: string;
  readonly report: Report;
}

export class ReportDesk {
  readonly #o: ReportDeskOptions;
  /** By domain: ids of what waits or is being written. */
  readonly #inHand = new Map<string, Set<string>>();
  #count = 0;
  #tasks: Task[] = [];
  #running = 0;
  #isStopping = false;

  constructor(options: ReportDeskOptions) {
    this.#o = options;
  }

  get inHand(): number {
    return this.#count;
  }

  take(domain: string, reports: readonly Report[]): void {
    const { reportsInHandMax } = this.#o.limits;
    for (const report of reports) {
      const ids = this.#inHand.get(domain) ?? new Set();
      // The queue brings up each one until it is told.
      if (this.#isStopping || ids.has(report.reportId) || this.#count >= reportsInHandMax) continue;
      this.#inHand.set(domain, ids.add(report.reportId));
      this.#count++;
      this.#tasks.push({ domain, report });
    }
    this.#pump();
  }

  /** What is not submitted yet is brought up again after the next start. */
  stop(): void {
    this.#isStopping = true;
    this.#tasks = [];
  }

  #pump(): void {
    while (this.#running < this.#o.limits.reportsAtOnceMax) {
      const task = this.#tasks.shift();
      if (task === undefined) return;
      this.#running++;
      void this.#write(task);
    }
  }

  async #write({ domain, report }: Task): Promise<void> {
    const { core, clock, log, principal, limits, settled, count } = this.#o;
    let isTold = false;
    try {
      const fate = await this.#submit(report);
      const command = { kind: 'reported', reportIds: [report.reportId] } as const;
      await core.ask(deliveryDomains.ref(domain), command, { principal });
      isTold = true;
      if (fate !== null) count(fate);
    } catch (error) {
      log.warn({ domain, messageId: report.mailId, err: error }, 'a report to a sender has to wait');
    }
    this.#running--;
    this.#count--;
    const ids = this.#inHand.get(domain);
    ids?.delete(report.reportId);
    if (ids?.size === 0) {
      this.#inHand.delete(domain);
      if (isTold) settled(domain);
    }
    if (!isTold) clock.after(limits.repeatMsMax, () => settled(domain));
    this.#pump();
  }

  /** Null: there is nobody to tell. @throws {OperationError} when it may work later */
  async #submit(report: Report): Promise<ReportFate | null> {
    const { core, hostname, log, submit } = this.#o;
    const { reversePath } = report.envelope;
    // RFC 5321 §4.5.5: never a report about a report.
    if (reversePath === '') return null;
    const original = await originalOf(core, report);
    try {
      await submit({ to: reversePath, ...formatReport(report, original, hostname) });
      return report.kind;
    } catch (error) {
      const { transient, code } = errorData(error);
      if (transient) throw error;
      log.warn(
        { messageId: report.mailId, to: reversePath, code, err: error },
        'a report is dropped: its reader takes no mail',
      );
      return 'refused';
    }
  }
}
