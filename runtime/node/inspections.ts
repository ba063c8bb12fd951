/** What `core.inspect` answers about the node itself: health, metrics, status. */
import { listDeadLetters } from '../actor/dead-letters.ts';
import { systemClock } from '../base/clock.ts';
import type { LoopDelay } from '../observe/event-loop.ts';
import type { Health } from '../observe/health.ts';
import { flatName, takeFlat } from '../observe/flat-counts.ts';
import type { CounterName, NodeCounts, Readings } from '../observe/metric-table.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Core } from './core.ts';
import type { Inspection } from './core-target.ts';
import type { Edges } from './edges.ts';

export interface NodeFacts {
  readonly node: string;
  readonly version: string;
  readonly core: Core;
  readonly health: Health;
  readonly counts: NodeCounts;
  readonly loopDelay: LoopDelay;
  /** Undefined until they are made. */
  readonly edges: () => Edges | undefined;
  /** Gauges beside those of the node itself. */
  readonly readings: (() => Promise<Readings>) | undefined;
}

/** More dead letters than this are not counted one by one for `status`. */
const deadLettersCountedMax = 1_000;
const refusals: CounterName = 'ringpost_mails_refused_total';

export function nodeInspections(facts: NodeFacts): ReadonlyMap<string, Inspection> {
  const { health, counts, loopDelay, node } = facts;
  const metrics = new Metrics({ counts, loopDelay, labels: { node }, read: () => readings(facts) });
  const startedAtMs = systemClock.nowMs();
  return new Map<string, Inspection>([
    ['health', () => health.report()],
    ['metrics', () => metrics.scrape()],
    ['status', () => status(facts, startedAtMs)],
  ]);
}

async function readings({ core, counts, edges, readings: others }: NodeFacts): Promise<Readings> {
  const [workers, queues] = await Promise.all([edges()?.stats('') ?? {}, others?.() ?? {}]);
  const { sizeBytes, sizeBytesMax, freeBytes } = core.store.stats();
  return {
    ringpost_backlog_commands: core.engine.stats.backlogCommands,
    ringpost_pending_bytes: core.log.pendingBytes,
    ringpost_activations: core.engine.stats.activations,
    ringpost_store_size_bytes: sizeBytes,
    ringpost_store_size_bytes_max: sizeBytesMax,
    ringpost_store_free_bytes: freeBytes,
    ...takeFlat(counts, workers),
    ...queues,
  };
}

async function status(facts: NodeFacts, startedAtMs: number) {
  const { core, node, version } = facts;
  const smtp = (await facts.edges()?.stats('smtp')) ?? {};
  const refused = Object.entries(smtp).filter(([name]) => name.startsWith(`${refusals} `));
  const { sizeBytes, freeBytes } = core.store.stats();
  const deadLetters = listDeadLetters(core.store, deadLettersCountedMax).length;
  return {
    node,
    version,
    dataDirectory: core.directory.path,
    startedAtMs,
    shards: core.directory.header.shardCount,
    store: { sizeBytes, freeBytes },
    sessions: smtp[flatName('ringpost_sessions', '')] ?? 0,
    accepted: smtp[flatName('ringpost_mails_accepted_total', 'smtp')] ?? 0,
    refused: refused.reduce((sum, [, count]) => sum + count, 0),
    pending: core.engine.stats.backlogCommands + core.engine.stats.noticesUnderWay,
    deadLetters,
    problems: problems(facts, deadLetters),
  };
}

interface Problem {
  readonly what: string;
  readonly cure: string;
}

function problems({ core, edges }: NodeFacts, deadLetters: number): Problem[] {
  const found: Problem[] = [];
  if (core.guard.isLow()) {
    found.push({
      what: `no mail is taken: ${core.guard.describe()}`,
      cure: 'free space on the disk of the data directory, or lower store.freeBytesMin',
    });
  }
  for (const name of edges()?.down ?? []) {
    found.push({ what: `worker ${name} is down and is being restarted`, cure: 'see the log of this node' });
  }
  if (deadLetters > 0) {
    found.push({
      what: `${deadLetters === deadLettersCountedMax ? 'at least ' : ''}${deadLetters} dead letters wait for a decision`,
      cure: 'ringpost dead-letters list',
    });
  }
  return found;
}
