/**
 * What a sink took, a line of JSON each, appended before the reply to the final dot leaves.
 *
 * The sink is not what is killed, so a line that the kernel has is kept; `syncs` is for whoever pulls plugs.
 */
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { SinkMail } from './sink-session.ts';

export interface LedgerLine {
  readonly atMs: number;
  readonly from: string;
  readonly to: readonly string[];
  /** With its angle brackets; '' when the mail has none. */
  readonly messageId: string;
  /** Of `X-Mail-Number`; null when the mail has none. */
  readonly number: number | null;
}

/** Wrong on purpose, to show that whoever reads the ledger sees it: one mail in `faultEvery` is left out, or there twice. */
export type LedgerFault = 'none' | 'forgets' | 'doubles';

const faultEvery = 20;

export class LedgerFile {
  readonly #file: number;
  readonly #syncs: boolean;
  readonly #fault: LedgerFault;
  #mails = 0;

  constructor(path: string, { syncs = false, fault = 'none' }: { syncs?: boolean; fault?: LedgerFault } = {}) {
    this.#file = openSync(path, 'a');
    this.#syncs = syncs;
    this.#fault = fault;
  }

  enter(mail: SinkMail, atMs: number): void {
    const isFaulty = this.#fault !== 'none' && ++this.#mails % faultEvery === 0;
    if (isFaulty && this.#fault === 'forgets') return;
    this.#write(mail, atMs);
    if (isFaulty) this.#write(mail, atMs);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(mail: SinkMail, atMs: number): void {
    const number = headerField(mail.header, 'X-Mail-Number');
    const line: LedgerLine = {
      ...{ atMs, from: mail.from, to: mail.to, messageId: headerField(mail.header, 'Message-ID') ?? '' },
      number: number === null ? null : Number(number),
    };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    if (this.#syncs) fdatasyncSync(this.#file);
  }
}

export function readLedger(path: string): LedgerLine[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LedgerLine);
}

/** The field's value without folds; null when it is not there. */
export function headerField(header: string, name: string): string | null {
  const field = new RegExp(`^${name}:[ \\t]*(.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(header);
  return field?.[1]?.replaceAll(/\r\n[ \t]/g, ' ').trim() ?? null;
}
