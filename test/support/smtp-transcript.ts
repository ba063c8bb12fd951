/** Reads the text conversations of `test/wire/smtp/`; their form is told in `test/wire/smtp.test.ts`. */

export type Step =
  | { readonly kind: 'client'; readonly bytes: Buffer }
  | { readonly kind: 'server'; readonly text: string; readonly pattern: RegExp; readonly at: string }
  | { readonly kind: 'closed'; readonly at: string }
  | { readonly kind: 'stored' | 'left'; readonly names: readonly string[]; readonly at: string };

export interface Conversation {
  readonly title: string;
  /** Begins at the first byte, not after EHLO. */
  readonly isRaw: boolean;
  readonly steps: readonly Step[];
}

export function parseConversations(text: string): Conversation[] {
  const conversations: { title: string; isRaw: boolean; steps: Step[] }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const title = /^== (\(raw\) )?(.+)$/.exec(line);
    if (title !== null) conversations.push({ title: title[2] ?? '', isRaw: title[1] !== undefined, steps: [] });
    const steps = conversations.at(-1)?.steps;
    if (steps === undefined || title !== null || line.trim() === '' || line.startsWith('#')) continue;
    addStep(steps, line, `line ${index + 1}: ${line}`);
  }
  return conversations;
}

function addStep(steps: Step[], line: string, at: string): void {
  const rest = line.slice(3);
  const mark = line.slice(0, 2);
  if (mark === 'C:' || mark === 'C-') {
    const bytes = Buffer.from(unescape(rest) + (mark === 'C:' ? '\r\n' : ''), 'latin1');
    const last = steps.at(-1);
    if (last?.kind === 'client') steps.splice(-1, 1, { kind: 'client', bytes: Buffer.concat([last.bytes, bytes]) });
    else steps.push({ kind: 'client', bytes });
  } else if (mark === 'S:') {
    const pattern = new RegExp(`^${rest.split('*').map(literally).join('.*')}$`);
    steps.push({ kind: 'server', text: rest, pattern, at });
  } else if (line === 'closed') {
    steps.push({ kind: 'closed', at });
  } else if (/^(?:stored|left):/.test(line)) {
    const [kind = '', ...names] = line.split(/[: ]+/).filter((name) => name !== '');
    steps.push({ kind: kind as 'stored' | 'left', names, at });
  } else {
    throw new Error(`no step of a conversation: ${at}`);
  }
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Text beyond Latin-1 is sent as UTF-8. */
function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return bytes.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (whole, hex?: string, name?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return named[name ?? ''] ?? whole;
  });
}
