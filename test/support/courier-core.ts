/**
 * A core for tests of the courier: queues that are plain lists, with failures to order. It gives each mail once, as begun,
 * and keeps what it is told.
 */
import { hash } from 'node:crypto';
import type { ActorRef } from '../../runtime/actor/actor.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { refused } from '../../runtime/base/errors.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import {
  type AttemptResult,
  type DeliveryDomainCommand,
  deliveryDueTopic,
  type Job,
  type RecipientResult,
  type Report,
  type Work,
} from '../../actors/delivery-domain/protocol.ts';
import type { RemoteRecipient } from '../../actors/mail/outgoing.ts';

export interface TestMail extends Partial<Omit<Job, 'body' | 'recipients'>> {
  readonly to: string | readonly (string | RemoteRecipient)[];
  readonly text?: string | Uint8Array;
}

type Command = DeliveryDomainCommand & { readonly kind: 'begin' | 'finish' | 'reported' };

export class CourierCore implements CoreApi {
  readonly shardCount = 256;
  readonly #queues = new Map<string, Job[]>();
  readonly #reports = new Map<string, Report[]>();
  readonly #bodies = new Map<string, Uint8Array>();
  readonly #topics = new Map<string, (value: unknown) => void>();
  #settings: Record<string, { value: string; isDefault: boolean }> = {};
  #count = 0;
  /** All commands to delivery domains, in order. */
  readonly commands: { readonly domain: string; readonly command: Command }[] = [];
  readonly results: AttemptResult[] = [];
  readonly reported: string[] = [];
  /** Item ids that were confirmed, or asked for. */
  readonly confirms: string[] = [];
  /** Thrown by the next commands of that kind, one each. */
  readonly failures = new Map<string, Error[]>();
  /** Thrown as long as it is one; null: the command is taken. */
  refuses: (command: Command) => Error | null = () => null;
  /** What `confirm` says; true unless told otherwise. */
  go: (itemId: string) => boolean | Promise<boolean> = () => true;
  /** Dialogues that a domain may have. */
  dialoguesMax = 20;
  /** Of each domain, the mails that each dialogue has in hand. */
  readonly #dialogues = new Map<string, Map<string, number>>();

  set(key: string, value: string): this {
    this.#settings = { ...this.#settings, [key]: { value, isDefault: false } };
    this.#publish('settings', this.#settings);
    return this;
  }

  /** Puts a mail into a queue and says so. */
  mail(domain: string, mail: TestMail): Job {
    const bytes =
      typeof mail.text === 'object' ? mail.text : Buffer.from(mail.text ?? 'Subject: hello\r\n\r\nworld\r\n');
    const body = this.body(bytes);
    const number = ++this.#count;
    const list = typeof mail.to === 'string' ? [mail.to] : mail.to;
    const job: Job = {
      itemId: `item-${number}`,
      attemptId: `attempt-${number}`,
      mailId: `mail-${number}`,
      body,
      prefix: mail.prefix ?? new Uint8Array(),
      envelope: mail.envelope ?? {
        reversePath: 'ann@here.example',
        submitter: null,
        tenant: null,
        stream: null,
        tags: [],
      },
      dsn: mail.dsn ?? { ret: null, envelopeId: null },
      smtpUtf8: mail.smtpUtf8 ?? false,
      recipients: list.map((each) =>
        typeof each === 'string' ? { address: each, notify: null, orcpt: null, fingerprint: null } : each,
      ),
      attempts: 0,
      enqueuedMs: mail.enqueuedMs ?? systemClock.nowMs(),
      route: mail.route ?? null,
    };
    this.#queues.set(domain, [...(this.#queues.get(domain) ?? []), job]);
    this.announce(domain);
    return job;
  }

  body(bytes: Uint8Array): { hash: string; sizeBytes: number } {
    const key = hash('sha256', bytes, 'base64url');
    this.#bodies.set(key, bytes);
    return { hash: key, sizeBytes: bytes.length };
  }

  report(domain: string, report: Report): void {
    this.#reports.set(domain, [...(this.#reports.get(domain) ?? []), report]);
    this.announce(domain);
  }

  announce(domain: string): void {
    this.#publish(deliveryDueTopic, domain);
  }

  /** The result of the first recipient of a job. */
  resultOf(job: Job): RecipientResult | undefined {
    return this.attemptOf(job)?.recipients[0];
  }

  attemptOf(job: Job): AttemptResult | undefined {
    return this.results.find(({ attemptId }) => attemptId === job.attemptId);
  }

  fail(kind: string, ...errors: Error[]): void {
    this.failures.set(kind, [...(this.failures.get(kind) ?? []), ...errors]);
  }

  async ask(ref: ActorRef, command: { readonly kind: string }): Promise<never> {
    await nextTurn();
    const failure = this.failures.get(command.kind)?.shift();
    if (failure !== undefined) throw failure;
    const refusal = this.refuses(command as Command);
    if (refusal !== null) throw refusal;
    this.commands.push({ domain: ref.key, command: command as Command });
    return this.#answer(ref.key, command as Command) as never;
  }

  async query(ref: ActorRef, query: { readonly kind: string; readonly itemId?: string }): Promise<never> {
    await nextTurn();
    const failure = this.failures.get(query.kind)?.shift();
    if (failure !== undefined) throw failure;
    if (ref.kind === 'settings') return this.#settings as never;
    const itemId = query.itemId ?? '';
    this.confirms.push(itemId);
    return { go: await this.go(itemId) } as never;
  }

  async readBody(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    await nextTurn();
    const bytes = this.#bodies.get(key);
    if (bytes === undefined) throw refused('bodyMissing', `there is no body ${key}`);
    return new Uint8Array(range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.length));
  }

  subscribe(topic: string, listener: (value: unknown) => void): () => void {
    this.#topics.set(topic, listener);
    if (topic === 'settings') setImmediate(() => listener(this.#settings));
    return () => this.#topics.delete(topic);
  }

  async inspect(): Promise<unknown> {
    return null;
  }

  count(): void {}

  #publish(topic: string, value: unknown): void {
    setImmediate(() => this.#topics.get(topic)?.(value));
  }

  #answer(domain: string, command: Command): unknown {
    if (command.kind === 'reported') {
      this.reported.push(...command.reportIds);
      const left = this.#reports.get(domain) ?? [];
      this.#reports.set(
        domain,
        left.filter(({ reportId }) => !command.reportIds.includes(reportId)),
      );
      return {};
    }
    const open = this.#dialogues.get(domain) ?? new Map<string, number>();
    this.#dialogues.set(domain, open);
    if (command.kind === 'finish') this.results.push(...command.results);
    const name = command.kind === 'finish' ? command.dialogue : `dialogue-${++this.#count}`;
    const isOpen = command.kind === 'finish' ? open.has(name) : open.size < this.dialoguesMax;
    const jobs = isOpen ? (this.#queues.get(domain) ?? []).splice(0, command.mailsMax) : [];
    const told = command.kind === 'finish' ? command.results.length : 0;
    const inHand = (open.get(name) ?? 0) - told + jobs.length;
    if (inHand > 0) open.set(name, inHand);
    else open.delete(name);
    const reports = this.#reports.get(domain) ?? [];
    return { dialogue: inHand > 0 ? name : null, jobs, reports } satisfies Work;
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
