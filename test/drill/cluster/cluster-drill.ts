/**
 * The drill with several nodes: mail goes in and out through all of them, while one fault after the other hits a minority;
 * in the end the clients' ledgers are held against the mailboxes and the far end.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../../bench/peers/child.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { compare, type StoredMail, vanished } from '../../support/ledger.ts';
import { type ProcessCluster, startCluster } from '../../support/process-cluster.ts';
import { programPath } from '../../support/process-node.ts';
import { listMailbox } from '../../support/process-mailboxes.ts';
import { Chance } from '../chance.ts';
import type { DrillOptions } from '../options.ts';
import { compareBytes } from '../reading.ts';
import { type Addresses, boxName, domain, makeAddresses } from './addresses.ts';
import { ClusterLoad } from './cluster-load.ts';
import { ClusterMailMaker } from './cluster-mails.ts';
import { readTwice, untilAllSettled } from './cluster-reading.ts';
import type { ClusterDrillResult } from './cluster-report.ts';
import { canStallDisks } from './disk-stall.ts';
import { annotated, timelineOf } from './evidence.ts';
import { type FaultKind, faultKinds } from './fault-plan.ts';
import { FaultRounds } from './fault-rounds.ts';
import { OutboundSide } from './outbound-side.ts';
import { Books } from './sending.ts';

/** Of a session, between two mails: about 35 mails a second from eight sessions. */
const thinkMs = 200;
/** Every so many faults a mailbox is listed in between, to see whether it keeps what it showed. */
const lookEvery = 4;
const finalMsMax = 120_000;

export async function runClusterDrill(
  options: DrillOptions,
  progress: (line: string) => void,
): Promise<ClusterDrillResult> {
  const directory = mkdtempSync(join(tmpdir(), 'ringpost-drill-'));
  const remove = (): void => {
    if (!options.keep) rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', remove);
  if (options.keep) progress(`data, logs and the timeline are kept in ${directory}`);
  const drill = new ClusterDrill(options, progress, directory);
  try {
    return await drill.run();
  } finally {
    await drill.end();
    remove();
  }
}

class ClusterDrill {
  readonly #options: DrillOptions;
  readonly #progress: (line: string) => void;
  readonly #directory: string;
  readonly #chance: Chance;
  readonly #books = new Books();
  readonly #seen: (readonly [string, StoredMail])[] = [];
  readonly #startMs = systemClock.monotonicMs();
  #cluster: ProcessCluster | undefined;
  #load: ClusterLoad | undefined;
  #out: OutboundSide | undefined;

  constructor(options: DrillOptions, progress: (line: string) => void, directory: string) {
    this.#options = options;
    this.#progress = progress;
    this.#directory = directory;
    this.#chance = new Chance(options.seed);
  }

  async run(): Promise<ClusterDrillResult> {
    const { seed, minutes, recipients, sessions } = this.#options;
    const cluster = await this.#form();
    const addresses = await makeAddresses(cluster.nodes[0]!, recipients);
    this.#progress(`${cluster.nodes.length} nodes, ${recipients} mailboxes; faults for ${minutes} min, seed ${seed}`);
    const maker = new ClusterMailMaker(seed, addresses.book, domain);
    const rounds = this.#rounds(cluster, addresses, maker);
    this.#load = new ClusterLoad({
      doors: cluster.nodes.map(({ id, smtpPort }) => ({ node: id, port: smtpPort })),
      ...{ sessions, thinkMs, maker, books: this.#books, chance: this.#chance },
      onAccepted: () => rounds.happened(),
    });
    this.#out = this.#options.inOnly
      ? undefined
      : await OutboundSide.start(cluster, this.#options, this.#directory, () => rounds.happened());
    let looks = 0;
    await rounds.runUntil(systemClock.monotonicMs() + minutes * 60_000, async () => {
      if (++looks % lookEvery === 0) await this.#look(cluster);
    });
    return this.#judge(cluster, addresses, maker, rounds);
  }

  async end(): Promise<void> {
    this.#load?.abandon();
    await this.#out?.end();
    await this.#cluster?.close();
  }

  async #form(): Promise<ProcessCluster> {
    const { nodes, mutant, program } = this.#options;
    this.#progress(`forming a cluster of ${nodes}`);
    const plant = ['--import', join(repositoryRoot, 'test/sim/mutants/plant.ts')];
    this.#cluster = await startCluster({
      ...{ nodes, directory: this.#directory, proxies: true, sets: ['submission.allowClearAuth=true'] },
      spec: {
        program: program ?? programPath,
        ...(mutant === null ? {} : { nodeOptions: plant, environment: { SIM_MUTANT: mutant } }),
      },
    });
    return this.#cluster;
  }

  #rounds(cluster: ProcessCluster, { shardOfBox }: Addresses, maker: ClusterMailMaker): FaultRounds {
    const { ledger } = this.#books;
    return new FaultRounds({
      ...{ cluster, shardOfBox, books: this.#books, progress: this.#progress, kinds: this.#kinds().kinds },
      makeProbeMail: (address) => maker.makeProbe(address),
      // Chance of its own: the load draws as often as time allows.
      chance: new Chance(this.#options.seed + 1),
      counts: () => `${ledger.count('accepted')} accepted, ${ledger.count('unknown')} unknown`,
    });
  }

  #kinds(): { readonly kinds: readonly FaultKind[]; readonly skipped: readonly string[] } {
    const wanted = this.#options.kinds.length === 0 ? faultKinds : this.#options.kinds;
    if (canStallDisks() || !wanted.includes('diskStall')) return { kinds: wanted, skipped: [] };
    const skipped = ['disk stalls: they need strace: apt-get install strace'];
    return { kinds: wanted.filter((kind) => kind !== 'diskStall'), skipped };
  }

  async #judge(
    cluster: ProcessCluster,
    { book }: Addresses,
    maker: ClusterMailMaker,
    rounds: FaultRounds,
  ): Promise<ClusterDrillResult> {
    const { nodes, minutes, seed, sample } = this.#options;
    const load = this.#load as ClusterLoad;
    this.#progress('no more faults; the clients send what is left');
    await Promise.all([load.finish(), this.#out?.finish()]);
    await rounds.reviveTheDead();
    const failures = await this.#goal(cluster, rounds.failures);
    this.#progress('all mail is in; waiting for the outboxes, then reading');
    const living = cluster.nodes.filter(({ isRunning }) => isRunning);
    await untilAllSettled(living);
    const { mailboxes, differing } = await readTwice(living, [...new Set(book.values())]);
    const inbound = compare(this.#books.ledger, mailboxes);
    const gone = vanished(this.#seen, mailboxes);
    const node = this.#chance.pick(living).life;
    const wrong = await compareBytes(node, this.#books.ledger, mailboxes, maker, this.#chance, sample);
    const out = (await this.#out?.judge(cluster)) ?? null;
    const { records } = rounds;
    writeFileSync(join(this.#directory, 'timeline.json'), timelineOf(records, this.#startMs));
    const about = (fault: string): string => annotated(fault, this.#books, records, this.#startMs);
    return {
      ...{ nodes, minutes, seed, inbound, outbound: out?.verdict ?? null, isSettled: out?.isSettled ?? true },
      ...{ inDoubt: out?.inDoubt ?? 0, wrongBytes: wrong.length, vanished: gone.length, differing: differing.length },
      ...{ wrongAnswers: load.wrongCount + (out?.wrongCount ?? 0), failures, records, skipped: this.#kinds().skipped },
      putOff: load.putOff,
      faults: [
        ...inbound.faults.map(about),
        ...(out?.faults ?? []),
        ...gone.slice(0, 5).map((key) => `vanished: ${key}`),
        ...[...differing, ...wrong, ...load.wrong.slice(0, 5)],
      ],
    };
  }

  /** In the end all shards have all their copies again. */
  async #goal(cluster: ProcessCluster, before: readonly string[]): Promise<string[]> {
    const failures = [...before];
    try {
      await cluster.waitServed({ isAtGoal: true, timeoutMs: finalMsMax });
    } catch (error) {
      // The mail is judged all the same.
      failures.push(`in the end: ${(error as Error).message}`);
    }
    return failures;
  }

  /** A list in mid-load. */
  async #look(cluster: ProcessCluster): Promise<void> {
    const box = boxName(this.#chance.between(0, this.#options.recipients - 1));
    const mails = await listMailbox(this.#chance.pick(cluster.nodes).life, box).catch(() => []);
    for (const { uid, messageId } of mails) this.#seen.push([box, { uid, messageId }]);
  }
}
