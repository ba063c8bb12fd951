/**
 * What a verb sees of its session and of the edge around it. `session.ts` and `server.ts` fill these in.
 */
import type { Clock } from '../../../runtime/base/clock.ts';
import type { Random } from '../../../runtime/base/random.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import type { Authentication } from '../../account/authenticate.ts';
import type { LoginThrottle } from '../../account/login-throttle.ts';
import type { Inspector } from '../../inspect/inspector.ts';
import type { DsnRequest } from '../../mail/dsn-wishes.ts';
import type { RoutedRecipient } from '../../routing/copies.ts';
import type { Router } from '../../routing/router.ts';
import type { SubmitContext } from '../../routing/submit.ts';
import type { BodyCollector, MemoryBudget } from './body-collector.ts';
import type { KnownAccounts } from './known-accounts.ts';
import type { SmtpLimits, SmtpSettings } from './limits.ts';
import type { Reply } from './replies.ts';
import type { EdgeStats } from './stats.ts';

/** The part of a logger that the edge needs; pino is one. */
export interface EdgeLog {
  debug(fields: Readonly<Record<string, unknown>>, text: string): void;
  info(fields: Readonly<Record<string, unknown>>, text: string): void;
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
  error(fields: Readonly<Record<string, unknown>>, text: string): void;
}

/**
 * What a listener is for. `mx`: mail from other servers for addresses here, from anybody. `submission`: mail from
 * accounts to anybody (RFC 6409), after a log in.
 */
export type ListenerRole = 'mx' | 'submission';

export type Account = Extract<Authentication, { readonly kind: 'authenticated' }>;

/** What all sessions of an edge share. */
export interface Edge {
  readonly core: CoreApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EdgeLog;
  /** Begins the ids of its sessions. */
  readonly sessionPrefix: string;
  /** Name of this node in greetings and Received lines. */
  readonly hostname: string;
  readonly limits: SmtpLimits;
  /** Replaced as a whole when the cluster's settings change. */
  settings: SmtpSettings;
  readonly router: Router;
  readonly inspectors: readonly Inspector[];
  readonly throttle: LoginThrottle;
  readonly knownAccounts: KnownAccounts;
  /** Signs what leaves. */
  readonly sign: NonNullable<SubmitContext['sign']>;
  readonly budget: MemoryBudget;
  readonly stats: EdgeStats;
  /** Said by the core's guard on free space. */
  isStorageLow: boolean;
  isStopping: boolean;
}

/** One RCPT that was taken: where it leads. */
export interface TakenRecipient extends RoutedRecipient {
  /** Place among the RCPT commands of the transaction. */
  readonly order: number;
}

/** From MAIL to the reply to the final dot (RFC 5321 §3.3). */
export interface Transaction {
  readonly reversePath: string;
  readonly smtpUtf8: boolean;
  readonly dsn: DsnRequest;
  readonly recipients: TakenRecipient[];
  /** RCPT commands that reached the core; those that it has not answered yet. */
  recipientsAsked: number;
  recipientsWaiting: number;
  /** Mailboxes and addresses elsewhere, all recipients together. */
  destinations: number;
}

export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
}

/** One session, as its verbs see it. */
export interface Dialogue {
  readonly edge: Edge;
  /** Names the session in logs and traces. */
  readonly trace: string;
  readonly clientAddress: string;
  /** Argument of EHLO or HELO; null before. */
  readonly heloName: string | null;
  /** RFC 3848's word for how the mail came, e.g. `ESMTPS`. */
  readonly protocol: string;
  readonly tls: TlsFacts | null;
  readonly canStartTls: boolean;
  readonly role: ListenerRole;
  /** A password may come over this connection: it is encrypted, or does not leave the machine. */
  readonly takesPasswords: boolean;
  /** Who has logged in. */
  account: Account | null;
  transaction: Transaction | null;

  /** Replies leave in the order of the commands, whatever is still being asked. */
  reply(reply: Reply): void;
  /** As `reply`, when `settle` is called; until then only RCPT commands are taken. */
  replyLater(): (reply: Reply) => void;
  /** RFC 4954 §4: 334, and the line that comes next goes to `take`. */
  askLine(challenge: string, take: (line: string) => void): void;
  greet(heloName: string, isExtended: boolean): void;
  /** Sends 354 and gathers the mail; the command loop stands still from its end until `reply`. */
  receiveData(collector: BodyCollector, whenReceived: (problem: DataProblem | null) => void): void;
  /** A mail was accepted: what was refused before is forgiven. */
  clearRefusals(): void;
  startTls(): void;
  /** Ends the session once the replies have left. */
  close(): void;
}

export type DataProblem = 'bareLineEnds' | 'lineTooLong';

export interface Verb {
  /** What must have come before. */
  readonly needs: 'nothing' | 'greeting' | 'transaction';
  /** True for a verb that may run while earlier RCPT commands still wait for the core. */
  readonly runsAhead?: boolean;
  run(dialogue: Dialogue, argument: string): void;
}
