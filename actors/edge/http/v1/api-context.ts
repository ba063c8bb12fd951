/** What the handlers of the API have at hand, and what is known of who asks. */
import type { HttpBindings } from '@hono/node-server';
import type { Principal } from '../../../../runtime/actor/actor.ts';
import type { Clock } from '../../../../runtime/base/clock.ts';
import type { Random } from '../../../../runtime/base/random.ts';
import type { CoreApi } from '../../../../runtime/threads/core-api.ts';
import type { LoginThrottle } from '../../../account/login-throttle.ts';
import type { AccountFacts, Scope } from '../../../account/protocol.ts';
import type { ByteBudget } from './byte-budget.ts';

export interface ApiContext {
  readonly core: CoreApi;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of this machine as mail shows it. */
  readonly hostname: string;
  /** Largest mail, and largest request. */
  readonly messageBytesMax: number;
  /** One for all log-ins of this thread. */
  readonly throttle: LoginThrottle;
  /** Memory for requests that are being taken in. */
  readonly budget: ByteBudget;
  /** An error that is no refusal: a bug, for the node's log. */
  bug(what: string, error: unknown): void;
}

export interface Caller {
  readonly principal: Principal;
  readonly facts: AccountFacts;
  readonly scopes: readonly Scope[];
  /** IP address. */
  readonly clientAddress: string;
}

/** Hono's name for what travels with one request. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: { caller: Caller };
}
