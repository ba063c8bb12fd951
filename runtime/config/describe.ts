/** The reference of all keys, printed from the schema: `ringpost config describe`. */
import { type ConfigKey, configKeys } from './keys.ts';
import { thisMachine } from './load.ts';

const widthMax = 100;

/** For people. */
export function describeConfig(keys: readonly ConfigKey[] = configKeys(thisMachine())): string {
  return keys.map(describeKey).join('\n');
}

/** For programs: a JSON array, one object a key. */
export function describeConfigJson(keys: readonly ConfigKey[] = configKeys(thisMachine())): string {
  const rows = keys.map(({ key, variable, defaultText, form, does }) => ({
    ...{ key, environment: variable, default: defaultText, allowed: form, description: does },
  }));
  return JSON.stringify(rows, null, 2);
}

function describeKey({ key, variable, defaultText, form, does }: ConfigKey): string {
  const lines = [
    key,
    ...wrapped(does),
    ...wrapped(`Allowed: ${form}.`),
    `    Default: ${defaultText} · environment: ${variable}`,
  ];
  return `${lines.join('\n')}\n`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '   ';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > widthMax) {
      lines.push(line);
      line = '   ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
