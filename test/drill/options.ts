/** The drill's command line. */
import { parseArgs } from 'node:util';
import { type FaultKind, faultKinds } from './cluster/fault-plan.ts';

export interface DrillOptions {
  readonly kills: number;
  /** Mail is submitted for remote domains instead of sent to mailboxes. */
  readonly outbound: boolean;
  readonly sessions: number;
  /** Mailboxes; about half as many aliases are made beside them. Outbound: remote domains. */
  readonly recipients: number;
  readonly seed: number;
  readonly json: boolean;
  /** Another `main.ts`, e.g. of a copy that was broken on purpose. */
  readonly program: string | null;
  /** Copies that are read back and compared byte for byte. */
  readonly sample: number;
  /** Every fdatasync of the node takes so much longer (needs strace). 0: as the disk is. */
  readonly slowSyncMs: number;
  /** More than one: a cluster, faults of many kinds, mail in and out (`cluster/`). */
  readonly nodes: number;
  /** Of faults. */
  readonly minutes: number;
  /** Only these kinds of fault; empty: all. */
  readonly kinds: readonly FaultKind[];
  /** No mail is sent out. */
  readonly inOnly: boolean;
  /** A bug of `../sim/mutants/mutants.ts` that the nodes run with. */
  readonly mutant: string | null;
  /** Data, logs and the timeline stay where they are. */
  readonly keep: boolean;
}

export const usage = `npm run drill -- [options]

Sends numbered mails to a node of its own, kills it with SIGKILL again and again, and counts what is in the mailboxes.
With --outbound it submits mails for other servers, and counts what has come to a sink that keeps a ledger.
Exit status 0: nothing lost, doubled, or found that was refused; 1: something was; 2: wrong usage.

  --kills N        kills (10)
  --outbound       mails for remote domains, through the submission port
  --sessions K     SMTP sessions that send at the same time (8)
  --recipients M   mailboxes, with half as many aliases beside them; remote domains (6)
  --seed S         draws the same mails and kill moments again (by chance; it is printed)
  --sample N       copies that are read back and compared byte for byte (24)
  --slow-sync MS   makes every fdatasync so much slower; needs strace (0)
  --program FILE   another main.ts, e.g. of a copy that is broken on purpose
  --json           one JSON object instead of a table

With several nodes it forms a cluster, sends mail in and out through all of them, and breaks one thing after the other:
kill -9, SIGSTOP, restart, partitions, one-way cuts, delays, slow disks; never more than a minority at a time.

  --nodes N        nodes, 3 or more (1: the drill of a lone node, by --kills)
  --minutes M      of faults (2)
  --faults LIST    only these, e.g. kill,partition
  --in-only        no mail for other servers
  --mutant NAME    a bug of test/sim/mutants that the nodes run with, e.g. 'output before commit'
  --keep           keep data, logs and a timeline of the faults`;

/** @throws {TypeError} saying what is wrong with the words */
export function parseOptions(words: readonly string[], drawnSeed: number): DrillOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      kills: text,
      outbound: { type: 'boolean' },
      sessions: text,
      recipients: text,
      seed: text,
      sample: text,
      'slow-sync': text,
      program: text,
      json: { type: 'boolean' },
      nodes: text,
      minutes: text,
      faults: text,
      'in-only': { type: 'boolean' },
      mutant: text,
      keep: { type: 'boolean' },
    },
  });
  const nodes = wholeNumber('nodes', values.nodes, 1, 1);
  if (nodes === 2) throw new TypeError('--nodes takes 1, or 3 and more: two alone do not survive a fault');
  return {
    kills: wholeNumber('kills', values.kills, 10, 0),
    outbound: values.outbound === true,
    sessions: wholeNumber('sessions', values.sessions, 8, 1),
    recipients: wholeNumber('recipients', values.recipients, nodes > 1 ? 18 : 6, 3),
    seed: wholeNumber('seed', values.seed, drawnSeed, 0),
    sample: wholeNumber('sample', values.sample, 24, 0),
    json: values.json === true,
    program: values.program ?? null,
    slowSyncMs: wholeNumber('slow-sync', values['slow-sync'], 0, 0),
    nodes,
    minutes: minutesOf(values.minutes),
    kinds: kindsOf(values.faults),
    inOnly: values['in-only'] === true,
    mutant: values.mutant ?? null,
    keep: values.keep === true,
  };
}

function minutesOf(given = '2'): number {
  const minutes = Number(given);
  if (Number.isFinite(minutes) && minutes > 0) return minutes;
  throw new TypeError(`--minutes takes a number above 0, not '${given}'`);
}

function kindsOf(given = ''): FaultKind[] {
  return given
    .split(',')
    .filter((word) => word !== '')
    .map((word) => {
      const kind = faultKinds.find((each) => each === word);
      if (kind === undefined) throw new TypeError(`--faults takes ${faultKinds.join(', ')}, not '${word}'`);
      return kind;
    });
}

function wholeNumber(name: string, given: string | undefined, byDefault: number, min: number): number {
  if (given === undefined) return byDefault;
  const value = Number(given);
  if (/^\d+$/.test(given) && Number.isSafeInteger(value) && value >= min) return value;
  throw new TypeError(`--${name} takes a whole number of at least ${min}, not '${given}'`);
}
