/** A delivery domain on a bench, with a courier that says what came of each mail. */
import { deliveryDomain } from '../../actors/delivery-domain/delivery-domain.ts';
import type {
  AttemptResult,
  DeliveryDomainProtocol,
  DeliveryPolicy,
  Job,
  QueueItem,
  RecipientResult,
  Work,
} from '../../actors/delivery-domain/protocol.ts';
import type { OutgoingMessage, RemoteRecipient } from '../../actors/mail/outgoing.ts';
import { ActorBench } from './actor-bench.ts';
import { sampleMail } from './mail-samples.ts';

export const minuteMs = 60_000;

export const samplePolicy: DeliveryPolicy = {
  concurrency: 2,
  perMinute: 0,
  retryMs: [minuteMs, 5 * minuteMs],
  expireMs: 60 * minuteMs,
  delayWarnMs: 0,
  attemptTimeoutMs: 10 * minuteMs,
  inDoubt: 'retry',
};

export function sampleOutgoing(facts: { mailId?: string; reversePath?: string } = {}): OutgoingMessage {
  const mail = sampleMail(facts.mailId === undefined ? {} : { mailId: facts.mailId });
  const { reversePath = 'ann@example.org' } = facts;
  const envelope = { ...mail.envelope, reversePath };
  return { ...mail, envelope, prefix: new Uint8Array(3), dsn: { ret: null, envelopeId: null }, smtpUtf8: false };
}

export const to = (address: string, facts: Partial<RemoteRecipient> = {}): RemoteRecipient => ({
  address,
  notify: null,
  orcpt: null,
  fingerprint: null,
  ...facts,
});

type Outcome = RecipientResult['outcome'];
const codes: Readonly<Record<Outcome, number>> = { delivered: 250, deferred: 451, failed: 550, inDoubt: 0 };

/** The same outcome for all recipients, or one for each address that is named. */
export function resultOf(
  job: Job,
  outcome: Outcome | Readonly<Record<string, Outcome>>,
  reached = true,
): AttemptResult {
  return {
    itemId: job.itemId,
    attemptId: job.attemptId,
    recipients: job.recipients.map(({ address }): RecipientResult => {
      const its = typeof outcome === 'string' ? outcome : (outcome[address] ?? 'deferred');
      return {
        address,
        outcome: its,
        code: reached ? codes[its] : 0,
        enhanced: reached ? '' : '4.4.1',
        text: `said ${its}`,
      };
    }),
    source: null,
    mx: 'mx.example.net',
    ip: '192.0.2.1',
    tls: { policy: 'opportunistic', outcome: 'none' },
    dsnPassedOn: false,
    tookMs: 5,
  };
}

export class QueueBench extends ActorBench<DeliveryDomainProtocol> {
  policy: DeliveryPolicy = samplePolicy;
  courier = { node: 'n1', start: 'first' };

  constructor(policy: Partial<DeliveryPolicy> = {}) {
    super(deliveryDomain, { key: 'example.net' });
    this.policy = { ...samplePolicy, ...policy };
  }

  send(addresses: readonly string[] = ['bob@example.net'], message = sampleOutgoing()): string {
    return this.ask({ kind: 'enqueue', message, recipients: addresses.map((address) => to(address)) }).mailId;
  }

  begin(mailsMax = 10): Work {
    return this.ask({ kind: 'begin', courier: this.courier, policy: this.policy, mailsMax });
  }

  finish(work: Work, results: readonly AttemptResult[], mailsMax = 0): Work {
    const { courier, policy } = this;
    return this.ask({ kind: 'finish', courier, policy, dialogue: work.dialogue ?? '', results, mailsMax });
  }

  /** Tries everything that is due once, with the same outcome. */
  tryAll(outcome: Outcome): number {
    const work = this.begin(100);
    this.finish(
      work,
      work.jobs.map((job) => resultOf(job, outcome)),
    );
    return work.jobs.length;
  }

  items(): readonly QueueItem[] {
    return this.query({ kind: 'items', after: null, limit: 500 }).items;
  }

  states(): readonly string[] {
    return this.items().map(({ state }) => state);
  }

  summary() {
    return this.query({ kind: 'summary' });
  }
}
