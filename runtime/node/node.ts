/**
 * A running node: core, edges, health, metrics, certificate; started in stages, stopped in reverse. Knows no mail: what
 * the edges are and which topics they follow is handed in by `main.ts`.
 */
import type { ActorKind } from '../actor/actor.ts';
import type { EngineReports } from '../actor/engine.ts';
import type { GroupCommit } from '../actor/log.ts';
import { systemClock } from '../base/clock.ts';
import { nodeId } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';
import { limits } from '../base/limits.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/schema.ts';
import { type NodeCertificate, openCertificate } from '../lifecycle/certificate.ts';
import { Stages } from '../lifecycle/stages.ts';
import { type LoopDelay, watchLoopDelay } from '../observe/event-loop.ts';
import { Health } from '../observe/health.ts';
import type { Logger } from '../observe/logger.ts';
import { NodeCounts, type Readings } from '../observe/metric-table.ts';
import type { CertificatePem } from '../threads/control-channel.ts';
import type { CoreApi } from '../threads/core-api.ts';
import type { CoreTarget } from '../threads/core-target.ts';
import { LocalCore } from '../threads/local-core.ts';
import { type Core, type CoreOptions, openCore } from './core.ts';
import { coreTarget, type Inspection, type Topic } from './core-target.ts';
import { type EdgeSpec, Edges } from './edges.ts';
import { nodeInspections } from './inspections.ts';
import { requireFreeAddresses } from './listening.ts';

/** What is read at each scrape by somebody who reads the store for it. */
export interface ReadingSource {
  read(): Promise<Readings>;
  /** Reads the store no more once it is settled. */
  close(): Promise<void>;
}

export interface NodeOptions {
  readonly config: Config;
  readonly version: string;
  readonly kinds: ReadonlyMap<string, ActorKind>;
  readonly log: Logger;
  readonly openLog: CoreOptions['openLog'];
  /** `certificate` and `dataPath` are known when this is called. */
  readonly edges: (node: {
    readonly certificate: () => CertificatePem;
    readonly dataPath: string;
  }) => readonly EdgeSpec[];
  readonly topics: (core: Core) => ReadonlyMap<string, Topic>;
  /** What is asked of the core beside what the node itself answers. Left out: nothing. */
  readonly inspections?: (core: Core) => ReadonlyMap<string, Inspection>;
  /** What the metrics show beside the node's own. Left out: nothing. */
  readonly readings?: (core: Core) => ReadingSource;
  /** What has to be there before the node says that it is ready; it serves already. Left out: nothing. */
  readonly setUp?: (core: CoreApi) => Promise<void>;
  /** The node must stop at once. */
  readonly fatal: (error: unknown) => void;
}

const conditions = { core: 'core', edges: 'edges', setUp: 'setup', space: 'space' } as const;
const spaceCheckMs = 1_000;
/** Sessions get this long to come to an end; SIGTERM is to be done in under 5 s. */
const edgesGraceMs = 3_000;

export class Node {
  readonly #o: NodeOptions;
  readonly #counts = new NodeCounts();
  readonly #health: Health;
  readonly #stages: Stages;
  #core: Core | undefined;
  #certificate: NodeCertificate | undefined;
  #edges: Edges | undefined;
  #target: CoreTarget | undefined;
  #loopDelay: LoopDelay | undefined;
  #readings: ReadingSource | undefined;
  #endSpaceWatch: (() => void) | undefined;

  constructor(options: NodeOptions) {
    this.#o = options;
    const { log } = options;
    this.#health = new Health(Object.values(conditions), ({ isReady }) => log.info({ isReady }, 'readiness changed'));
    this.#stages = new Stages({
      clock: systemClock,
      log,
      stages: [
        // A large store after a crash is looked through by LMDB; nothing is served meanwhile.
        {
          number: 200,
          name: 'core',
          startMsMax: 300_000,
          start: () => this.#startCore(),
          stop: () => this.#stopCore(),
        },
        {
          number: 400,
          name: 'certificate',
          start: () => this.#startCertificate(),
          stop: () => Promise.resolve(this.#certificate?.close()),
        },
        { number: 500, name: 'edges', start: () => this.#startEdges(), stop: () => this.#stopEdges() },
        { number: 600, name: 'setup', start: () => this.#setUp() },
      ],
    });
  }

  /** @throws {OperationError} what keeps it from starting; nothing is left open then */
  async start(): Promise<void> {
    await this.#stages.start();
  }

  /** Takes nothing new, lets what was taken come to its end, closes all. */
  async stop(): Promise<void> {
    await this.#stages.stop();
  }

  async #startCore(): Promise<void> {
    const { config, log, kinds, fatal, topics, openLog } = this.#o;
    this.#loopDelay = watchLoopDelay();
    const core = await openCore({
      dataPath: config.data,
      nodeId: nodeId(config.node.id),
      mayCreate: true,
      kinds,
      openLog,
      mapBytesMax: config.store.mapBytesMax,
      freeBytesMin: config.store.freeBytesMin,
      clock: systemClock,
      random: systemRandom,
      limits,
      reports: reportsTo(log, this.#counts),
      observe: commitsTo(this.#counts),
      fatal,
    });
    this.#core = core;
    const space = watchSpace(core, this.#health);
    this.#endSpaceWatch = space.end;
    const readings = this.#o.readings?.(core);
    this.#readings = readings;
    const local = coreTarget({
      core,
      clock: systemClock,
      topics: new Map([['storageLow', space.topic], ...topics(core)]),
      inspections: this.#inspections(core),
      counts: this.#counts,
      unknownMetric: (name) => log.warn({ name }, 'a worker counts what is in no table'),
    });
    this.#target = core.cluster.wholeTarget?.(local) ?? local;
    this.#health.met(conditions.core);
  }

  #inspections(core: Core): ReadonlyMap<string, Inspection> {
    const { config, version, inspections } = this.#o;
    const own = nodeInspections({
      node: config.node.id,
      version,
      core,
      health: this.#health,
      counts: this.#counts,
      loopDelay: this.#loopDelay!,
      edges: () => this.#edges,
      readings: () => this.#readings?.read() ?? Promise.resolve({}),
    });
    return new Map([...own, ...(inspections?.(core) ?? [])]);
  }

  async #stopCore(): Promise<void> {
    this.#endSpaceWatch?.();
    await this.#readings?.close();
    await this.#core?.close();
    this.#loopDelay?.stop();
  }

  async #startCertificate(): Promise<void> {
    const { config, log } = this.#o;
    const { certificate, key } = config.tls;
    this.#certificate = await openCertificate({
      dataPath: this.#core!.directory.path,
      configured: certificate === '' ? undefined : { certificate, key },
      hostname: config.hostname,
      clock: systemClock,
      random: systemRandom,
      log,
      changed: (pem) => {
        this.#edges?.reloadCertificate(pem).catch((error: unknown) => {
          log.error({ err: error }, 'the edges did not take the new certificate');
        });
      },
    });
  }

  async #startEdges(): Promise<void> {
    const { config, log } = this.#o;
    await requireFreeAddresses(config);
    const crashes = this.#counts.counter('ringpost_worker_crashes_total', 'edge');
    const specs = this.#o.edges({
      certificate: () => this.#certificate!.current,
      dataPath: this.#core!.directory.path,
    });
    this.#edges = new Edges(specs, { target: this.#target!, clock: systemClock, log, onCrash: () => crashes.add() });
    await this.#edges.start();
    this.#health.met(conditions.edges);
  }

  async #stopEdges(): Promise<void> {
    this.#health.unmet(conditions.edges, 'this node is stopping');
    await this.#edges?.stop(edgesGraceMs);
  }

  async #setUp(): Promise<void> {
    const { setUp } = this.#o;
    invariant(this.#target, 'the core is up when something is set up');
    if (setUp !== undefined) {
      const core = new LocalCore({ target: this.#target, clock: systemClock, random: systemRandom });
      await setUp(core).finally(() => core.close());
    }
    this.#health.met(conditions.setUp);
  }
}

function reportsTo(log: Logger, counts: NodeCounts): EngineReports {
  const turnSeconds = counts.histogram('ringpost_turn_seconds');
  return {
    bug(what, error) {
      counts.counter('ringpost_bugs_total', 'actor').add();
      log.error({ err: error }, `${what}: an error that nobody foresaw`);
    },
    turn: (tookMs) => turnSeconds.observe(tookMs / 1_000),
    slow(kind, what, tookMs) {
      counts.counter('ringpost_turns_slow_total', kind).add();
      log.warn({ tookMs }, `${kind} ${what}: slow turn`);
    },
    noticeFailed(kind, what, error, isDead) {
      if (isDead) counts.counter('ringpost_dead_letters_total', kind).add();
      log.error({ err: error, isDead }, isDead ? `${what}: became a dead letter` : `${what}: failed, is tried again`);
    },
  };
}

function commitsTo(counts: NodeCounts): (commit: GroupCommit) => void {
  const seconds = counts.histogram('ringpost_commit_seconds');
  const entries = counts.histogram('ringpost_commit_entries');
  const bytes = counts.histogram('ringpost_commit_bytes');
  return (commit) => {
    seconds.observe(commit.tookMs / 1_000);
    entries.observe(commit.entries);
    bytes.observe(commit.bytes);
  };
}

/** Looks now and then whether the disk is too full to take mail, tells the edges, and keeps the readiness true to it. */
function watchSpace({ guard }: Core, health: Health): { readonly topic: Topic; readonly end: () => void } {
  const publishers = new Set<(value: unknown) => void>();
  let isLow: boolean | undefined;
  let cancel: (() => void) | undefined;
  const look = (): void => {
    const was = isLow;
    isLow = guard.isLow();
    if (isLow !== was) {
      if (isLow) health.unmet(conditions.space, guard.describe());
      else health.met(conditions.space);
      for (const publish of publishers) publish(isLow);
    }
    cancel = systemClock.after(spaceCheckMs, look);
  };
  look();
  return {
    end: () => cancel?.(),
    topic(publish) {
      publishers.add(publish);
      publish(isLow === true);
      return () => void publishers.delete(publish);
    },
  };
}
