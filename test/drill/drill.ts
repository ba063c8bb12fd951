/**
 * The drill: a node of its own under load, killed with SIGKILL again and again; in the end the client's ledger is held
 * against the mailboxes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../runtime/base/clock.ts';
import { compare, isClean, Ledger, type StoredMail, type Verdict, vanished } from '../support/ledger.ts';
import { addAccount, addAlias, listMailbox } from '../support/process-mailboxes.ts';
import { formatExit, programPath, RingpostNode } from '../support/process-node.ts';
import { slowSync } from '../support/process-strace.ts';
import { Chance } from './chance.ts';
import { formatMoment, type KillMoment, planKills } from './kill-plan.ts';
import { Load } from './load.ts';
import { type AddressBook, MailMaker } from './mails.ts';
import type { DrillOptions } from './options.ts';
import { compareBytes, readMailboxes, untilSettled } from './reading.ts';

export interface DrillResult extends Verdict {
  readonly kills: number;
  /** From the kill to the first 200 of `/readyz`, the start of the process included. */
  readonly restartMs: readonly number[];
  readonly wrongBytes: number;
  /** Mails that a list had shown and that are gone or have another UID. */
  readonly vanished: number;
  readonly oddities: readonly string[];
}

const domain = 'drill.example';
/** Under a load that brings 250s, one comes long before. */
const replyMsMax = 20_000;
/** Every so many kills a mailbox is read in between, to see whether it keeps what it showed. */
const lookEvery = 3;

export async function runDrill(options: DrillOptions, progress: (line: string) => void): Promise<DrillResult> {
  const directory = mkdtempSync(join(tmpdir(), 'ringpost-drill-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  const node = await RingpostNode.quickstart(mailboxName(0), {
    dataDir: join(directory, 'node'),
    program: options.program ?? programPath,
    wrapper: options.slowSyncMs === 0 ? [] : slowSync(options.slowSyncMs),
  });
  const drill = new Drill(options, node, progress);
  try {
    return await drill.run();
  } finally {
    await drill.end();
    remove();
  }
}

export function isPassed(result: DrillResult): boolean {
  return isClean(result) && result.wrongBytes === 0 && result.vanished === 0;
}

function mailboxName(i: number): string {
  return `box${i}@${domain}`;
}

class Drill {
  readonly #options: DrillOptions;
  readonly #chance: Chance;
  readonly #ledger = new Ledger();
  readonly #progress: (line: string) => void;
  readonly #restartMs: number[] = [];
  readonly #seen: (readonly [string, StoredMail])[] = [];
  #node: RingpostNode;
  #load: Load | undefined;
  #onAccepted: () => void = () => undefined;

  constructor(options: DrillOptions, node: RingpostNode, progress: (line: string) => void) {
    this.#options = options;
    this.#node = node;
    this.#progress = progress;
    this.#chance = new Chance(options.seed);
  }

  async run(): Promise<DrillResult> {
    const book = await this.#makeAddresses();
    const maker = new MailMaker(this.#options.seed, book, domain);
    const load = new Load({
      port: this.#node.smtpPort,
      sessions: this.#options.sessions,
      maker,
      ledger: this.#ledger,
      chance: this.#chance,
      onAccepted: () => this.#onAccepted(),
    });
    this.#load = load;
    const moments = planKills(this.#options.kills, this.#chance);
    for (const [round, moment] of moments.entries()) await this.#round(load, round, moment);
    await load.finish();
    await untilSettled(this.#node);
    const mailboxes = await readMailboxes(this.#node, [...new Set(book.values())]);
    const verdict = compare(this.#ledger, mailboxes);
    const gone = vanished(this.#seen, mailboxes);
    const wrong = await compareBytes(this.#node, this.#ledger, mailboxes, maker, this.#chance, this.#options.sample);
    return {
      kills: moments.length,
      ...verdict,
      restartMs: this.#restartMs,
      vanished: gone.length,
      wrongBytes: wrong.length,
      faults: [...verdict.faults, ...gone.slice(0, 5).map((key) => `vanished: ${key}`), ...wrong],
      oddities: load.oddities,
    };
  }

  async end(): Promise<void> {
    this.#load?.abandon();
    if (this.#node.exit === undefined) await this.#node.kill();
  }

  async #makeAddresses(): Promise<AddressBook> {
    const book = new Map<string, string>();
    for (let i = 0; i < this.#options.recipients; i++) {
      if (i > 0) await addAccount(this.#node, mailboxName(i));
      book.set(mailboxName(i), mailboxName(i));
      if (i % 2 === 0) continue;
      await addAlias(this.#node, `alias${i}@${domain}`, mailboxName(i));
      book.set(`alias${i}@${domain}`, mailboxName(i));
    }
    return book;
  }

  async #round(load: Load, round: number, moment: KillMoment): Promise<void> {
    const look = round % lookEvery === lookEvery - 1 ? this.#look() : Promise.resolve();
    const killedMs = await this.#killAt(load, moment);
    const exit = await this.#node.ended();
    if (exit.signal !== 'SIGKILL')
      throw new Error(`the node ended by itself: ${formatExit(exit)}\n${this.#node.lastWords}`);
    await look;
    this.#node = await this.#node.restart();
    const restartMs = Math.round(systemClock.monotonicMs() - killedMs);
    this.#restartMs.push(restartMs);
    load.up();
    const { kills } = this.#options;
    const counts = `${this.#ledger.count('accepted')} accepted, ${this.#ledger.count('unknown')} unknown`;
    this.#progress(`kill ${round + 1}/${kills} ${formatMoment(moment)}: ${counts}, ready again in ${restartMs} ms`);
  }

  /** @returns when, on the monotonic clock */
  #killAt(load: Load, moment: KillMoment): Promise<number> {
    return new Promise((resolve) => {
      const kill = (): void => {
        this.#onAccepted = () => undefined;
        this.#node.signal('SIGKILL');
        load.down();
        cancel();
        resolve(systemClock.monotonicMs());
      };
      const cancel = systemClock.after(moment.kind === 'instant' ? moment.afterMs : replyMsMax, kill);
      if (moment.kind === 'instant') return;
      let left = moment.nth;
      this.#onAccepted = () => {
        if (--left === 0) kill();
      };
    });
  }

  /** A list in mid-load. It may be cut off by the kill. */
  async #look(): Promise<void> {
    const box = mailboxName(this.#chance.between(0, this.#options.recipients - 1));
    const mails = await listMailbox(this.#node, box).catch(() => []);
    for (const { uid, messageId } of mails) this.#seen.push([box, { uid, messageId }]);
  }
}
