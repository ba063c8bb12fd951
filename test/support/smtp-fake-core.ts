/** A core of plain maps for tests of the SMTP edge: addresses, domains, mailboxes and spools, with failures to order. */
import type { ActorRef, AskOptions } from '../../runtime/actor/actor.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { AddressTarget } from '../../actors/address/protocol.ts';
import type { DomainPolicy } from '../../actors/local-domain/protocol.ts';
import type { IncomingMessage, Recipient } from '../../actors/mail/message.ts';

export interface StoredMail {
  readonly message: IncomingMessage;
  readonly recipient: Recipient;
  readonly body: Uint8Array;
}

export class FakeCore implements CoreApi {
  readonly shardCount = 256;
  readonly #addresses = new Map<string, { target: AddressTarget; full: boolean }>();
  readonly #domains = new Map<string, DomainPolicy>();
  readonly #known = new Map<string, string>();
  readonly #topics = new Map<string, (value: unknown) => void>();
  readonly mails: StoredMail[] = [];
  /** `kind:key` of every query and ask, in order. */
  readonly calls: string[] = [];
  /** Thrown by the next asks, one each. */
  readonly failures: Error[] = [];
  /** Thrown by the next queries, one each. */
  readonly queryFailures: Error[] = [];
  /** When set, asks wait for it. */
  gate: Promise<void> | null = null;
  isKeeping = true;

  domain(name: string, policy: Partial<DomainPolicy> = {}): this {
    this.#domains.set(name, { catchAll: null, postmaster: null, detailSeparator: '+', tenant: null, ...policy });
    return this;
  }

  address(address: string, target: AddressTarget | string, full = false): this {
    const mailbox = (mailboxId: string): AddressTarget => ({
      type: 'mailbox',
      mailboxId,
      accountId: `a-${mailboxId}`,
      primary: true,
    });
    this.#addresses.set(address, { target: typeof target === 'string' ? mailbox(target) : target, full });
    return this;
  }

  alias(address: string, ...targets: string[]): this {
    return this.address(address, { type: 'alias', targets });
  }

  publish(topic: string, value: unknown): void {
    this.#topics.get(topic)?.(value);
  }

  bodiesOf(mailboxId: string): string[] {
    const own = this.mails.filter((mail) => mail.recipient.mailboxId === mailboxId);
    return own.map((mail) => Buffer.from(mail.body).toString('latin1'));
  }

  async query(ref: ActorRef, query: { readonly kind: string }): Promise<never> {
    if (this.isKeeping) this.calls.push(`${ref.kind}:${ref.key}`);
    await nextTurn();
    const failure = this.queryFailures.shift();
    if (failure !== undefined) throw failure;
    return this.#answer(ref, query.kind) as never;
  }

  async ask(ref: ActorRef, command: { readonly kind: string }, options: AskOptions): Promise<never> {
    if (this.isKeeping) this.calls.push(`${ref.kind}:${ref.key}`);
    await (this.gate ?? nextTurn());
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    return this.#deliver(ref.key, command as never, options) as never;
  }

  readBody(): Promise<Uint8Array> {
    throw new Error('not part of this fake');
  }

  subscribe(topic: string, listener: (value: unknown) => void): () => void {
    this.#topics.set(topic, listener);
    return () => this.#topics.delete(topic);
  }

  async inspect(): Promise<unknown> {
    return null;
  }

  count(): void {}

  #answer(ref: ActorRef, kind: string): unknown {
    if (ref.kind === 'address') {
      const found = this.#addresses.get(ref.key);
      return found === undefined ? { known: false } : { known: true, ...found };
    }
    if (ref.kind === 'settings' && kind === 'domains') return [...this.#domains.keys()];
    const policy = this.#domains.get(ref.key);
    return {
      exists: policy !== undefined,
      policy: policy ?? { catchAll: null, postmaster: null, detailSeparator: '+', tenant: null },
    };
  }

  #deliver(
    key: string,
    command: { message: IncomingMessage; recipient?: Recipient; recipients?: Recipient[] },
    options: AskOptions,
  ): unknown {
    const { message } = command;
    const body = options.bodies?.[0]?.bytes ?? new Uint8Array();
    if (!this.isKeeping) return { uid: 1, folderId: 1, mailId: message.mailId, resend: false };
    const recipients = command.recipients ?? (command.recipient === undefined ? [] : [command.recipient]);
    const fingerprint = command.recipients === undefined ? recipients[0]?.fingerprint : key;
    const seen = fingerprint == null ? undefined : this.#known.get(fingerprint);
    if (seen !== undefined) return { uid: 1, folderId: 1, mailId: seen, resend: true };
    if (fingerprint != null) this.#known.set(fingerprint, message.mailId);
    for (const recipient of recipients) this.mails.push({ message, recipient, body });
    return { uid: 1, folderId: 1, mailId: message.mailId, resend: false };
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
