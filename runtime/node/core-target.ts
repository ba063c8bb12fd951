/**
 * What the core offers to its edges (`CoreTarget`), filled from the engine and the store.
 *
 * Topics of `subscribe` and `inspect` are tables: whoever knows more (mail settings, status) adds rows to them.
 */
import { actorKeys } from '../actor/actor-keys.ts';
import { findSubjects, eventsOf } from '../actor/history.ts';
import { listDeadLetters } from '../actor/dead-letters.ts';
import type { Settle } from '../actor/request.ts';
import { OperationError, refused } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { RottenRowError } from '../codec/row.ts';
import { isKeyText } from '../store/keys.ts';
import { bodyInfo, bodyReadBytesMax, readBody } from '../store/body-rows.ts';
import type { NodeCounts } from '../observe/metric-table.ts';
import type { CoreTarget } from '../threads/core-target.ts';
import type { Core } from './core.ts';

/** Publishes a value now and at every change; returns what ends that. */
export type Topic = (publish: (value: unknown) => void) => () => void;
export type Inspection = (argument: unknown) => unknown;

export interface CoreTargetOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly topics: ReadonlyMap<string, Topic>;
  readonly inspections: ReadonlyMap<string, Inspection>;
  readonly counts: NodeCounts;
  readonly unknownMetric: (name: string) => void;
}

export function coreTarget(options: CoreTargetOptions): CoreTarget {
  const { core, topics, counts } = options;
  const counted =
    (settle: Settle): Settle =>
    (outcome) => {
      if (!outcome.ok) counts.counter('ringpost_commands_refused_total', outcome.error.code).add();
      settle(outcome);
    };
  const inspections = new Map([...historyInspections(core, options.clock), ...options.inspections]);
  return {
    shardCount: core.directory.header.shardCount,
    ask: (request, settle) => core.engine.ask(request, counted(settle)),
    query: (request, settle) => core.engine.query(request, counted(settle)),
    readBody: async (hash, range) => await readWhole(core, hash, range, options.clock),
    subscribe(topic, listener) {
      const found = topics.get(topic);
      if (found === undefined) throw refused('unknownTopic', `there is no topic "${topic}" to subscribe to`);
      return found(listener);
    },
    async inspect(topic, argument) {
      const found = inspections.get(topic);
      if (found === undefined) throw refused('unknownTopic', `there is no topic "${topic}" to inspect`);
      return await found(argument);
    },
    count(metric, labels, by) {
      if (!counts.count(metric, labels, by)) options.unknownMetric(metric);
    },
  };
}

/**
 * In pieces of at most a megabyte, with room for others between them.
 * @throws {OperationError} `bodyMissing`, `bodyDamaged`
 */
async function readWhole(
  core: Core,
  hash: string,
  range: { readonly offset: number; readonly length: number } | undefined,
  clock: Clock,
): Promise<Uint8Array> {
  try {
    const info = bodyInfo(core.store, hash);
    if (info === undefined) throw refused('bodyMissing', `there is no body ${hash}`);
    const start = Math.min(range?.offset ?? 0, info.sizeBytes);
    const end = Math.min(info.sizeBytes, start + (range?.length ?? info.sizeBytes));
    const whole = new Uint8Array(end - start);
    for (let offset = start; offset < end; ) {
      const length = Math.min(bodyReadBytesMax, end - offset);
      const piece = readBody(core.store, hash, { offset, length }, info);
      if (piece === undefined) throw refused('bodyMissing', `body ${hash} was deleted while it was read`);
      whole.set(piece, offset - start);
      offset += length;
      if (offset < end) await new Promise<void>((resolve) => clock.soon(resolve));
    }
    return whole;
  } catch (error) {
    if (error instanceof RottenRowError) throw bodyDamaged(hash, error);
    throw error;
  }
}

const bodyDamaged = (hash: string, cause: unknown) =>
  new OperationError(
    {
      code: 'bodyDamaged',
      transient: false,
      text: `the stored bytes of body ${hash} fail their checksum and are not given out; other mail is not affected. Cure: look after the disk, restore this mail from a backup`,
    },
    cause,
  );

const inspectedMax = 10_000;
/** Ids have 26, actors' keys up to 320; the key of a row has to fit into what LMDB takes. */
const keyCharactersMax = 320;

function historyInspections({ store, engine, directory }: Core, clock: Clock): [string, Inspection][] {
  const { shardCount } = directory.header;
  const pause = (): Promise<void> => new Promise((resolve) => clock.soon(resolve));
  return [
    [
      'actors',
      (argument) => {
        const after = fieldOf(argument, 'after') === null ? null : keyTextIn(argument, 'after');
        const limit = Math.max(1, Math.min(inspectedMax, numberIn(argument, 'limit')));
        const page = { kind: keyTextIn(argument, 'kind'), after, limit, ...shardsIn(argument) };
        return actorKeys(store, shardCount, page, pause);
      },
    ],
    ['events', (argument) => eventsOf(store, shardCount, keyTextIn(argument, 'subject'), shardsIn(argument).shards)],
    [
      'findEvents',
      (argument) => {
        const search = { field: 'messageId', value: textIn(argument, 'messageId'), limit: numberIn(argument, 'limit') };
        return findSubjects(store, { ...search, ...shardsIn(argument) }, pause);
      },
    ],
    [
      'deadLetters',
      (argument) => {
        const limit = Math.max(1, Math.min(inspectedMax, numberIn(argument, 'limit')));
        return listDeadLetters(store, limit, shardsIn(argument).shards);
      },
    ],
    ['retryDeadLetter', (argument) => engine.retryDeadLetter(numberIn(argument, 'shard'), numberIn(argument, 'index'))],
    ['dropDeadLetter', (argument) => engine.dropDeadLetter(numberIn(argument, 'shard'), numberIn(argument, 'index'))],
  ];
}

function fieldOf(argument: unknown, name: string): unknown {
  return typeof argument === 'object' && argument !== null ? (argument as Record<string, unknown>)[name] : undefined;
}

function textIn(argument: unknown, name: string): string {
  const value = fieldOf(argument, name);
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw badArgument(name);
  return value;
}

/** Subjects, kinds and keys are parts of keys: what could not be one is refused, before it breaks their invariant. */
function keyTextIn(argument: unknown, name: string): string {
  const value = textIn(argument, name);
  if (value.length > keyCharactersMax || !isKeyText(value)) throw badArgument(name);
  return value;
}

function numberIn(argument: unknown, name: string): number {
  const value = fieldOf(argument, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || Object.is(value, -0))
    throw badArgument(name);
  return value;
}

/** `shards`: a list of those to look at, where other nodes tell of the others. Left out: all. */
function shardsIn(argument: unknown): { readonly shards?: ReadonlySet<number> } {
  const shards = fieldOf(argument, 'shards');
  if (shards === undefined || shards === null) return {};
  if (!Array.isArray(shards) || !shards.every((shard) => Number.isSafeInteger(shard) && shard >= 0)) {
    throw badArgument('shards');
  }
  return { shards: new Set(shards as number[]) };
}

const badArgument = (name: string) => refused('badArgument', `"${name}" is missing or malformed`);
