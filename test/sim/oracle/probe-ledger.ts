/**
 * What the probes must say: a command, timer or notice that was answered happened once, one without an answer at most once; a
 * sum never goes back, for nobody who looks.
 */
type Fate = 'answered' | 'unsure' | 'refused' | 'open';

interface Sum {
  /** The largest that anybody has been shown. */
  shown: number;
  asked: number;
}

export class ProbeLedger {
  readonly #fail: (text: string) => void;
  /** `probe\0what token` -> what became of the command that asks for it. */
  readonly #fates = new Map<string, Fate>();
  readonly #sums = new Map<string, Sum>();

  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  asked(probe: string, what: string): void {
    this.#fates.set(`${probe}\0${what}`, 'open');
    if (what.startsWith('add ')) this.sumOf(probe).asked++;
  }

  ended(probe: string, what: string, fate: Fate): void {
    this.#fates.set(`${probe}\0${what}`, fate);
  }

  sumOf(probe: string): Sum {
    let sum = this.#sums.get(probe);
    if (sum === undefined) this.#sums.set(probe, (sum = { shown: 0, asked: 0 }));
    return sum;
  }

  /** @param shownBefore what had been shown when the question was asked */
  shown(probe: string, value: number, shownBefore: number): void {
    const sum = this.sumOf(probe);
    if (value < shownBefore) this.#fail(`probe ${probe}: a sum of ${value} was shown after one of ${shownBefore}`);
    if (value > sum.asked) this.#fail(`probe ${probe}: the sum is ${value} after ${sum.asked} commands`);
    sum.shown = Math.max(sum.shown, value);
  }

  atTheEnd(probe: string, tokens: Readonly<Record<string, number>>): void {
    for (const [name, fate] of this.#fates) {
      const [of, what] = name.split('\0') as [string, string];
      if (of !== probe) continue;
      const times = tokens[what] ?? 0;
      if (times > 1) this.#fail(`probe ${probe}: ${what} happened ${times} times`);
      if (times === 0 && fate === 'answered') this.#fail(`probe ${probe}: ${what} was promised and did not happen`);
      if (times > 0 && fate === 'refused') this.#fail(`probe ${probe}: ${what} was refused and happened`);
    }
    for (const what of Object.keys(tokens)) {
      if (!this.#fates.has(`${probe}\0${what}`))
        this.#fail(`probe ${probe}: ${what} happened, and nobody asked for it`);
    }
  }

  *probes(): Iterable<string> {
    yield* new Set([...this.#fates.keys()].map((name) => name.slice(0, name.indexOf('\0'))));
  }
}
