/** What a node says of itself at `/metrics`, in the text form that Prometheus reads. */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** All samples of a scrape. What is no sample (comments, what cannot be read) is passed over. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((row): Sample[] => {
    const [, name, labels = '', value] = line.exec(row) ?? [];
    if (name === undefined || value === undefined) return [];
    return [{ name, labels: parseLabels(labels), value: Number(value.replace('Inf', 'Infinity')) }];
  });
}

function parseLabels(text: string): Map<string, string> {
  const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };
  return new Map(
    [...text.matchAll(label)].map(([, name = '', value = '']) => [
      name,
      value.replace(/\\[n"\\]/g, (escaped) => escapes[escaped] ?? escaped),
    ]),
  );
}

/**
 * The sum of all samples of this name that have these labels (and maybe others).
 * @returns NaN when there is none: a number that is not told is not zero
 */
export function sumOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels);
  const found = samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels.get(key) === value),
  );
  return found.length === 0 ? Number.NaN : found.reduce((sum, { value }) => sum + value, 0);
}
