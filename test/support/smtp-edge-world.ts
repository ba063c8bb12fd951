/** A running SMTP edge with a fake core behind it, time that the test owns, and clients at its door. */
import { type Reply, expectReply } from './smtp-answers.ts';
import { SmtpClient, type SmtpTarget } from './smtp-client.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeCore } from './smtp-fake-core.ts';
import { passing } from './smtp-until.ts';
import type { EdgeLog } from '../../actors/edge/smtp/dialogue.ts';
import { type SmtpEdge, type SmtpEdgeOptions, startSmtpEdge } from '../../actors/edge/smtp/server.ts';
import type { SmtpListener } from '../../actors/edge/smtp/listener.ts';
import { systemRandom } from '../../runtime/base/random.ts';

/** Time stands still until the test moves it; the loop goes on. */
class EdgeClock extends FakeClock {
  override soon(wake: () => void): void {
    setImmediate(wake);
  }
}

export interface WorldOptions
  extends Partial<Pick<SmtpEdgeOptions, 'limits' | 'settings' | 'tls' | 'inspectors' | 'sign'>> {
  readonly listener?: Partial<SmtpListener>;
}

export class SmtpWorld {
  readonly core = testCore();
  readonly clock = new EdgeClock();
  /** What was logged as a warning or an error. */
  readonly complaints: string[] = [];
  readonly #clients: SmtpClient[] = [];
  #edge: SmtpEdge | null = null;

  static async start(options: WorldOptions = {}): Promise<SmtpWorld> {
    const world = new SmtpWorld();
    const { listener, tls = null, ...rest } = options;
    world.#edge = await startSmtpEdge({
      ...rest,
      tls,
      core: world.core,
      listeners: [{ host: '127.0.0.1', port: 0, tls: tls === null ? 'none' : 'starttls', ...listener }],
      hostname: 'mx.example',
      clock: world.clock,
      random: systemRandom,
      log: world.#log(),
    });
    return world;
  }

  get edge(): SmtpEdge {
    if (this.#edge === null) throw new Error('the world was not started');
    return this.#edge;
  }

  get port(): number {
    return this.edge.addresses[0]?.port ?? 0;
  }

  /** Not greeted yet. */
  connect(target: Partial<SmtpTarget> = {}): SmtpClient {
    const client = new SmtpClient({ port: this.port, ...target });
    this.#clients.push(client);
    return client;
  }

  /** After EHLO. */
  async client(target: Partial<SmtpTarget> = {}): Promise<SmtpClient> {
    const client = this.connect(target);
    expectReply(await client.hello(), 250);
    return client;
  }

  /** After DATA to ann@example.org: what is written next is the mail. */
  async inData(client?: SmtpClient): Promise<SmtpClient> {
    const session = client ?? (await this.client());
    expectReply(await session.ask('MAIL FROM:<sender@remote.example>'), 250);
    expectReply(await session.ask('RCPT TO:<ann@example.org>'), 250);
    expectReply(await session.ask('DATA'), 354);
    return session;
  }

  /** One mail, whole; the reply to its end. `raw` holds everything up to and with CRLF.CRLF. */
  async send(raw: string | Uint8Array): Promise<Reply> {
    const client = await this.inData();
    client.write(raw);
    return expectReply(await client.read(), 250, 451, 452, 552, 554, 550);
  }

  /** Bodies in ann's mailbox, in Latin-1. */
  get bodies(): string[] {
    return this.core.bodiesOf('m-ann');
  }

  /** Time goes on, a millisecond a turn of the loop, until it is there. */
  passing<Value>(awaited: Promise<Value>): Promise<Value> {
    return passing(this.clock, awaited);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.hangUp();
    const stopped = this.#edge?.stop(0);
    this.clock.advance(1);
    await stopped;
  }

  #log(): EdgeLog {
    const complain = (fields: object, text: string): void => {
      const { err } = fields as { err?: unknown };
      this.complaints.push(err === undefined ? text : `${text}: ${err instanceof Error ? err.message : 'no error'}`);
    };
    return { debug: () => {}, info: () => {}, warn: complain, error: complain };
  }
}

/** Of `secret`. */
export const hashOfSecret =
  '$argon2id$v=19$m=19456,t=2,p=1$PNiFPphgYHz4+RW9ZddLPA$IwWjNsNS5phqmQgxKqaFrBMbeCbho8rPtrvMO7y/JsE';

/** A submission port that takes passwords in clear. */
export const submissionListener = { role: 'submission', allowsClearAuth: true } as const;

/** The domains and addresses of all wire tests. Of its mailboxes ann's and bob's have an account; bob's cannot send. */
export function testCore(): FakeCore {
  const core = new FakeCore();
  core.domain('example.org', { postmaster: 'ann@example.org' });
  core
    .address('ann@example.org', 'm-ann')
    .address('bob@example.org', 'm-bob')
    .address('eve@example.org', 'm-eve', true);
  core
    .address('ann2@example.org', 'm-ann')
    .address('bob+news@example.org', 'm-news')
    .address('jörg@example.org', 'm-joerg');
  core.alias('all@example.org', 'ann@example.org', 'bob@example.org', 'gone@example.org');
  core.alias('both@example.org', 'ann@example.org', 'ann2@example.org');
  core.alias('ring@example.org', 'gnir@example.org').alias('gnir@example.org', 'ring@example.org');
  core.alias('lists@example.org', 'all@example.org', 'ring@example.org');
  core.alias('dead@example.org', 'gone@example.org').alias('crowded@example.org', 'ann@example.org', 'eve@example.org');
  core.alias('outside@example.org', 'ann@example.org', 'friend@remote.example');
  core.address('sent-on@example.org', { type: 'forward', targets: ['friend@remote.example'], keepIn: 'm-ann' });
  core.address('sent-away@example.org', {
    type: 'forward',
    targets: ['Friend@remote.example', 'ann@example.org'],
    keepIn: null,
  });
  core.account('ann@example.org', 'm-ann', hashOfSecret).account('bob@example.org', 'm-bob', hashOfSecret, ['mail']);
  core.domain('catch.example', { catchAll: 'ann@example.org' });
  core.domain('minus.example', { detailSeparator: '-' }).address('ann@minus.example', 'm-ann');
  core.domain('plain.example', { detailSeparator: null }).address('ann@plain.example', 'm-ann');
  core.domain('new.example');
  return core;
}
