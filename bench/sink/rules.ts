/**
 * What a sink answers other than 250, and how late: a table that goes with it as JSON, so that a drill can say by the
 * recipient's name what shall become of a mail.
 */

export type SinkStep = 'greeting' | 'mail' | 'rcpt' | 'dot';

export interface SinkRule {
  readonly at: SinkStep;
  /**
   * Source of a regular expression: of the sender at `mail`, of the recipient at `rcpt`, of any recipient at `dot`.
   * Left out: always.
   */
  readonly match?: string;
  /** Only the first so many times for one address. */
  readonly times?: number;
  /** Before the reply; a mail is in the ledger before it. */
  readonly delayMs?: number;
  /** In place of 250 or 220. At `dot` the mail is not taken then. */
  readonly reply?: string;
  /** The connection ends in place of a reply. */
  readonly hangsUp?: boolean;
  /** At `dot`, with `hangsUp`: the mail is taken all the same, as by a server that dies before it has said so. */
  readonly keeps?: boolean;
}

/** The rules with the memory of how often each has held. */
export class SinkRules {
  readonly #rules: readonly { rule: SinkRule; pattern: RegExp | null; timesOf: Map<string, number> }[];

  constructor(rules: readonly SinkRule[]) {
    this.#rules = rules.map((rule) => ({
      rule,
      pattern: rule.match === undefined ? null : new RegExp(rule.match),
      timesOf: new Map<string, number>(),
    }));
  }

  /** The first rule that holds for one of `addresses`; undefined: as usual. */
  find(at: SinkStep, addresses: readonly string[]): SinkRule | undefined {
    for (const { rule, pattern, timesOf } of this.#rules) {
      if (rule.at !== at) continue;
      const address = pattern === null ? '' : addresses.find((one) => pattern.test(one));
      if (address === undefined) continue;
      const times = (timesOf.get(address) ?? 0) + 1;
      if (rule.times !== undefined && times > rule.times) continue;
      if (rule.times !== undefined) timesOf.set(address, times);
      return rule;
    }
    return undefined;
  }
}
