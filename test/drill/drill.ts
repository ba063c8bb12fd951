/**
 * The drill: a node of its own under load, killed with SIGKILL again and again; in the end the client's ledger is held
 * against the mailboxes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, isClean, Ledger, type StoredMail, type Verdict, vanished } from '../support/ledger.ts';
import { addAccount, addAlias, listMailbox } from '../support/process-mailboxes.ts';
import { programPath, RingpostNode } from '../support/process-node.ts';
import { slowSync } from '../support/process-strace.ts';
import { Chance } from './chance.ts';
import { planKills } from './kill-plan.ts';
import { KillRounds } from './kill-rounds.ts';
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
  readonly #rounds: KillRounds;
  readonly #seen: (readonly [string, StoredMail])[] = [];
  #load: Load | undefined;

  constructor(options: DrillOptions, node: RingpostNode, progress: (line: string) => void) {
    this.#options = options;
    this.#rounds = new KillRounds(node, progress);
    this.#chance = new Chance(options.seed);
  }

  async run(): Promise<DrillResult> {
    const book = await this.#makeAddresses();
    const maker = new MailMaker(this.#options.seed, book, domain);
    const load = new Load({
      port: this.#rounds.node.smtpPort,
      sessions: this.#options.sessions,
      maker,
      ledger: this.#ledger,
      chance: this.#chance,
      onAccepted: () => this.#rounds.happened('reply'),
    });
    this.#load = load;
    const moments = planKills(this.#options.kills, this.#chance);
    const counts = (): string => `${this.#ledger.count('accepted')} accepted, ${this.#ledger.count('unknown')} unknown`;
    for (const [round, moment] of moments.entries()) {
      const look = round % lookEvery === lookEvery - 1 ? this.#look() : Promise.resolve();
      await this.#rounds.run(load, moment, `kill ${round + 1}/${moments.length}`, counts, look);
    }
    await load.finish();
    await untilSettled(this.#rounds.node);
    const mailboxes = await readMailboxes(this.#rounds.node, [...new Set(book.values())]);
    const verdict = compare(this.#ledger, mailboxes);
    const gone = vanished(this.#seen, mailboxes);
    const wrong = await compareBytes(
      this.#rounds.node,
      this.#ledger,
      mailboxes,
      maker,
      this.#chance,
      this.#options.sample,
    );
    return {
      kills: moments.length,
      ...verdict,
      restartMs: this.#rounds.restartMs,
      vanished: gone.length,
      wrongBytes: wrong.length,
      faults: [...verdict.faults, ...gone.slice(0, 5).map((key) => `vanished: ${key}`), ...wrong],
      oddities: load.oddities,
    };
  }

  async end(): Promise<void> {
    this.#load?.abandon();
    if (this.#rounds.node.exit === undefined) await this.#rounds.node.kill();
  }

  async #makeAddresses(): Promise<AddressBook> {
    const book = new Map<string, string>();
    for (let i = 0; i < this.#options.recipients; i++) {
      if (i > 0) await addAccount(this.#rounds.node, mailboxName(i));
      book.set(mailboxName(i), mailboxName(i));
      if (i % 2 === 0) continue;
      await addAlias(this.#rounds.node, `alias${i}@${domain}`, mailboxName(i));
      book.set(`alias${i}@${domain}`, mailboxName(i));
    }
    return book;
  }

  /** A list in mid-load. It may be cut off by the kill. */
  async #look(): Promise<void> {
    const box = mailboxName(this.#chance.between(0, this.#options.recipients - 1));
    const mails = await listMailbox(this.#rounds.node, box).catch(() => []);
    for (const { uid, messageId } of mails) this.#seen.push([box, { uid, messageId }]);
  }
}
