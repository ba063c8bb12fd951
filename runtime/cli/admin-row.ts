/**
 * A row of the admin API: one thing that an operator can ask of a running node, with the permission that it needs.
 *
 * The same row object serves both ends: the node runs it (`run`), the command line names it in a call and gets its
 * types from it. Rows are written in `actors/admin/` (and later `cluster/cli/`); the server that runs them is
 * `actors/edge/http/admin-api.ts`.
 */
import type { ZodType, input as InputOf, output as OutputOf } from 'zod';
import type { Principal } from '../actor/actor.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { CoreApi } from '../threads/core-api.ts';
import { badArguments } from './codes.ts';

/** noun.right: a role will be a list of these. `run` is for what happens on the machine itself. */
export type Permission = `${string}.${'read' | 'write' | 'run'}`;

/** What a row may use. Nothing else reaches it, so a row can be tested with a fake of each. */
export interface AdminContext {
  readonly core: CoreApi;
  readonly principal: Principal;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of this machine as mail shows it. */
  readonly hostname: string;
  /** argon2id in PHC string form, few at a time. */
  hashPassword(password: string): Promise<string>;
  /** @throws {OperationError} `badPasswordHash` when a hash that was made elsewhere cannot be taken */
  checkPasswordHash(hash: string): void;
  /** Off this thread. */
  makeKeyPair(kind: KeyPairKind): Promise<KeyPair>;
  /** Name servers of this node, `192.0.2.1` or `192.0.2.1:53`; none: those of the machine. */
  readonly dnsServers: readonly string[];
}

export type KeyPairKind = 'rsa' | 'ed25519';

export interface KeyPair {
  /** PKCS #8. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo. */
  readonly publicKeyDer: Uint8Array;
}

/** `upload`: the request carries raw bytes. `download`: the answer is raw bytes, an `AsyncIterable<Uint8Array>`. */
export type Transfer = 'json' | 'upload' | 'download';

export interface AdminRow<Input = unknown, Answer = unknown> {
  /** Words joined by dashes, e.g. `account-add`: the last part of the URL. */
  readonly name: string;
  readonly permission: Permission;
  readonly summary: string;
  readonly transfer: Transfer;
  /** For the compiler only. */
  readonly input?: Input;
  /**
   * Checks the arguments, then does it.
   * @throws {OperationError} `badArguments`, or what the row refuses with
   */
  handle(context: AdminContext, args: unknown, upload: Uint8Array): Promise<Answer>;
}

interface Definition<Schema extends ZodType, Answer> {
  readonly name: string;
  readonly permission: Permission;
  readonly summary: string;
  readonly transfer?: Transfer;
  readonly args: Schema;
  run(context: AdminContext, args: OutputOf<Schema>, upload: Uint8Array): Promise<Answer>;
}

export function adminRow<Schema extends ZodType, Answer>(
  definition: Definition<Schema, Answer>,
): AdminRow<InputOf<Schema>, Answer> {
  const { name, permission, summary, transfer = 'json', args: schema } = definition;
  return {
    name,
    permission,
    summary,
    transfer,
    // `async`, so that a refusal of the arguments is a rejection like any other.
    async handle(context, args, upload) {
      const parsed = schema.safeParse(args);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
        throw badArguments(name.replaceAll('-', ' '), `${where}${issue?.message ?? 'arguments are missing'}`);
      }
      return await definition.run(context, parsed.data, upload);
    },
  };
}
