/** A core of plain maps for tests of the SMTP edge: addresses, domains, accounts, mailboxes, spools and queues, with failures to order. */
import type { ActorRef, AskOptions } from '../../runtime/actor/actor.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { accountChangedTopic } from '../../actors/edge/smtp/known-accounts.ts';
import type { AccountFacts, Credential, Scope } from '../../actors/account/protocol.ts';
import type { AddressTarget } from '../../actors/address/protocol.ts';
import type { DomainPolicy } from '../../actors/local-domain/protocol.ts';
import type { IncomingMessage, Recipient } from '../../actors/mail/message.ts';
import type { OutgoingMessage, RemoteRecipient } from '../../actors/mail/outgoing.ts';
import type { RemoteShare } from '../../actors/spool/protocol.ts';

export interface StoredMail {
  readonly message: IncomingMessage;
  readonly recipient: Recipient;
  readonly body: Uint8Array;
}

/** What is queued for one remote domain. */
export interface LeftMail {
  readonly domain: string;
  readonly message: OutgoingMessage;
  readonly recipients: readonly RemoteRecipient[];
  readonly body: Uint8Array;
}

interface FakeAccount {
  facts: AccountFacts;
  readonly credential: Credential;
  isCredentialGone: boolean;
}

interface FakeCommand {
  readonly message: IncomingMessage;
  readonly recipient?: Recipient;
  readonly recipients?: readonly Recipient[];
  readonly remote?: readonly RemoteShare[];
  readonly outgoing?: Pick<OutgoingMessage, 'prefix' | 'dsn' | 'smtpUtf8'>;
}

export class FakeCore implements CoreApi {
  readonly shardCount = 256;
  readonly #addresses = new Map<string, { target: AddressTarget; full: boolean }>();
  readonly #domains = new Map<string, DomainPolicy>();
  readonly #known = new Map<string, string>();
  readonly #topics = new Map<string, (value: unknown) => void>();
  readonly #accounts = new Map<string, FakeAccount>();
  readonly mails: StoredMail[] = [];
  readonly left: LeftMail[] = [];
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

  /** The account of a mailbox, as `address` names it. */
  account(
    address: string,
    mailboxId: string,
    hash: string,
    scopes: readonly Scope[] = ['all'],
    accountId = `a-${mailboxId}`,
  ): this {
    const facts = {
      ...{
        exists: true,
        accountId,
        address,
        mailboxId,
        displayName: '',
        enabled: true,
        createdMs: 0,
        savesSent: false,
      },
    };
    const credential: Credential = {
      ...{ id: 'c', kind: 'password', label: '', scopes, hash, createdMs: 0, expiresMs: null },
    };
    this.#accounts.set(accountId, { facts, credential, isCredentialGone: false });
    return this;
  }

  /** Told to edges at once, as by the real core, unless `isTold` is false. */
  setAccount(accountId: string, changes: Partial<AccountFacts>, isTold = true): void {
    const there = this.#accounts.get(accountId);
    if (there !== undefined) there.facts = { ...there.facts, ...changes };
    if (isTold) this.publish(accountChangedTopic, accountId);
  }

  /** What it logged in with counts no more: it was removed, or has expired. */
  setCredentialGone(accountId: string, isGone: boolean): void {
    const there = this.#accounts.get(accountId);
    if (there !== undefined) there.isCredentialGone = isGone;
    this.publish(accountChangedTopic, accountId);
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
    return this.#answer(ref, query) as never;
  }

  async ask(ref: ActorRef, command: { readonly kind: string }, options: AskOptions): Promise<never> {
    if (this.isKeeping) this.calls.push(`${ref.kind}:${ref.key}`);
    await (this.gate ?? nextTurn());
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    return this.#deliver(ref, command as never, options) as never;
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

  #answer(ref: ActorRef, query: { readonly kind: string; readonly scope?: Scope }): unknown {
    const { kind } = query;
    if (ref.kind === 'account') return this.#answerOfAccount(ref.key, kind, query.scope ?? 'all');
    if (kind === 'signingKeys') return { keys: [] };
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

  #answerOfAccount(accountId: string, kind: string, scope: Scope): unknown {
    const there = this.#accounts.get(accountId);
    if (kind === 'facts') return there?.facts ?? { exists: false, accountId, enabled: false };
    const isGood = there?.facts.enabled === true && !there.isCredentialGone;
    if (kind === 'credential') return isGood ? there.credential : null;
    if (!isGood) return [];
    const { scopes } = there.credential;
    return scopes.includes(scope) || scopes.includes('all') ? [there.credential] : [];
  }

  #deliver({ kind, key }: ActorRef, command: FakeCommand, options: AskOptions): unknown {
    const { message } = command;
    const { mailId } = message;
    const body = options.bodies?.[0]?.bytes ?? new Uint8Array();
    const answer = { uid: 1, folderId: 1, mailId, resend: false };
    if (!this.isKeeping) return answer;
    const isQueue = kind === 'delivery-domain';
    const shares = isQueue ? [{ domain: key, recipients: command.recipients as never }] : (command.remote ?? []);
    const recipients = isQueue ? [] : [command.recipients ?? command.recipient ?? []].flat();
    const fingerprint = kind === 'spool' ? key : (shares[0]?.recipients[0]?.fingerprint ?? recipients[0]?.fingerprint);
    const seen = fingerprint == null ? undefined : this.#known.get(fingerprint);
    if (seen !== undefined) return { ...answer, mailId: seen, resend: true };
    if (fingerprint != null) this.#known.set(fingerprint, mailId);
    for (const recipient of recipients) this.mails.push({ message, recipient, body });
    const leaving = { ...message, ...command.outgoing } as OutgoingMessage;
    for (const share of shares) this.left.push({ ...share, message: leaving, body });
    return answer;
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
