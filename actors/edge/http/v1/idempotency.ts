/**
 * The `Idempotency-Key` of a request that sends a mail (draft-ietf-httpapi-idempotency-key-header).
 *
 * Promises: for a day, the same key and payload of an account make one mail and get one answer, whatever crashed in
 * between; another payload under the key is refused. `actors/account/request-keys.ts` says how.
 */
import { hash } from 'node:crypto';
import type { Principal } from '../../../../runtime/actor/actor.ts';
import { OperationError } from '../../../../runtime/base/errors.ts';
import { timeOrderedId } from '../../../../runtime/base/ids.ts';
import { accounts } from '../../../account/protocol.ts';
import type { ApiContext } from './api-context.ts';
import { badRequest } from './codes.ts';
import type { MailSeed } from '../../../mail/compose.ts';

const keyCharactersMax = 255;
const askMsMax = 10_000;

export interface Payload {
  readonly contentType: string;
  /** Envelope of a raw mail. */
  readonly query: string;
  readonly bytes: Uint8Array;
}

/** What happens, once or again. `seed` is for the first time and every repetition. */
type Work = (seed: MailSeed) => Promise<string>;

export interface Done {
  readonly mailId: string;
  readonly seed: MailSeed;
  /** The mail was accepted before, by a request that had finished. */
  readonly isReplay: boolean;
}

/** The header's value without the quotes that RFC 9651 §3.3.3 has. Null when there is none. @throws `badRequest` */
export function idempotencyKeyOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const key = /^"(.*)"$/.exec(header.trim())?.[1] ?? header.trim();
  if (key === '' || key.length > keyCharactersMax || !/^[ -~]+$/.test(key)) {
    throw badRequest(`Idempotency-Key is 1 to ${keyCharactersMax} characters of ASCII. Cure: use a UUID`);
  }
  return key;
}

/**
 * @param work sends, and answers the id of the mail; the same seed makes the same mail
 * @throws {OperationError} `requestKeyReused`, `tooManyRequestKeys`, and what `work` throws
 */
export async function once(
  context: ApiContext,
  principal: Principal,
  key: string | null,
  payload: Payload,
  work: Work,
): Promise<Done> {
  const { core, clock, random } = context;
  if (key === null) {
    const atMs = clock.nowMs();
    const seed = { id: timeOrderedId(atMs, random), atMs };
    return { mailId: await work(seed), seed, isReplay: false };
  }
  const account = accounts.ref(principal.id);
  const options = { principal, timeoutMs: askMsMax };
  const named = { key: hash('sha256', key, 'base64url') };
  const begun = await core.ask(account, { kind: 'beginRequest', ...named, payloadHash: digestOf(payload) }, options);
  const seed = { id: begun.seed, atMs: begun.atMs };
  if (begun.mailId !== null) return { mailId: begun.mailId, seed, isReplay: true };
  let mailId: string;
  try {
    mailId = await work(seed);
  } catch (error) {
    // Only where it is certain that nothing came of this key, now or before.
    if (begun.isNew && error instanceof OperationError && !error.transient) {
      await settled(context, core.ask(account, { kind: 'releaseRequest', ...named }, options));
    }
    throw error;
  }
  const answer = await settled(context, core.ask(account, { kind: 'finishRequest', ...named, mailId }, options));
  return { mailId: answer?.mailId ?? mailId, seed, isReplay: false };
}

/** The mail is committed (or refused) already; without this a repetition does it again and the fingerprint knows it. */
async function settled<Answer>({ bug }: ApiContext, asked: Promise<Answer>): Promise<Answer | null> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof OperationError)) bug('HTTP API, the end of a request under a key', error);
    return null;
  }
}

function digestOf({ contentType, query, bytes }: Payload): string {
  return hash('sha256', `${contentType}\n${query}\n${hash('sha256', bytes, 'base64url')}`, 'base64url');
}
