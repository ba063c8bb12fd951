/**
 * The delivery-domain actor: the queue of mail for one remote domain. Key: the domain in lower-case A-labels, or
 * `[192.0.2.1]` for an address literal.
 *
 *     spool, edge -- enqueue --> [queue] <-- begin / finish -- courier -- SMTP --> remote server
 *                                   |            ^ announce: there is something to do
 *                                   +-- reports --> courier writes DSNs, which are ordinary mail
 *
 * A courier asks for work (`begin`): what it gets was committed as *begun* before the answer left. It asks again right
 * before each final dot (`confirm`), and tells what came of it (`finish`, which also brings the next mails). What is
 * begun and never finished enters the in-doubt ledger when its time is up, or when the courier that began it is gone.
 */
import { type BodyRef, defineActor } from '../../runtime/actor/actor.ts';
import type { DsnRequest, DsnWishes } from '../mail/dsn-wishes.ts';
import type { Envelope, IncomingMessage } from '../mail/message.ts';
import type { OutgoingMessage, RemoteRecipient } from '../mail/outgoing.ts';

/** One mail for up to `itemRecipientsMax` recipients of the domain: what one SMTP transaction carries. */
export type ItemId = string;
export type ItemState = 'queued' | 'attempting' | 'inDoubt' | 'held';

/** Who does attempts: one start of a courier on a node. */
export interface CourierId {
  readonly node: string;
  /** Differs at every start. */
  readonly start: string;
}

/** What holds for the domain now. A handler cannot ask the settings, so whoever asks says it. */
export interface DeliveryPolicy {
  /** Dialogues at a time, cluster-wide. */
  readonly concurrency: number;
  /** Attempts begun in any 60 s; 0: no limit. */
  readonly perMinute: number;
  /** Waits between attempts in ms: the first after the first attempt, the last one repeats. */
  readonly retryMs: readonly number[];
  /** Age at which a mail is given up (RFC 5321 §4.5.4.1). */
  readonly expireMs: number;
  /** Age at which the sender is told of the delay; 0: never. */
  readonly delayWarnMs: number;
  /** A begun attempt without result is in doubt after this. */
  readonly attemptTimeoutMs: number;
  readonly inDoubt: 'retry' | 'hold' | 'drop';
}

/** One mail to try, begun and committed. */
export interface Job {
  readonly itemId: ItemId;
  readonly attemptId: string;
  readonly mailId: string;
  readonly body: BodyRef;
  readonly prefix: Uint8Array;
  readonly envelope: Envelope;
  readonly dsn: DsnRequest;
  readonly smtpUtf8: boolean;
  readonly recipients: readonly RemoteRecipient[];
  /** Attempts before this one. */
  readonly attempts: number;
  /** When the mail joined the queue. */
  readonly enqueuedMs: number;
  /** Where it goes in place of the domain's MX or route: `host:port`; null as usual. */
  readonly route: string | null;
}

/** A remote server's word about one recipient, or ours in its place (`code` 0: no reply). */
export interface RecipientResult {
  readonly address: string;
  /** `deferred`: try again later; `failed`: never again; `inDoubt`: the dot went out and no answer came. */
  readonly outcome: 'delivered' | 'deferred' | 'failed' | 'inDoubt';
  readonly code: number;
  /** RFC 3463, e.g. `4.4.1`; '' when there is none. */
  readonly enhanced: string;
  /** Cut at 300 characters, without control characters. */
  readonly text: string;
}

/** Plan §11: an attempt's result. */
export interface AttemptResult {
  readonly itemId: ItemId;
  readonly attemptId: string;
  /** Those of the job, each once; none: it was not tried (the courier stops), and this counts as no attempt. */
  readonly recipients: readonly RecipientResult[];
  readonly source: string | null;
  /** Name of the host that was talked to, or tried last; '' when there was none. */
  readonly mx: string;
  readonly ip: string | null;
  readonly tls: { readonly policy: string; readonly outcome: string };
  /** The server took our DSN parameters, and reports success itself (RFC 3461 §5.2.1). */
  readonly dsnPassedOn: boolean;
  readonly tookMs: number;
}

/** Something that the sender must be told. Kept until `reported`. */
export interface Report {
  readonly reportId: string;
  readonly kind: 'failure' | 'delay' | 'success';
  readonly atMs: number;
  readonly mailId: string;
  /** Never a null reverse-path. */
  readonly envelope: Envelope;
  readonly dsn: DsnRequest;
  readonly body: BodyRef;
  readonly arrivedAtMs: number;
  readonly recipients: readonly (RecipientResult & {
    readonly orcpt: string | null;
    readonly mx: string;
    /** When the mail is given up; for `delay`. */
    readonly willRetryUntilMs: number | null;
  })[];
}

/** Answer to a courier: what it may do now. */
export interface Work {
  /** Null: none may be opened, or the one that goes on has no mail in hand and gets none: it is closed. */
  readonly dialogue: string | null;
  readonly jobs: readonly Job[];
  /** At most a page of them; the courier takes care of each and says `reported`. */
  readonly reports: readonly Report[];
}

/** Which items an operator means: all that match every field given. */
export interface ItemFilter {
  readonly itemIds?: readonly ItemId[];
  readonly mailId?: string;
  readonly sender?: string;
  readonly olderThanMs?: number;
  readonly state?: ItemState;
}

export type DeliveryDomainCommand =
  /** From an edge, when this is the mail's only destination. */
  | { readonly kind: 'enqueue'; readonly message: OutgoingMessage; readonly recipients: readonly RemoteRecipient[] }
  /** Opens a dialogue, if one may be opened, with its first mails. */
  | {
      readonly kind: 'begin';
      readonly courier: CourierId;
      readonly policy: DeliveryPolicy;
      readonly mailsMax: number;
    }
  /** Results of a dialogue; `mailsMax` 0 closes it, more asks for further mails over the same connection. */
  | {
      readonly kind: 'finish';
      readonly courier: CourierId;
      readonly policy: DeliveryPolicy;
      readonly dialogue: string;
      readonly results: readonly AttemptResult[];
      readonly mailsMax: number;
    }
  /** The mail that says so has been accepted by its own queue or mailbox. */
  | { readonly kind: 'reported'; readonly reportIds: readonly string[] }
  | { readonly kind: 'pause' | 'resume' }
  /**
   * Operators. `preview` changes nothing and counts. `drop` puts items into the hold window, out of which `undrop`
   * takes them for `dropHoldMs`; then they are gone. `release` makes held ones due.
   */
  | {
      readonly kind: 'control';
      readonly action: 'retry' | 'hold' | 'release' | 'drop' | 'undrop' | 'reroute';
      readonly filter: ItemFilter;
      readonly preview: boolean;
      /** For `reroute`: `host:port`, or null for back to the domain's own. */
      readonly route?: string | null;
      readonly progress?: { readonly after: ItemId; readonly count: number };
    };

export interface QueueItem {
  readonly itemId: ItemId;
  readonly mailId: string;
  readonly state: ItemState;
  /** In the hold window of a drop: gone at this time; null otherwise. */
  readonly droppedUntilMs: number | null;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly attempts: number;
  readonly enqueuedAtMs: number;
  /** Null while held or being attempted. */
  readonly nextAttemptAtMs: number | null;
  readonly expiresAtMs: number | null;
  readonly lastReply: string | null;
  readonly sizeBytes: number;
}

/** A line of the in-doubt ledger, kept for 30 days. */
export interface InDoubtEntry {
  readonly entryId: string;
  readonly atMs: number;
  readonly itemId: ItemId;
  readonly mailId: string;
  readonly attemptId: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly begunAtMs: number;
  readonly mx: string | null;
  /** `timeout`: no result came in time; `courierLost`: it ended; `noReply`: the dot went out and the line broke. */
  readonly cause: 'timeout' | 'courierLost' | 'noReply';
  /** What the policy made of it. */
  readonly decided: 'retry' | 'hold' | 'drop';
}

export interface QueueSummary {
  readonly items: number;
  readonly byState: Readonly<Record<ItemState, number>>;
  readonly dropped: number;
  readonly reports: number;
  readonly isPaused: boolean;
  readonly nextDueMs: number | null;
  readonly oldestMs: number | null;
}

export type DeliveryDomainQuery =
  /** True while the attempt is begun and nobody called it back: asked right before the final dot. */
  | { readonly kind: 'confirm'; readonly itemId: ItemId; readonly attemptId: string }
  | { readonly kind: 'items'; readonly after: ItemId | null; readonly limit: number }
  | { readonly kind: 'item'; readonly itemId: ItemId }
  | { readonly kind: 'inDoubt'; readonly after: string | null; readonly limit: number }
  | { readonly kind: 'summary' };

export type DeliveryDomainNotice =
  | {
      readonly kind: 'enqueue';
      readonly message: OutgoingMessage;
      readonly recipients: readonly RemoteRecipient[];
    }
  /**
   * What became of an accepted mail at a mailbox here. To the domain of its reverse-path, since that is where the report
   * will go; it is asked of the same couriers as those of its queue.
   */
  | {
      readonly kind: 'report';
      readonly report: 'failure' | 'success';
      readonly message: IncomingMessage;
      readonly wishes: DsnWishes;
      readonly result: RecipientResult;
    };

export interface DeliveryDomainAnswers {
  /** `mailId` of the first acceptance when all recipients have it already. */
  enqueue: { readonly mailId: string; readonly resend: boolean };
  begin: Work;
  finish: Work;
  reported: Record<string, never>;
  pause: { readonly changed: boolean };
  resume: { readonly changed: boolean };
  control: { readonly count: number };
  confirm: { readonly go: boolean };
  items: { readonly items: readonly QueueItem[]; readonly next: ItemId | null };
  item: QueueItem | null;
  inDoubt: { readonly entries: readonly InDoubtEntry[]; readonly next: string | null };
  summary: QueueSummary;
}

export interface DeliveryDomainProtocol {
  command: DeliveryDomainCommand;
  query: DeliveryDomainQuery;
  notice: DeliveryDomainNotice;
  answers: DeliveryDomainAnswers;
}

export const deliveryDomains = defineActor<DeliveryDomainProtocol>('delivery-domain');

/** Topic that the core publishes: the key of a delivery domain in which there is something to do. */
export const deliveryDueTopic = 'deliveryDue';
/** RFC 5321 §4.5.3.1.8: every server takes as many. A mail for more is several items. */
export const itemRecipientsMax = 100;
/** Recipients that one `enqueue` brings: each costs its turn two reads. A spool brings more in several. */
export const enqueueRecipientsMax = 1_000;
