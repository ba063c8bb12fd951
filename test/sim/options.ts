/** The simulator's command line. */
import { parseArgs } from 'node:util';
import { formings, type Given, profiles } from './plan.ts';

export interface SimOptions {
  readonly seeds: number;
  readonly from: number;
  readonly given: Given;
  readonly workers: number;
  readonly isVerbose: boolean;
  /** Replays this one alone. */
  readonly seed: number | null;
  /** Faults that are left out of it. */
  readonly without: readonly number[];
}

export const usage = `npm run sim -- [options]            many seeds
SEED=k npm run sim -- [--verbose]   one seed, to the byte; its last line is "trace <hash>"

Runs the real code over virtual time, network and disks, with faults drawn from a seed, and holds what is there against a
ledger of all answers. Exit status 0: nothing found; 1: something was, or a kind of fault was too rare; 2: wrong usage.

  --seeds N      how many (100)
  --from K       the first one (1)
  --fresh        the first one is drawn by chance, and printed
  --nodes N      nodes of each cluster, 1 to 7 (each seed draws its own)
  --mix NAME     usual, quiet, elections or long (each seed draws its own)
  --forming NAME founded, configured or mapless (each seed draws its own)
  --workers N    processes (2)
  --verbose      prints what happens (of one seed)

  WITHOUT=3,5    with SEED: leaves these faults out`;

/** @throws {TypeError} saying what is wrong with the words */
export function parseOptions(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  drawn: () => number,
): SimOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...{ seeds: text, from: text, nodes: text, workers: text, mix: text, forming: text },
      ...{ fresh: { type: 'boolean' }, verbose: { type: 'boolean' } },
    },
  });
  const without = environment['WITHOUT'] ?? '';
  return {
    seeds: wholeNumber('--seeds', values.seeds, 1) ?? 100,
    from: values.fresh === true ? drawn() : (wholeNumber('--from', values.from, 0) ?? 1),
    given: {
      nodes: wholeNumber('--nodes', values.nodes, 1),
      ...oneOf('--mix', 'profile', profiles, values.mix),
      ...oneOf('--forming', 'forming', formings, values.forming),
    },
    workers: wholeNumber('--workers', values.workers, 1) ?? 2,
    isVerbose: values.verbose === true,
    seed: wholeNumber('SEED', environment['SEED'], 0),
    without: without === '' ? [] : without.split(',').map((each) => wholeNumber('WITHOUT', each, 0) ?? 0),
  };
}

function oneOf<Name extends string, Value extends string>(
  option: string,
  name: Name,
  values: readonly Value[],
  text: string | undefined,
): { readonly [name in Name]?: Value } {
  if (text === undefined) return {};
  const value = values.find((each) => each === text);
  if (value === undefined) throw new TypeError(`${option} is ${values.join(', ')}, not ${text}`);
  return { [name]: value } as { readonly [name in Name]?: Value };
}

function wholeNumber(name: string, text: string | undefined, min: number): number | null {
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min)
    throw new TypeError(`${name} is a whole number from ${min} on, not ${text}`);
  return value;
}
