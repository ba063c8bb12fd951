/** The words of one command line, parsed: arguments by name, options by the name that help shows. */
import { wrongUsage } from './codes.ts';

type Word = string | boolean | readonly string[] | undefined;

export class Input {
  readonly #args: ReadonlyMap<string, Word>;
  readonly #options: Readonly<Record<string, Word>>;

  constructor(args: ReadonlyMap<string, Word>, options: Readonly<Record<string, Word>>) {
    this.#args = args;
    this.#options = options;
  }

  /** An argument that must be given. The parser has seen to that. */
  argument(name: string): string {
    const word = this.#args.get(name);
    if (typeof word !== 'string') throw wrongUsage(`<${name}> is missing`);
    return word;
  }

  argumentOr<Other>(name: string, other: Other): string | Other {
    const word = this.#args.get(name);
    return typeof word === 'string' ? word : other;
  }

  /** `option('password-stdin')`; null when it was not given. */
  option(name: string): string | null {
    const word = this.#options[camelCase(name)];
    return typeof word === 'string' ? word : null;
  }

  flag(name: string): boolean {
    return this.#options[camelCase(name)] === true;
  }

  /** All values of a repeatable option. */
  options(name: string): readonly string[] {
    const words = this.#options[camelCase(name)];
    return Array.isArray(words) ? (words as readonly string[]) : [];
  }

  /**
   * An option that is a whole number of at least `min`.
   * @throws {OperationError} `wrongUsage`
   */
  wholeNumber(name: string, min: number): number | null {
    const text = this.option(name);
    return text === null ? null : wholeNumber(`--${name}`, text, min);
  }
}

/** @throws {OperationError} `wrongUsage` */
export function wholeNumber(name: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < min)
    throw wrongUsage(`${name} is a whole number of at least ${min}, not "${text}"`);
  return value;
}

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
